"""Ask on a link's own segment who has an address: ARP for IPv4, neighbour solicitations for IPv6.

The frames are made here and go out by the parent itself, since a parent that ipvl made has no address to ask from, and
what it sends reaches everybody on the segment but its own ipvlan ports. Their containers never answer: an answer comes
from outside.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from ctypes import addressof, create_string_buffer
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self

from ipvl.errors import kernel_refused
from ipvl.facts import Question
from ipvl.model import IPAddress

ASKED_AT = (0.0, 0.3, 0.6)
"""When each question is sent, in seconds from the start: a frame may be lost."""
ANSWERED_BY = 1.0
"""When nobody is listened to any more. RFC 5227 waits up to three seconds, for machines that are slow to answer."""

ETH_P_ARP = 0x0806  # include/uapi/linux/if_ether.h
ETH_P_IPV6 = 0x86DD
BROADCAST = b"\xff" * 6
ALL_NODES = bytes.fromhex("333300000001")
ARP_REQUEST, ARP_REPLY = 1, 2  # RFC 826
ICMPV6 = 58
SOLICITATION, ADVERTISEMENT = 135, 136  # RFC 4861
SO_ATTACH_FILTER = 26  # include/uapi/asm-generic/socket.h
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_MULTICAST = 263, 1, 0  # include/uapi/linux/if_packet.h

_ONLY_ADVERTISEMENTS = (
    # Classic BPF (include/uapi/linux/filter.h): code, jump if true, jump if false, operand. The first number is that of
    # the frame's byte: without this a busy link's whole IPv6 traffic would pass through the socket.
    (0x30, 0, 0, 20),  # next header
    (0x15, 0, 3, ICMPV6),
    (0x30, 0, 0, 54),  # type
    (0x15, 0, 1, ADVERTISEMENT),
    (0x06, 0, 0, 0xFFFF),  # take it
    (0x06, 0, 0, 0),  # drop it
)


async def ask(
    questions: Iterable[Question], senders6: Mapping[str, IPv6Address], *, one_answer_each: bool
) -> dict[Question, tuple[str, ...]]:
    """Ask all questions at once and return, a second later, which MAC addresses answered each; none for silence.

    A link's own MAC address is left out: behind a switch that sends frames back (VEPA), its own ports would answer.
    Links that cannot be asked (gone, down) are left out of the result.

    Args:
        questions: what to ask.
        senders6: the link-local address of each link, which answers to solicitations are sent to. A link without one
            asks from the address that its MAC address makes (RFC 4291, appendix A), which nobody else can have.
        one_answer_each: whether one answer to each question is all that is wanted; then the last of them ends the wait.

    Raises:
        IpvlError: this user may not send frames.
    """
    wanted = tuple(questions)
    with ExitStack() as sockets:
        ears: list[_Ear] = []
        for link, version in dict.fromkeys((question.link, question.address.version) for question in wanted):
            here = tuple(one for one in wanted if (one.link, one.address.version) == (link, version))
            try:
                ears.append(sockets.enter_context(_Ear(link, version, senders6.get(link), here)))
            except PermissionError as error:
                raise kernel_refused(
                    "ipvl may not send frames (EPERM)", "run it as root, or with CAP_NET_RAW"
                ) from error
            except OSError:
                continue
        if ears:
            await _converse(ears, one_answer_each=one_answer_each)
        return {one: tuple(sorted(ear.holders(one))) for ear in ears for one in ear.questions}


async def _converse(ears: list[_Ear], *, one_answer_each: bool) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def hear(ear: _Ear) -> None:
        ear.hear()
        if one_answer_each and not any(one.unanswered() for one in ears):
            over.set()

    for ear in ears:
        loop.add_reader(ear.socket, hear, ear)
    try:
        began = loop.time()
        for until in (*ASKED_AT[1:], ANSWERED_BY):
            for ear in ears:
                ear.say()
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), began + until - loop.time())
            if over.is_set():
                return
    finally:
        for ear in ears:
            loop.remove_reader(ear.socket)
            ear.hear()


class _Ear:
    """A socket on one link for one protocol, with what is asked there."""

    def __init__(self, link: str, version: int, sender6: IPv6Address | None, questions: tuple[Question, ...]) -> None:
        self._version = version
        self.questions = questions
        self._heard: dict[IPAddress, set[str]] = {}
        protocol = ETH_P_ARP if version == 4 else ETH_P_IPV6
        # Protocol 0 receives nothing until the filter is in place.
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
        try:
            if version == 6:
                _attach_filter(self.socket)
            self.socket.bind((link, protocol))
            self._mac: bytes = self.socket.getsockname()[4]
            if version == 6:
                # A link with IPv6 off does not listen to the all-nodes group, which some answers go to.
                membership = struct.pack("iHH8s", socket.if_nametoindex(link), PACKET_MR_MULTICAST, 6, ALL_NODES)
                self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
        except BaseException:
            self.socket.close()
            raise
        self._sender6 = sender6 or made_of(self._mac)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self) -> None:
        """Send each question that nobody answered; what the link cannot take now is asked again in the next round."""
        for question in self.unanswered():
            match question.address, question.sender:
                case IPv4Address() as target, IPv4Address() | None as sender:
                    frame = arp_request(self._mac, target, sender)
                case IPv6Address() as target, _:
                    frame = solicitation(self._mac, target, self._sender6)
                case _:
                    continue
            try:
                self.socket.send(frame)
            except OSError as error:
                if error.errno not in {errno.ENOBUFS, errno.EAGAIN, errno.ENETDOWN, errno.ENXIO}:
                    raise

    def holders(self, question: Question) -> set[str]:
        """Return the MAC addresses that answered a question, the link's own left out."""
        return self._heard.get(question.address, set()) - {self._mac.hex(":")}

    def unanswered(self) -> list[Question]:
        """Return the questions that nobody answered yet."""
        return [question for question in self.questions if not self.holders(question)]

    def hear(self) -> None:
        """Take in every answer that has come."""
        while True:
            try:
                frame = self.socket.recv(65535)
            except BlockingIOError:
                return
            except OSError:  # the link went down or away: that is no answer
                return
            answer = arp_answer(frame) if self._version == 4 else advertised(frame)
            if answer is not None:
                address, mac = answer
                self._heard.setdefault(address, set()).add(mac)


