"""Takes the kernel out of a Debian kernel package in the form that boots fastest."""

from __future__ import annotations

import lzma
import struct
import zlib
from pathlib import Path

from lab.errors import SetupFailed

from .commands import Commands

# Fields of the x86 boot protocol: Documentation/arch/x86/boot.rst of the kernel.
SETUP_SECTORS_AT = 0x1F1
MAGIC_AT = 0x202
PAYLOAD_AT = 0x248
SECTOR = 512

XZ, GZIP, ZSTD = b"\xfd7zXZ\x00", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def unpack_kernel(packed: Path, target: Path, commands: Commands) -> None:
    """Write to `target` the ELF kernel inside the bzImage `packed`.

    QEMU enters such a kernel directly, which spares the emulated CPU the kernel's own unpacking: 4 s.

    Raises:
        SetupFailed: `packed` is no bzImage, or is compressed in a way not known here.
    """
    payload = compressed_payload(packed.read_bytes())
    if payload.startswith(XZ):
        target.write_bytes(lzma.decompress(payload))
    elif payload.startswith(GZIP):
        target.write_bytes(zlib.decompress(payload, wbits=31))
    elif payload.startswith(ZSTD):
        compressed = target.with_suffix(".zst")
        compressed.write_bytes(payload)
        commands.run("zstd", "--quiet", "--decompress", "--rm", "-o", target, compressed)
    else:
        raise SetupFailed(f"{packed.name} is compressed in an unknown way, beginning with {payload[:6].hex()}")


def compressed_payload(image: bytes) -> bytes:
    """Return the compressed ELF kernel inside the bzImage `image`; raises SetupFailed if it is none."""
    if image[MAGIC_AT : MAGIC_AT + 4] != b"HdrS":
        raise SetupFailed("the kernel is no bzImage")
    setup_sectors = image[SETUP_SECTORS_AT] or 4
    offset, length = struct.unpack_from("<II", image, PAYLOAD_AT)
    start = (setup_sectors + 1) * SECTOR + offset
    payload = image[start : start + length]
    # Every way but gzip has the unpacked size appended, which is not part of its format.
    return payload if payload.startswith(GZIP) else payload[:-4]
