"""Archives of root filesystems that somebody made to do harm, unpacked as root."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ipvl.errors import IpvlError, Kind
from ipvl.sandbox import archives
from ipvl.sandbox.archives import unpack_archive
from ipvl.sandbox.filesystem import make_folder
from ipvl.sandbox.sandbox_sysctls import is_sandbox_sysctl
from tests.contract.own_namespace import in_own_namespace

MUTATIONS = 100


def member(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **fields: object) -> tuple:
    one = tarfile.TarInfo(name)
    one.type = kind
    one.size = len(content)
    for field, value in fields.items():
        setattr(one, field, value)
    return one, content


def archive(folder: Path, *members: tuple) -> Path:
    path = folder / "archive.tar"
    with tarfile.open(path, "w") as tar:
        for one, content in members:
            tar.addfile(one, io.BytesIO(content))
    return path


def beside(folder: Path) -> set[str]:
    """Return everything in a folder that is not below the target."""
    return {str(path) for path in folder.rglob("*") if "target" not in path.relative_to(folder).parts[0]}


def trouble(path: Path, target: Path) -> IpvlError | None:
    """Unpack, return how it was refused, if it was, and leave nothing."""
    refusal = None
    try:
        unpack_archive(path, target)
    except IpvlError as error:
        refusal = error
    assert (refusal is None) == target.exists(), "all or nothing"
    shutil.rmtree(target, ignore_errors=True)
    return refusal


def as_root(work: Callable[[], None]) -> None:
    if os.geteuid():
        pytest.skip("owners and chroot are root's")
    in_own_namespace(work)


@pytest.mark.parametrize(
    "members",
    [
        [member("../escaped", content=b"x")],
        [member("a/../../../escaped", content=b"x")],
        [member("/escaped", content=b"x")],
        [member("out", tarfile.SYMTYPE, linkname=".."), member("out/escaped", content=b"x")],
        [member("out", tarfile.SYMTYPE, linkname="{outside}"), member("out/escaped", content=b"x")],
        [member("out", tarfile.SYMTYPE, linkname="{outside}/precious"), member("out", content=b"x")],
        [member("out", tarfile.LNKTYPE, linkname="{outside}/precious"), member("out", content=b"x")],
        [member("out", tarfile.LNKTYPE, linkname="../outside/precious")],
    ],
)
def test_nothing_is_written_outside(tmp_path, members):
    """Names and links that lead out lead nowhere, and what is outside stays as it is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.joinpath("precious").write_text("precious")
    for one, _ in members:
        one.linkname = one.linkname.replace("{outside}", str(outside))
    path = archive(tmp_path, *members)
    before = beside(tmp_path)

    def work() -> None:
        refusal = trouble(path, tmp_path / "target")
        assert refusal is None or refusal.kind is Kind.INVALID

    as_root(work)

    assert before == beside(tmp_path)
    assert "precious" == outside.joinpath("precious").read_text()
    assert 1 == outside.joinpath("precious").stat().st_nlink
    assert not Path("/escaped").exists()


def test_devices_are_left_out(tmp_path):
    """A node of the host's disk would be a way to it; pipes, owners and modes are kept."""
    path = archive(
        tmp_path,
        member("disk", tarfile.BLKTYPE, devmajor=8, devminor=0),
        member("mem", tarfile.CHRTYPE, devmajor=1, devminor=1),
        member("pipe", tarfile.FIFOTYPE),
        member("file", content=b"x", uid=7, gid=8, mode=0o4751),
    )

    def work() -> None:
        unpack_archive(path, tmp_path / "target")
        assert ["file", "pipe"] == sorted(os.listdir(tmp_path / "target"))  # noqa: PTH208 - names are enough
        found = (tmp_path / "target" / "file").stat()
        assert (7, 8, 0o4751) == (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))

    as_root(work)


def refused(path: Path, target: Path, expected: str) -> None:
    def work() -> None:
        with pytest.raises(IpvlError) as error:
            unpack_archive(path, target)
        assert error.value.kind is Kind.INVALID
        assert expected in str(error.value)
        assert not target.exists()

    as_root(work)


def test_a_bomb_is_refused_before_the_disk_is_full(tmp_path):
    """What a header says is counted before it is written."""
    huge, _ = member("huge")
    huge.size = 1 << 60
    path = tmp_path / "bomb.tar"
    path.write_bytes(huge.tobuf() + b"\0" * 10240)

    refused(path, tmp_path / "target", "it is larger than the room on the disk")


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    """Each costs an inode."""
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    path = archive(tmp_path, *(member(f"f{number}") for number in range(11)))

    refused(path, tmp_path / "target", "it has more than 10 members")


def test_a_header_gets_no_more_memory_than_there_is_for_it(tmp_path):
    """A name of two gibibytes, of zeros that compress to nothing, ends the unpacking and not the host."""
    name, _ = member("name", tarfile.GNUTYPE_LONGNAME)
    name.size = 2 << 30
    path = tmp_path / "name.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(member("first")[0].tobuf())
        file.write(name.tobuf())
        for _ in range(1 << 8):
            file.write(b"\0" * (1 << 20))

    refused(path, tmp_path / "target", "is not a tar archive that can be unpacked: ")


def test_what_is_no_archive_is_refused(tmp_path):
    """In a sentence of one line, whatever the bytes are; and nothing is left."""
    good = io.BytesIO()
    with tarfile.open(fileobj=good, mode="w:gz") as tar:
        for one, content in (member("a\x1b[2J\nb", content=b"x" * 3000), member("l", tarfile.SYMTYPE, linkname="/etc")):
            tar.addfile(one, io.BytesIO(content))
    plain = gzip.decompress(good.getvalue())
    chance = random.Random(4)  # noqa: S311 - the same every time

    def work() -> None:
        for _ in range(MUTATIONS):
            bad = bytearray(chance.choice([good.getvalue(), plain]))
            for _ in range(chance.randrange(1, 30)):
                bad[chance.randrange(min(len(bad), 1200))] = chance.randrange(256)
            path = tmp_path / "bad.tar"
            path.write_bytes(bytes(bad[: chance.choice([len(bad), chance.randrange(len(bad))])]))
            refusal = trouble(path, tmp_path / "target")
            assert str(refusal).isprintable(), str(refusal)

    as_root(work)


def test_a_link_in_place_of_a_folder_is_replaced(tmp_path):
    """An archive's /etc that leads to the host's must not have the host's files replaced by the sandbox's."""
    host = tmp_path / "etc"
    host.mkdir()
    root = tmp_path / "root"
    root.mkdir()
    root.joinpath("etc").symlink_to(host)

    make_folder(root / "etc")
    root.joinpath("etc", "hosts").touch()

    assert [] == list(host.iterdir())


@pytest.mark.parametrize("key", ["net./etc/passwd", "net.ipv4/../../../etc", "kernel.panic", "vm.swappiness", "/net.x"])
def test_a_sysctl_leads_nowhere_else(key):
    """Dots become slashes, so a slash would become the way to any file."""
    assert not is_sandbox_sysctl(key)
