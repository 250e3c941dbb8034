"""How messages of rtnetlink and their attributes are encoded and parsed; what they are about has files of its own.

pyroute2 makes and reads messages of every kind, and takes its time. A dozen are what attaching a container consists of,
so these are written out here (docs/performance.md has the difference); all others are left to pyroute2.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300  # include/uapi/linux/netlink.h
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
RT_SCOPE_LINK = 253  # include/uapi/linux/rtnetlink.h
RTNL_KIND_MASK, RTNL_KIND_GET = 3, 2  # include/net/rtnetlink.h
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
VERSIONS = {int(family): version for version, family in FAMILIES.items()}

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
KIND_OF_ATTRIBUTE = 0x3FFF  # NLA_TYPE_MASK
NLA_F_NESTED = 0x8000
"""What the kernel wants in the number of some attributes that consist of others."""
NUMBER, SHORT = struct.Struct("=I"), struct.Struct("=H")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the kernel: a message without its header."""

    kind: int
    body: bytes
    flags: int = 0

    @property
    def is_list(self) -> bool:
        """Whether the answer is a list of messages."""
        return self.flags & NLM_F_DUMP == NLM_F_DUMP


@dataclass(frozen=True, slots=True)
class Message:
    """What the kernel says."""

    kind: int
    flags: int
    sequence: int
    body: bytes


def encode_request(request: Request, sequence: int) -> bytes:
    """Return a request as it is sent; what changes something is to be acknowledged, the rest is by its answer."""
    is_get = request.kind & RTNL_KIND_MASK == RTNL_KIND_GET
    flags = NLM_F_REQUEST | request.flags | (0 if is_get else NLM_F_ACK)
    return HEADER.pack(HEADER.size + len(request.body), request.kind, flags, sequence, 0) + request.body


def parse_messages(datagram: bytes) -> Iterator[Message]:
    """Yield the messages of a datagram; what is cut off is left out."""
    end = 0
    while end + HEADER.size <= len(datagram):
        start = end
        length, kind, flags, sequence, _ = HEADER.unpack_from(datagram, start)
        if not HEADER.size <= length <= len(datagram) - start:
            return
        end = align(start + length)
        yield Message(kind, flags, sequence, datagram[start + HEADER.size : start + length])


def parse_attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes that follow a message's fixed part, by their number; what is cut off is left out."""
    found = {}
    start, size, head, unpack_from = 0, len(data), ATTRIBUTE.size, ATTRIBUTE.unpack_from
    while start + head <= size:
        length, kind = unpack_from(data, start)
        end = start + length
        if length < head or end > size:
            break
        found[kind & KIND_OF_ATTRIBUTE] = data[start + head : end]
        start = (end + 3) & ~3  # align, without a call for each attribute of each link
    return found


def encode_attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute as it stands in a message."""
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + b"\0" * (align(length) - length)


def read_number(found: dict[int, bytes], kind: int) -> int | None:
    """Return an attribute that is a number of 32 bits; None when it is not there."""
    value = found.get(kind, b"")
    return int(NUMBER.unpack_from(value)[0]) if len(value) >= NUMBER.size else None


def read_text(found: dict[int, bytes], kind: int) -> str | None:
    """Return an attribute that is a text; None when it is not there."""
    value = found.get(kind)
    return None if value is None else value.partition(b"\0")[0].decode(errors="replace")


def read_short(found: dict[int, bytes], kind: int) -> int | None:
    """Return an attribute that is a number of 16 bits; None when it is not there."""
    value = found.get(kind, b"")
    return int(SHORT.unpack_from(value)[0]) if len(value) >= SHORT.size else None


def encode_text(kind: int, value: str) -> bytes:
    """Return an attribute that is a text."""
    return encode_attribute(kind, value.encode() + b"\0")


def encode_number(kind: int, value: int) -> bytes:
    """Return an attribute that is a number of 32 bits."""
    return encode_attribute(kind, NUMBER.pack(value))


def align(length: int) -> int:
    """Return where the next message or attribute begins."""
    return (length + 3) & ~3  # NLMSG_ALIGN, NLA_ALIGN
