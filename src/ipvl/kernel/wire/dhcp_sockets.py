"""DHCP on a parent's own segment, for any of its ports.

A packet socket on the parent sees what comes in before ipvlan hands it to a port, so leases are acquired before there
is a port, and renewed without entering its namespace. That takes a socket for all protocols: one for IPv4 alone is
served after ipvlan (__netif_receive_skb_core in net/core/dev.c). What the socket sends reaches everybody on the segment
but the parent's own ports, so a server in one of its containers is not asked.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ipvl.dhcp.dhcp_messages import Message, Reply
from ipvl.errors import IpvlError, kernel_refused, missing
from ipvl.kernel.wire.dhcp_frames import CLIENT_PORT, ETH_P_IP, FRAGMENT_BITS, UDP, decode_frame, encode_frame
from ipvl.kernel.wire.packet_sockets import LARGEST_FRAME, attach_filter, packet_socket

ETH_P_ALL = 0x0003  # include/uapi/linux/if_ether.h
VLAN_TAG_PRESENT = 0xFFFFF000 + 48  # SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT, include/uapi/linux/filter.h
NOT_SENT_NOW = frozenset({errno.ENOBUFS, errno.EAGAIN, errno.ENETDOWN, errno.ENXIO, errno.ENETUNREACH})
"""What sending fails with that may be over at the next attempt."""


class HostDhcpWire:
    """The links of the host's namespace."""

    @contextmanager
    def open(self, link: str, xid: int) -> Iterator[DhcpSocket]:
        """Yield what says and hears the messages of one exchange, and close it afterwards.

        Raises:
            IpvlError: the link does not exist or is down, or ipvl may not send frames.
        """
        ear = DhcpSocket(link, xid)
        try:
            yield ear
        finally:
            ear.close()


class DhcpSocket:
    """A packet socket that hears the answers to one exchange alone; the kernel drops all else."""

    def __init__(self, link: str, xid: int) -> None:
        self._link = link
        try:
            self._socket = packet_socket()
        except OSError as error:
            raise _refusal(error, link) from error
        try:
            attach_filter(self._socket, _only_answers(xid))
            self._socket.bind((link, ETH_P_ALL))
            self._mac: bytes = self._socket.getsockname()[4]
        except OSError as error:
            self._socket.close()
            raise _refusal(error, link) from error

    def send(self, message: Message) -> None:
        """Send a message; one that the link cannot take now is lost, as any may be.

        Raises:
            IpvlError: the kernel refused it.
        """
        try:
            self._socket.send(encode_frame(message, self._mac))
        except OSError as error:
            if error.errno not in NOT_SENT_NOW:
                raise _refusal(error, self._link) from error

    async def receive(self, within: float) -> Reply | None:
        """Return the next answer, None when none came within so many seconds.

        Raises:
            IpvlError: the link is down or gone.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        try:
            while True:
                async with asyncio.timeout_at(end):
                    frame = await loop.sock_recv(self._socket, LARGEST_FRAME)
                reply = decode_frame(frame, self._mac)
                if reply is not None:
                    return reply
        except TimeoutError:
            return None
        except OSError as error:
            raise _refusal(error, self._link) from error

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _refusal(error: OSError, link: str) -> IpvlError:
    code = errno.errorcode.get(error.errno or 0, str(error.errno))
    if error.errno in {errno.ENODEV, errno.ENXIO}:
        return missing(f"parent {link} does not exist on this host", "make it again and start the container once more")
    if error.errno in {errno.EPERM, errno.EACCES}:
        return kernel_refused(f"ipvl may not send frames on {link} ({code})", "run it as root, or with CAP_NET_RAW")
    return kernel_refused(
        f"DHCP on parent {link} is not possible: {os.strerror(error.errno or 0)} ({code})",
        f"see that {link} is up: ip link show {link}",
    )


def _only_answers(xid: int) -> tuple[tuple[int, int, int, int], ...]:
    """Return a filter that lets answers with this number through: untagged, IPv4, UDP, whole, to the client's port."""
    return (
        (0x30, 0, 0, VLAN_TAG_PRESENT),
        (0x15, 0, 12, 0),
        (0x28, 0, 0, 12),  # the frame's type
        (0x15, 0, 10, ETH_P_IP),
        (0x30, 0, 0, 23),  # the protocol
        (0x15, 0, 8, UDP),
        (0x28, 0, 0, 20),
        (0x45, 6, 0, FRAGMENT_BITS),
        (0xB1, 0, 0, 14),  # the length of the IP header, which counts from here on
        (0x48, 0, 0, 16),  # the port
        (0x15, 0, 3, CLIENT_PORT),
        (0x40, 0, 0, 26),  # the number
        (0x15, 0, 1, xid),
        (0x06, 0, 0, LARGEST_FRAME),  # take it
        (0x06, 0, 0, 0),  # drop it
    )
