"""What the driver may expect of the wire; the same promises for the fake and for the kernel's packet sockets."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from ipvl.dhcp.dhcp_messages import Client, Message, MessageType
from ipvl.driver.interfaces import DhcpWire
from ipvl.errors import IpvlError, Kind
from ipvl.kernel.wire import dhcp_probe
from ipvl.kernel.wire.dhcp_sockets import HostDhcpWire
from tests.contract.dhcp_server import read, written
from tests.contract.own_namespace import in_own_namespace
from tests.faults.dhcp_segment import FIRST, SERVER_MAC, FakeServer, FakeWire

ETH_P_ALL = 3
MAC = "02:00:00:00:00:01"
XID = 0xFFEEDDCC
DISCOVER = Message(MessageType.DISCOVER, XID, Client("web"))
SOON, LONG = 0.2, 20.0

Promise = Callable[[DhcpWire, FakeServer], Awaitable[None]]


def on_a_fake_wire(promise: Promise) -> None:
    server = FakeServer()
    wire = FakeWire(wait=lambda _seconds: None)
    wire.servers["eth0"] = [server]
    asyncio.run(promise(wire, server))


def on_the_hosts_wire(promise: Promise) -> None:
    def inside() -> None:
        server = FakeServer()
        serve(server)
        asyncio.run(promise(HostDhcpWire(), server))

    in_own_namespace(inside)


def ip(line: str) -> None:
    subprocess.run(["ip", *line.split()], check=True)


def serve(server: FakeServer, answer: Callable[[bytes, Message], list[bytes]] | None = None) -> None:
    """Make a wire from eth0 to `far`, and have the server answer there; the thread ends with the process."""
    for line in (
        f"link add eth0 address {MAC} type veth peer name far address {SERVER_MAC}",
        "link set eth0 up",
        "link set far up",
    ):
        ip(line)
    far = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    far.bind(("far", ETH_P_ALL))

    def work() -> None:
        while True:
            with suppress(OSError):
                frame, (_, _, kind, *_) = far.recvfrom(65535)
                message = read(frame) if kind != socket.PACKET_OUTGOING else None
                if message is None:
                    continue
                if answer is not None:
                    for one in answer(frame, message):
                        far.send(one)
                elif (reply := server.answer(message)) is not None:
                    far.send(written(reply, frame[6:12]))

    threading.Thread(target=work, daemon=True).start()


@pytest.fixture(params=[on_a_fake_wire, on_the_hosts_wire], ids=["fake", "real"])
def keeps(request):
    """Call it with a promise to have it kept by one implementation."""
    return request.param


def test_a_question_is_answered(keeps):
    """An offer, with what the server says."""

    async def promise(wire: DhcpWire, server: FakeServer) -> None:
        with wire.open("eth0", XID) as conversation:
            conversation.send(DISCOVER)
            reply = await conversation.receive(LONG)

        assert (MessageType.OFFER, FIRST.ip, server.address) == (reply.type, reply.address, reply.server.address)
        assert (SERVER_MAC, 24, (server.address,)) == (reply.server.mac, reply.prefix_length, reply.routers)
        assert [DISCOVER] == server.heard

    keeps(promise)


def test_silence_ends(keeps):
    """Nobody waits longer than was said."""

    async def promise(wire: DhcpWire, server: FakeServer) -> None:
        server.up = False
        with wire.open("eth0", XID) as conversation:
            conversation.send(DISCOVER)
            assert await conversation.receive(SOON) is None

    keeps(promise)


def test_answers_to_others_are_not_heard(keeps):
    """An exchange hears its own number alone, so that many can go on at once."""

    async def promise(wire: DhcpWire, server: FakeServer) -> None:
        with wire.open("eth0", XID) as one, wire.open("eth0", 1) as two:
            one.send(DISCOVER)
            assert await two.receive(SOON) is None
            assert (await one.receive(LONG)).xid == XID

    keeps(promise)


def test_a_missing_link_is_refused(keeps):
    """Before anything is said."""

    async def promise(wire: DhcpWire, server: FakeServer) -> None:
        with pytest.raises(IpvlError) as refused, wire.open("eth7", XID):
            pass
        assert (Kind.MISSING, "parent eth7 does not exist on this host") == (refused.value.kind, refused.value.what)

    keeps(promise)


def test_frames_of_vlans_are_not_heard_below_them():
    """A parent's own segment is the untagged one; what is tagged belongs to a sub-interface."""

    def inside() -> None:
        server = FakeServer()

        def tagged_first(frame: bytes, message: Message) -> list[bytes]:
            reply = server.answer(message)
            plain = written(reply, frame[6:12])
            false = written(reply, frame[6:12], options={15: b"false"})
            return [false[:12] + b"\x81\x00\x00\x14" + false[12:], plain]

        serve(server, tagged_first)
        asyncio.run(promise(HostDhcpWire()))

    async def promise(wire: DhcpWire) -> None:
        with wire.open("eth0", XID) as conversation:
            conversation.send(DISCOVER)
            assert (await conversation.receive(LONG)).domain == ""

    in_own_namespace(inside)


@pytest.mark.parametrize("up", [True, False])
def test_a_server_is_found_or_missed(monkeypatch, up):
    """Doctor's question: nothing is leased, and a link that cannot be asked is left out."""
    monkeypatch.setattr(dhcp_probe, "ANSWER_SECONDS", LONG if up else SOON)

    def inside() -> None:
        server = FakeServer(up=up)
        serve(server)
        found = asyncio.run(dhcp_probe.probe_dhcp_servers(["eth0", "eth7", "eth0"]))

        assert {"eth0": str(server.address) if up else None} == found
        assert {} == server.granted

    in_own_namespace(inside)


def test_a_link_that_goes_down_is_told():
    """Whoever waits for an answer learns that none can come, and nothing is said on a link that is down."""

    def inside() -> None:
        server = FakeServer(up=False)
        serve(server)
        asyncio.run(promise(HostDhcpWire()))

    async def promise(wire: DhcpWire) -> None:
        with wire.open("eth0", XID) as conversation:
            ip("link set eth0 down")
            conversation.send(DISCOVER)
            with pytest.raises(IpvlError) as refused:
                await conversation.receive(LONG)
        assert str(refused.value) == (
            "DHCP on parent eth0 is not possible: Network is down (ENETDOWN); see that eth0 is up: ip link show eth0"
        )

    in_own_namespace(inside)
