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
from ipaddress import IPv4Address, IPv6Address
from typing import Self

from ipvl.errors import IpvlError, kernel_refused
from ipvl.kernel.wire.neighbour_frames import (
    ADVERTISEMENT,
    ALL_NODES,
    ETH_P_ARP,
    ETH_P_IPV6,
    ICMPV6,
    SOLICITATION,
    UNSPECIFIED6,
    announcement_frame,
    arp_request,
    link_local_address,
    neighbour_solicitation,
    read_arp_claim,
    read_neighbour_claim,
)
from ipvl.kernel.wire.packet_sockets import LARGEST_FRAME, attach_filter, packet_socket
from ipvl.model.addresses import IPAddress
from ipvl.model.host_facts import Question

QUESTION_SECONDS = (0.0, 0.3, 0.6)
"""When each question is sent, in seconds from the start: a frame may be lost."""
ANSWER_SECONDS = 1.0
"""When nobody is listened to any more. RFC 5227 waits up to three seconds, for machines that are slow to answer."""
PROBE_SECONDS = (0.0, 0.25, 0.5)
PROBE_WAIT_SECONDS = 0.75
"""The same for an address that a container waits for."""
MOST_FRAMES_AT_ONCE = 100
"""Frames; nobody on the segment keeps the daemon busy with its own."""

SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_MULTICAST = 263, 1, 0  # include/uapi/linux/if_packet.h
PACKET_OTHERHOST = 3
NO_SUCH_LINK = frozenset({errno.ENODEV, errno.ENXIO, errno.ENETDOWN})
NOT_SENT_NOW = NO_SUCH_LINK | {errno.ENOBUFS, errno.EAGAIN}

_NEIGHBOURS_ONLY = (
    # Without this a busy link's whole IPv6 traffic would pass through the socket.
    (0x30, 0, 0, 20),  # next header
    (0x15, 0, 4, ICMPV6),
    (0x30, 0, 0, 54),  # type
    (0x15, 1, 0, ADVERTISEMENT),
    (0x15, 0, 1, SOLICITATION),
    (0x06, 0, 0, 0xFFFF),  # take it
    (0x06, 0, 0, 0),  # drop it
)


async def ask_neighbours(
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
        probes: list[_ProbeSocket] = []
        for link, version in dict.fromkeys((question.link, question.address.version) for question in wanted):
            here = tuple(one for one in wanted if (one.link, one.address.version) == (link, version))
            _open(probes, sockets, link, senders6.get(link), here)
        if probes:
            await _exchange(
                probes,
                QUESTION_SECONDS,
                ANSWER_SECONDS,
                lambda: one_answer_each and not any(one.unanswered() for one in probes),
            )
        return {one: tuple(sorted(probe.holders(one))) for probe in probes for one in probe.questions}


async def probe_addresses(link: str, addresses: Iterable[IPAddress]) -> dict[IPAddress, tuple[str, ...]]:
    """Return those of some addresses that somebody on a link's segment has or is about to take, with its MAC address.

    All are asked for at once, from no address (RFC 5227 and RFC 4862), so that nobody learns anything from it. The
    first answer ends the wait; when it was for one address, the others' may still have been on their way. On a link
    that cannot be asked (gone, down) nobody has any.

    Raises:
        IpvlError: this user may not send frames.
    """
    wanted = tuple(Question(link, address) for address in addresses)
    with ExitStack() as sockets:
        probes: list[_ProbeSocket] = []
        for version in {question.address.version for question in wanted}:
            here = tuple(one for one in wanted if one.address.version == version)
            _open(probes, sockets, link, UNSPECIFIED6, here, contenders_too=True)
        if probes:
            await _exchange(
                probes,
                PROBE_SECONDS,
                PROBE_WAIT_SECONDS,
                lambda: any(len(one.unanswered()) < len(one.questions) for one in probes),
            )
        answered = [(one, probe.holders(one)) for probe in probes for one in probe.questions]
        return {question.address: tuple(sorted(macs)) for question, macs in answered if macs}


def announce_addresses(link: str, addresses: Collection[IPAddress]) -> None:
    """Tell everybody on a link's segment that these addresses are now to be found at its MAC address. Waits for nobody.

    Raises:
        IpvlError: this user may not send frames, or the link is gone or down.
    """
    try:
        with _open_packet_socket() as sender:
            sender.bind((link, 0))
            mac: bytes = sender.getsockname()[4]
            for address in addresses:
                sender.send(announcement_frame(mac, address))
    except OSError as error:
        texts = " and ".join(map(str, addresses))
        raise kernel_refused(
            f"{texts} could not be announced on {link}: {os.strerror(error.errno or 0)}",
            "neighbours that remember another machine for it find out within minutes",
        ) from error


def _open(
    probes: list[_ProbeSocket],
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
        probes.append(sockets.enter_context(_ProbeSocket(link, sender6, questions, contenders_too=contenders_too)))
    except OSError as error:
        if error.errno not in NO_SUCH_LINK:
            raise kernel_refused(
                f"{link} cannot be asked who has an address: {os.strerror(error.errno or 0)}",
                "the kernel has no packet sockets, or too many files are open",
            ) from error


def _open_packet_socket() -> socket.socket:
    """Return a raw socket that hears nothing until it is bound.

    Raises:
        IpvlError: this user may not have one.
    """
    try:
        return packet_socket()
    except OSError as error:
        # Under systemd the address family may be forbidden rather than the capability missing.
        if error.errno not in {errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT}:
            raise
        raise _may_not_send(error) from error


def _may_not_send(error: OSError) -> IpvlError:
    code = errno.errorcode.get(error.errno or 0, "")
    return kernel_refused(f"ipvl may not send frames ({code})", "run it as root, or with CAP_NET_RAW")


async def _exchange(
    probes: list[_ProbeSocket], asked_at: tuple[float, ...], answered_by: float, enough: Callable[[], bool]
) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    def receive(probe: _ProbeSocket) -> None:
        probe.receive()
        if enough():
            over.set()

    for probe in probes:
        loop.add_reader(probe.socket, receive, probe)
    try:
        began = loop.time()
        for until in (*asked_at[1:], answered_by):
            for probe in probes:
                probe.send()
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), began + until - loop.time())
            if over.is_set():
                return
    finally:
        for probe in probes:
            loop.remove_reader(probe.socket)
            probe.receive()


