"""Packet sockets with a filter, and the checksum of what is sent over them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from ctypes import addressof, create_string_buffer

SO_ATTACH_FILTER = 26  # include/uapi/asm-generic/socket.h
LARGEST_FRAME = 65535
BROADCAST = b"\xff" * 6


def packet_socket() -> socket.socket:
    """Return a raw socket that receives nothing until it is bound (protocol 0): its filter comes first.

    Raises:
        OSError: this user may not have one, or the kernel has none.
    """
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)


def attach_filter(on: socket.socket, lines: Sequence[tuple[int, int, int, int]]) -> None:
    """Have the kernel drop what a filter does not let through.

    Args:
        on: the socket.
        lines: classic BPF (include/uapi/linux/filter.h): code, jump if true, jump if false, operand.
    """
    program = create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    on.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(lines), addressof(program)))


def checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
