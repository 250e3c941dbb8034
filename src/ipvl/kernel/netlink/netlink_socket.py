"""A netlink socket on which one thing is asked at a time, and answered before anything else happens."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Self

from pyroute2.netlink.exceptions import NetlinkError

from ipvl.kernel.netlink.message_format import (
    HEADER,
    Message,
    Request,
    encode_request,
    parse_attributes,
    parse_messages,
    read_text,
)

NETLINK_ROUTE = 0  # include/uapi/linux/netlink.h
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_DUMP_INTR, NLM_F_CAPPED = 0x10, 0x100
NLMSGERR_ATTR_MSG = 1
LARGEST = 1 << 15
"""Bytes of one read, and the most that the kernel puts into one datagram of a list (netlink_recvmsg)."""
ERROR = struct.Struct("=i")
DUMP_TRIES = 5


class NetlinkSocket:
    """Requests to the kernel in the network namespace it was opened in. Use it as a context manager, or close it.

    The kernel does what it is asked, and has answered, when sending returns (netlink_unicast_kernel in
    net/netlink/af_netlink.c): nothing is waited for here, so nothing is awaited.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
        self._sequence = 0
        try:
            self._socket.setblocking(False)  # noqa: FBT003 - the socket's own argument
            for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
                self._socket.setsockopt(SOL_NETLINK, option, 1)
        except OSError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def ask(self, request: Request) -> bytes:
        """Return the body of the one message that answers a question.

        Raises:
            NetlinkError: the kernel refused.
            OSError: the answer was lost.
        """
        (answer,) = self.exchange(request)
        return answer.body

    def do(self, request: Request) -> None:
        """Have something changed.

        Raises:
            NetlinkError: the kernel refused.
            OSError: the answer was lost; the change may have been made.
        """
        self.exchange(request)

    def dump(self, request: Request) -> tuple[bytes, ...] | None:
        """Return the bodies of a list; None when it changed every time while it was made (NLM_F_DUMP_INTR).

        Raises:
            NetlinkError: the kernel refused.
            OSError: an answer was lost.
        """
        for _ in range(DUMP_TRIES):
            *found, end = self.exchange(request)
            if not any(message.flags & NLM_F_DUMP_INTR for message in (*found, end)):
                return tuple(message.body for message in found)
        return None

    def exchange(self, request: Request) -> tuple[Message, ...]:
        """Send a request and return what answers it: nothing, one message, or a list with its end (NLMSG_DONE).

        Raises:
            NetlinkError: the kernel refused.
            OSError: the answer was lost.
        """
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        self._socket.send(encode_request(request, self._sequence))
        found: list[Message] = []
        while True:
            for message in parse_messages(self._socket.recv(LARGEST)):
                # What is left of a request whose answer was lost has another number.
                if message.sequence != self._sequence:
                    continue
                if message.kind == NLMSG_ERROR:
                    _check(message)
                    return ()
                found.append(message)
                if message.kind == NLMSG_DONE:
                    _check_end(message)
                if message.kind == NLMSG_DONE or not request.is_list:
                    return tuple(found)


def _check_end(message: Message) -> None:
    """Raise what the end of a list says when the list was broken off.

    Raises:
        NetlinkError: the kernel gave up, such as when the namespace that was asked for is gone.
    """
    code = -ERROR.unpack_from(message.body)[0] if len(message.body) >= ERROR.size else 0
    if code > 0:
        raise NetlinkError(code)


def _check(message: Message) -> None:
    """Raise what an NLMSG_ERROR says, with the kernel's own words if it has any; 0 is no error.

    Raises:
        NetlinkError: the kernel refused.
        OSError: it ran out of room.
    """
    code = -ERROR.unpack_from(message.body)[0]
    if code == 0:
        return
    echo = HEADER.size if message.flags & NLM_F_CAPPED else HEADER.unpack_from(message.body, ERROR.size)[0]
    words = read_text(parse_attributes(message.body[ERROR.size + ((echo + 3) & ~3) :]), NLMSGERR_ATTR_MSG)
    if code == errno.ENOBUFS:
        raise OSError(code, words or os.strerror(code))
    raise NetlinkError(code, words)