class _ProbeSocket:
    """A socket on one link for one protocol, with what is asked there."""

    def __init__(
        self, link: str, sender6: IPv6Address | None, questions: tuple[Question, ...], *, contenders_too: bool
    ) -> None:
        self._version = questions[0].address.version
        self.questions = questions
        self._contenders_too = contenders_too
        self._answers: dict[IPAddress, set[str]] = {question.address: set() for question in questions}
        self.socket = _open_packet_socket()
        try:
            if self._version == 6:
                attach_filter(self.socket, _NEIGHBOURS_ONLY)
            self.socket.bind((link, ETH_P_ARP if self._version == 4 else ETH_P_IPV6))
            self._mac: bytes = self.socket.getsockname()[4]
            if self._version == 6:
                # A link with IPv6 off does not listen to the all-nodes group, which some answers go to.
                membership = struct.pack("iHH8s", socket.if_nametoindex(link), PACKET_MR_MULTICAST, 6, ALL_NODES)
                self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
        except BaseException:
            self.socket.close()
            raise
        self._sender6 = link_local_address(self._mac) if sender6 is None else sender6

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self) -> None:
        """Send each question that nobody answered; what the link cannot take now is asked again in the next round."""
        for question in self.unanswered():
            match question.address, question.sender:
                case IPv4Address() as target, IPv4Address() | None as sender:
                    frame = arp_request(self._mac, target, sender)
                case IPv6Address() as target, _:
                    frame = neighbour_solicitation(self._mac, target, self._sender6)
                case _:
                    continue
            try:
                self.socket.send(frame)
            except OSError as error:
                if error.errno not in NOT_SENT_NOW:
                    raise

    def holders(self, question: Question) -> set[str]:
        """Return the MAC addresses that answered a question, the link's own left out."""
        return self._answers[question.address] - {self._mac.hex(":")}

    def unanswered(self) -> list[Question]:
        """Return the questions that nobody answered yet."""
        return [question for question in self.questions if not self.holders(question)]

    def receive(self) -> None:
        """Take in what has come, and leave the rest of a flood for the next turn: others are waiting, too."""
        for _ in range(MOST_FRAMES_AT_ONCE):
            try:
                frame, (_, _, kind, *_) = self.socket.recvfrom(LARGEST_FRAME)
            except BlockingIOError:
                return
            except OSError:  # the link went down or away: that is no answer
                return
            if kind == PACKET_OTHERHOST:  # a VLAN's that this host has no link for, or passing by
                continue
            claim = read_arp_claim(frame) if self._version == 4 else read_neighbour_claim(frame)
            if claim is not None and claim.address in self._answers and (claim.has or self._contenders_too):
                self._answers[claim.address].add(claim.mac)
