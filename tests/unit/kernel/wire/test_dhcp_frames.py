"""DHCP messages as frames, and frames as messages: golden bytes, every option, and whatever else a segment carries."""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvl.dhcp.dhcp_messages import Client, Message, MessageType, Reply, Server
from ipvl.kernel.wire.dhcp_frames import (
    MOST_ENTRIES,
    REQUESTED_OPTIONS,
    SMALLEST_MESSAGE_BYTES,
    decode_frame,
    encode_frame,
)
from ipvl.model.networks import Route
from tests.contract.dhcp_server import MAGIC, in_frame, mask, options_of, read, written
from tests.faults.dhcp_segment import SERVER_MAC

MAC = bytes.fromhex("020000000001")
SERVER = Server(IPv4Address("192.168.20.1"), SERVER_MAC)
HELD = IPv4Address("192.168.20.100")
CLIENT = Client("web/lan/9e10d20a", "web")
PLAIN = Reply(MessageType.ACK, 0x12345678, HELD, SERVER)
FULL = replace(
    PLAIN,
    prefix_length=24,
    lease_seconds=0xFFFFFFFF,
    renewal_seconds=500,
    rebinding_seconds=875,
    routers=(SERVER.address, IPv4Address("192.168.20.2")),
    resolvers=(IPv4Address("9.9.9.9"),),
    domain="lan.example",
    mtu=1400,
    identifier="web",
    text="hello",
)

MESSAGES = [
    Message(MessageType.DISCOVER, 0x12345678, CLIENT),
    Message(MessageType.DISCOVER, 1, CLIENT, 7, requested=HELD),
    Message(MessageType.REQUEST, 2, CLIENT, 65535, requested=HELD, chosen=SERVER.address),
    Message(MessageType.REQUEST, 3, Client("x" * 254), held=HELD, to=SERVER),
    Message(MessageType.REQUEST, 4, CLIENT, held=HELD),
]
FAREWELLS = [
    Message(MessageType.RELEASE, 5, Client("web"), held=HELD, chosen=SERVER.address, to=SERVER),
    Message(MessageType.DECLINE, 6, Client("web"), requested=HELD, chosen=SERVER.address),
]


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@pytest.mark.parametrize("message", [*MESSAGES, *FAREWELLS], ids=lambda message: f"{message.type.name}-{message.xid}")
def test_a_server_reads_what_is_said(message):
    """Every field arrives, by another reader than ipvl's."""
    assert message == read(encode_frame(message, MAC))


@pytest.mark.parametrize("message", [*MESSAGES, *FAREWELLS], ids=lambda message: f"{message.type.name}-{message.xid}")
def test_frames_are_whole(message):
    """From the parent's MAC address, with checksums, and no shorter than relays want."""
    frame = encode_frame(message, MAC)
    packet, datagram = frame[14:34], frame[34:]
    pseudo = packet[12:20] + struct.pack("!BBH", 0, 17, len(datagram))

    assert frame[6:12] == frame[70:76] == MAC
    assert checksum(packet) == 0xFFFF
    assert checksum(pseudo + datagram + b"\0" * (len(datagram) % 2)) == 0xFFFF
    assert struct.unpack("!H", packet[2:4]) == (20 + len(datagram),)
    assert len(datagram) >= 8 + SMALLEST_MESSAGE_BYTES


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message.type.name}-{message.xid}")
def test_answers_are_asked_for_as_broadcasts_until_there_is_an_address(message):
    """The port has no address to be answered at, and its MAC address is everybody's."""
    body = encode_frame(message, MAC)[42:]

    assert body[10:12] == (b"\x80\x00" if message.held is None else b"\0\0")
    assert bytes(REQUESTED_OPTIONS) == options_of(body)[55]


def test_what_is_sent_alone_comes_from_the_address():
    """To the server's address, at the MAC address that its answers came from."""
    frame = encode_frame(FAREWELLS[0], MAC)

    assert (frame[:6].hex(":"), frame[26:30], frame[30:34]) == (SERVER.mac, HELD.packed, SERVER.address.packed)


@pytest.mark.parametrize("answer", [PLAIN, FULL, replace(FULL, type=MessageType.OFFER)], ids=["plain", "full", "offer"])
def test_every_option_of_an_answer_is_read(answer):
    """What a server says arrives as it was said."""
    assert answer == decode_frame(written(answer, MAC), MAC)


def test_what_follows_the_datagram_is_no_part_of_it():
    """Short frames are filled up to the least that Ethernet carries."""
    assert PLAIN == decode_frame(written(PLAIN, MAC) + bytes.fromhex("3501ff" * 9), MAC)


def test_an_ip_header_with_options_is_read():
    """It is longer than most."""
    frame = written(FULL, MAC)
    (length,) = struct.unpack("!H", frame[16:18])
    longer = frame[:14] + b"\x46" + frame[15:16] + struct.pack("!H", length + 4) + frame[18:34] + bytes(4) + frame[34:]

    assert FULL == decode_frame(longer, MAC)