def arp_request(mac: bytes, target: IPv4Address, sender: IPv4Address | None) -> bytes:
    """Return the frame that asks who has `target` (RFC 826); without a sender it is a probe (RFC 5227)."""
    origin = sender.packed if sender is not None else bytes(4)
    return (
        BROADCAST
        + mac
        + struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, ARP_REQUEST)
        + mac
        + origin
        + bytes(6)
        + target.packed
    )


def arp_answer(frame: bytes) -> tuple[IPAddress, str] | None:
    """Return the address that an ARP reply is for and the MAC address that has it; None for any other frame."""
    if len(frame) < 42 or frame[12:22] != struct.pack("!HHHBBH", ETH_P_ARP, 1, 0x0800, 6, 4, ARP_REPLY):
        return None
    return IPv4Address(frame[28:32]), frame[22:28].hex(":")


def solicitation(mac: bytes, target: IPv6Address, sender: IPv6Address) -> bytes:
    """Return the frame that asks who has `target`, sent to its solicited-node group (RFC 4861, 4.3 and 7.2.2)."""
    group = bytes.fromhex("ff0200000000000000000001ff") + target.packed[13:]
    body = struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + target.packed + b"\x01\x01" + mac
    pseudo = sender.packed + group + struct.pack("!II", len(body), ICMPV6)
    body = body[:2] + struct.pack("!H", _checksum(pseudo + body)) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), ICMPV6, 255) + sender.packed + group
    return b"\x33\x33" + group[12:] + mac + struct.pack("!H", ETH_P_IPV6) + header + body


def advertised(frame: bytes) -> tuple[IPAddress, str] | None:
    """Return the address that a neighbour advertisement is for and the MAC address that has it; None for other frames.

    The hop limit must be 255: less has come through a router (RFC 4861, 7.1.2).
    """
    if len(frame) < 78 or frame[12:14] != struct.pack("!H", ETH_P_IPV6):
        return None
    if (frame[20], frame[21], frame[54]) != (ICMPV6, 255, ADVERTISEMENT):
        return None
    return ip_address(frame[62:78]), frame[6:12].hex(":")


def made_of(mac: bytes) -> IPv6Address:
    """Return the link-local address that a MAC address makes (RFC 4291, appendix A)."""
    identifier = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:6]
    return IPv6Address(bytes.fromhex("fe80000000000000") + identifier)


def _checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _attach_filter(on: socket.socket) -> None:
    program = create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in _ONLY_ADVERTISEMENTS))
    on.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(_ONLY_ADVERTISEMENTS), addressof(program)))
