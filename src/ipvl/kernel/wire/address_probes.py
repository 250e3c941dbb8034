"""Ask on a link's own segment who has an address, and tell it who has one from now on.

The frames are made here and go out by the parent itself, since a parent that ipvl made has no address to ask from, and
what it sends reaches everybody on the segment but its own ipvlan ports. Their containers never answer: an answer comes
from outside.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack, suppress
from ctypes import addressof, create_string_buffer
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from ipvl.errors import IpvlError, kernel_refused
from ipvl.kernel.wire.neighbour_frames import (
    ADVERTISEMENT,
    ALL_NODES,
    ETH_P_ARP,
    ETH_P_IPV6,
    ICMPV6,
    NOBODY6,
    SOLICITATION,
    announcement,
    arp_claim,
    arp_request,
    made_of,
    neighbour_claim,
    solicitation,
)
from ipvl.model.addresses import IPAddress
from ipvl.model.host_facts import Question

ASKED_AT = (0.0, 0.3, 0.6)
"""When each question is sent, in seconds from the start: a frame may be lost."""
ANSWERED_BY = 1.0
"""When nobody is listened to any more. RFC 5227 waits up to three seconds, for machines that are slow to answer."""
PROBED_AT = (0.0, 0.25, 0.5)
FREE_AFTER = 0.75
"""The same for an address that a container waits for."""
HEARD_AT_ONCE = 100
"""Frames; nobody on the segment keeps the daemon busy with its own."""

SO_ATTACH_FILTER = 26  # include/uapi/asm-generic/socket.h
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_MULTICAST = 263, 1, 0  # include/uapi/linux/if_packet.h
PACKET_OTHERHOST = 3
NO_SUCH_LINK = frozenset({errno.ENODEV, errno.ENXIO, errno.ENETDOWN})
CANNOT_TAKE_IT = NO_SUCH_LINK | {errno.ENOBUFS, errno.EAGAIN}

_ONLY_NEIGHBOURS = (
    # Classic BPF (include/uapi/linux/filter.h): code, jump if true, jump if false, operand. The first number is that of
    # the frame's byte: without this a busy link's whole IPv6 traffic would pass through the socket.
    (0x30, 0, 0, 20),  # next header
    (0x15, 0, 4, ICMPV6),
    (0x30, 0, 0, 54),  # type
    (0x15, 1, 0, ADVERTISEMENT),
    (0x15, 0, 1, SOLICITATION),
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
            _open(ears, sockets, link, senders6.get(link), here)
        if ears:
            await _converse(
                ears,
                ASKED_AT,
                ANSWERED_BY,
                lambda: one_answer_each and not any(one.unanswered() for one in ears),
            )
        return {one: tuple(sorted(ear.holders(one))) for ear in ears for one in ear.questions}


async def holders(link: str, addresses: Iterable[IPAddress]) -> dict[IPAddress, tuple[str, ...]]:
    """Return those of some addresses that somebody on a link's segment has or is about to take, with its MAC address.

    All are asked for at once, from no address (RFC 5227 and RFC 4862), so that nobody learns anything from it. The
    first answer ends the wait; when it was for one address, the others' may still have been on their way. On a link
    that cannot be asked (gone, down) nobody has any.

    Raises:
        IpvlError: this user may not send frames.
    """
    wanted = tuple(Question(link, address) for address in addresses)
    with ExitStack() as sockets:
        ears: list[_Ear] = []
        for version in {question.address.version for question in wanted}:
            here = tuple(one for one in wanted if one.address.version == version)
            _open(ears, sockets, link, NOBODY6, here, contenders_too=True)
        if ears:
            await _converse(
                ears,
                PROBED_AT,
                FREE_AFTER,
                lambda: any(len(one.unanswered()) < len(one.questions) for one in ears),
            )
        answered = [(one, ear.holders(one)) for ear in ears for one in ear.questions]
        return {question.address: tuple(sorted(macs)) for question, macs in answered if macs}


def announce(link: str, addresses: Collection[IPAddress]) -> None:
    """Tell everybody on a link's segment that these addresses are now to be found at its MAC address. Waits for nobody.

    Raises:
        IpvlError: this user may not send frames, or the link is gone or down.
    """
    try:
        with _packet_socket() as sender:
            sender.bind((link, 0))
            mac: bytes = sender.getsockname()[4]
            for address in addresses:
                sender.send(announcement(mac, address))
    except OSError as error:
        texts = " and ".join(map(str, addresses))
        raise kernel_refused(
            f"{texts} could not be announced on {link}: {os.strerror(error.errno or 0)}",
            "neighbours that remember another machine for it find out within minutes",
        ) from error


def _open(
    ears: list[_Ear],
    sockets: ExitStack,
    link: str,
    sender6: IPv6Address | None,
    questions: tuple[Question, ...],
    *,
    contenders_too: bool = False,
) -> None:
    """Add what asks these questions, all of one link and IP version, unless the link is gone or down.

    Raises:
        IpvlError: this user may not send frames.
    """
    try:
        ears.append(sockets.enter_context(_Ear(link, sender6, questions, contenders_too=contenders_too)))
    except OSError as error:
        if error.errno not in NO_SUCH_LINK:
            raise kernel_refused(
                f"{link} cannot be asked who has an address: {os.strerror(error.errno or 0)}",
                "the kernel has no packet sockets, or too many files are open",
            ) from error


def _packet_socket() -> socket.socket:
    """Return a raw socket that hears nothing until it is bound.

    Raises:
        IpvlError: this user may not have one.
    """
    try:
        # Protocol 0 receives nothing until the filter is in place.
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
    except OSError as error:
        # Under systemd the address family may be forbidden rather than the capability missing.
        if error.errno not in {errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT}:
            raise
        raise _may_not_send(error) from error


def _may_not_send(error: OSError) -> IpvlError:
    code = errno.errorcode.get(error.errno or 0, "")
    return kernel_refused(f"ipvl may not send frames ({code})", "run it as root, or with CAP_NET_RAW")


async def _converse(
    ears: list[_Ear], asked_at: tuple[float, ...], answered_by: float, enough: Callable[[], bool]
) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def hear(ear: _Ear) -> None:
        ear.hear()
        if enough():
            over.set()

    for ear in ears:
        loop.add_reader(ear.socket, hear, ear)
    try:
        began = loop.time()
        for until in (*asked_at[1:], answered_by):
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

    def __init__(
        self, link: str, sender6: IPv6Address | None, questions: tuple[Question, ...], *, contenders_too: bool
    ) -> None:
        self._version = questions[0].address.version
        self.questions = questions
        self._contenders_too = contenders_too
        self._heard: dict[IPAddress, set[str]] = {question.address: set() for question in questions}
        self.socket = _packet_socket()
        try:
            if self._version == 6:
                _attach_filter(self.socket)
            self.socket.bind((link, ETH_P_ARP if self._version == 4 else ETH_P_IPV6))
            self._mac: bytes = self.socket.getsockname()[4]
            if self._version == 6:
                # A link with IPv6 off does not listen to the all-nodes group, which some answers go to.
                membership = struct.pack("iHH8s", socket.if_nametoindex(link), PACKET_MR_MULTICAST, 6, ALL_NODES)
                self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
        except BaseException:
            self.socket.close()
            raise
        self._sender6 = made_of(self._mac) if sender6 is None else sender6

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
                if error.errno not in CANNOT_TAKE_IT:
                    raise

    def holders(self, question: Question) -> set[str]:
        """Return the MAC addresses that answered a question, the link's own left out."""
        return self._heard[question.address] - {self._mac.hex(":")}

    def unanswered(self) -> list[Question]:
        """Return the questions that nobody answered yet."""
        return [question for question in self.questions if not self.holders(question)]

    def hear(self) -> None:
        """Take in what has come, and leave the rest of a flood for the next turn: others are waiting, too."""
        for _ in range(HEARD_AT_ONCE):
            try:
                frame, (_, _, kind, *_) = self.socket.recvfrom(65535)
            except BlockingIOError:
                return
            except OSError:  # the link went down or away: that is no answer
                return
            if kind == PACKET_OTHERHOST:  # a VLAN's that this host has no link for, or passing by
                continue
            claim = arp_claim(frame) if self._version == 4 else neighbour_claim(frame)
            if claim is not None and claim.address in self._heard and (claim.has or self._contenders_too):
                self._heard[claim.address].add(claim.mac)


def _attach_filter(on: socket.socket) -> None:
    program = create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in _ONLY_NEIGHBOURS))
    on.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(_ONLY_NEIGHBOURS), addressof(program)))
