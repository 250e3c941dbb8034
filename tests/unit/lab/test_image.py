"""The pure parts of the image builder."""

from __future__ import annotations

import gzip
import lzma
import struct
import tarfile
from pathlib import Path

import pytest

from lab.errors import SetupFailed
from lab.image.kernel import compressed_payload
from lab.image.recipe import CONTAINER_APPLETS
from lab.image.rootfs import write_container_image


def boot_image(payload: bytes, appended: bytes) -> bytes:
    """Return a bzImage of two setup sectors around `payload`."""
    header = bytearray(3 * 512)
    header[0x1F1] = 2
    header[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", header, 0x248, 64, len(payload + appended))
    return bytes(header) + bytes(64) + payload + appended + b"the rest"


@pytest.mark.parametrize(
    ("payload", "appended"), [(lzma.compress(b"kernel"), b"\x06\0\0\0"), (gzip.compress(b"kernel", mtime=0), b"")]
)
def test_the_kernel_is_found_in_its_package(payload: bytes, appended: bytes) -> None:
    """The compressed kernel comes out without the size that most formats have appended."""
    assert payload == compressed_payload(boot_image(payload, appended))


def test_what_is_no_kernel_is_refused() -> None:
    """Other files are not taken apart."""
    with pytest.raises(SetupFailed, match="no bzImage"):
        compressed_payload(bytes(2048))


def test_the_container_image_has_a_link_for_each_applet(tmp_path: Path) -> None:
    """Every command of the container is busybox."""
    write_container_image(b"program", tmp_path / "image.tar")

    with tarfile.open(tmp_path / "image.tar") as archive:
        links = {entry.name for entry in archive if entry.issym() and entry.linkname == "busybox"}
        program = archive.getmember("bin/busybox")

    assert {f"bin/{applet}" for applet in CONTAINER_APPLETS} == links
    assert (7, 0o755) == (program.size, program.mode)