ROUTES = {
    "00c0a81401": (Route(ip_network("0.0.0.0/0"), SERVER.address),),
    "080ac0a81401": (Route(ip_network("10.0.0.0/8"), SERVER.address),),
    "11ac1080c0a81401": (Route(ip_network("172.16.128.0/17"), SERVER.address),),
    "20c0a81e0900000000": (Route(ip_network("192.168.30.9/32"), None),),
    "0c0aff00000000": (Route(ip_network("10.240.0.0/12"), None),),
    "080affc0a81401": (),
    "21c0a81e0900c0a81401": (),
    "080ac0a814": (),
    "08": (),
}


@pytest.mark.parametrize("data", ROUTES)
def test_classless_routes_are_read_or_left(data):
    """RFC 3442; what is cut short or longer than an address is no route, and host bits are left out."""
    found = decode_frame(written(PLAIN, MAC, options={121: bytes.fromhex(data)}), MAC)

    assert ROUTES[data] == found.routes


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({1: mask(24)[::-1]}, "prefix_length", None),
        ({1: b"\x7f\xff\xff\xff"}, "prefix_length", None),
        ({1: bytes(4)}, "prefix_length", 0),
        ({1: b"\xff\xff"}, "prefix_length", None),
        ({1: b""}, "prefix_length", None),
        ({15: b"lan.example."}, "domain", "lan.example"),
        ({15: b"lan\nnameserver 6.6.6.6"}, "domain", ""),
        ({15: b"lan example"}, "domain", ""),
        ({15: b"-x"}, "domain", ""),
        ({15: b"x" * 255}, "domain", ""),
        ({15: b"\xff\xfe"}, "domain", ""),
        ({15: b"lan\0"}, "domain", "lan"),
        ({6: bytes(4) + bytes.fromhex("09090909") * 2 + b"\x08"}, "resolvers", (IPv4Address("9.9.9.9"),)),
        ({3: b"".join(bytes([10, 0, 0, last]) for last in range(1, 60))}, "routers", None),
        ({54: bytes(4)}, "server", None),
        ({54: b"\x01"}, "server", None),
        ({61: b""}, "identifier", None),
        ({61: b"\x01" + MAC}, "identifier", ""),
        ({61: b"\xffabc"}, "identifier", ""),
        ({51: b"\x01"}, "lease_seconds", None),
        ({26: b"\x05"}, "mtu", None),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_as_if_it_was_not_there(options, field, value):
    """A mask with holes, a domain with a line end, an empty identifier: nothing of it comes in."""
    found = decode_frame(written(PLAIN, MAC, options=options), MAC)

    if field == "routers":
        assert len(found.routers) == MOST_ENTRIES
    elif found is not None:
        assert value == getattr(found, field)
    else:
        assert value is None


def patched(offset: int, value: bytes) -> bytes:
    frame = written(FULL, MAC)
    return frame[:offset] + value + frame[offset + len(value) :]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        written(FULL, MAC)[:41],
        written(FULL, MAC)[:100],
        patched(12, b"\x08\x06"),
        patched(14, b"\x65"),
        patched(14, b"\x44"),
        patched(14, b"\x4f"),
        patched(20, b"\x20\x00"),
        patched(20, b"\x00\x01"),
        patched(23, b"\x06"),
        patched(36, b"\x00\x43"),
        patched(38, b"\xff\xff"),
        patched(38, b"\x00\x00"),
        patched(42, b"\x01"),
        patched(70, b"\x02\x00\x00\x00\x00\x09"),
        patched(278, b"\x00"),
        written(FULL, MAC, options={53: b"\x00"}),
        written(FULL, MAC, options={53: b"\x08"}),
        written(FULL, MAC, options={53: b""}),
        in_frame(MAGIC, MAC),
    ],
    ids=range(20),
)
def test_other_frames_are_no_answers(frame):
    """Too short, another protocol, a fragment, another port, a question, for another, without the mark or a type."""
    assert decode_frame(frame, MAC) is None


@settings(max_examples=500)
@given(st.binary(max_size=700))
def test_no_body_does_harm(body):
    """Whatever comes to the client's port is an answer or none."""
    head = struct.pack("!BBBBI", 2, 1, 6, 0, 9) + bytes(20) + MAC.ljust(16, b"\0") + bytes(192) + MAGIC
    for one in (body, head + body):
        found = decode_frame(in_frame(one, MAC), MAC)
        assert found is None or isinstance(found, Reply)


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=12), st.integers(0, 500))
def test_no_options_do_harm(options, cut):
    """Any options of any length, cut short anywhere."""
    tail = b"".join(bytes([code, len(value)]) + value for code, value in options)
    head = struct.pack("!BBBBI", 2, 1, 6, 0, 9) + bytes(20) + MAC.ljust(16, b"\0") + bytes(192) + MAGIC
    found = decode_frame(in_frame((head + b"\x35\x01\x02" + tail)[: 243 + cut], MAC), MAC)

    if found is not None:
        assert found.prefix_length is None or 0 <= found.prefix_length <= 32
        assert (
            len(found.routers) <= MOST_ENTRIES
            and len(found.routes) <= MOST_ENTRIES
            and len(found.resolvers) <= MOST_ENTRIES
        )
        assert all(character.isalnum() or character in ".-" for character in found.domain)


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_no_frame_does_harm(frame):
    """Whatever the kernel hands over."""
    assert decode_frame(frame, MAC) is None
    assert decode_frame(frame[:12] + b"\x08\x00\x45" + frame[15:], MAC) is None
