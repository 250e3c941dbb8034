"""Frames about who has an address: what goes out, to the byte, and what is made of whatever comes in."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.kernel.wire.neighbour_frames import (
    NeighbourClaim,
    announcement_frame,
    arp_request,
    link_local_address,
    neighbour_solicitation,
    read_arp_claim,
    read_neighbour_claim,
)

MAC = bytes.fromhex("525400123456")
TEXT = "52:54:00:12:34:56"
FOUR, OTHER4 = IPv4Address("192.168.20.7"), IPv4Address("192.168.20.9")
SIX = IPv6Address("2001:db8:20::7")
NOBODY = IPv6Address("::")


def folded(data: bytes) -> int:
    """Return what the internet checksum of data with its checksum in it is when nothing was damaged: 65535."""
    total = sum(int.from_bytes(data[i : i + 2]) for i in range(0, len(data), 2))
    return total % 0xFFFF or 0xFFFF


def checksum_is_right(frame: bytes) -> bool:
    body = frame[54:]
    return folded(frame[22:54] + len(body).to_bytes(4) + bytes([0, 0, 0, 58]) + body) == 0xFFFF


def test_an_arp_probe_to_the_byte():
    """RFC 5227, 2.1.1: a broadcast whose sender address is zero, so that nobody learns anything."""
    expected = (
        "ffffffffffff 525400123456 0806  0001 0800 06 04 0001  525400123456 00000000  000000000000 c0a81407"
    ).replace(" ", "")

    assert expected == arp_request(MAC, FOUR, None).hex()


def test_an_arp_announcement_to_the_byte():
    """RFC 5227, 3: a request whose sender and target are the address."""
    expected = (
        "ffffffffffff 525400123456 0806  0001 0800 06 04 0001  525400123456 c0a81407  000000000000 c0a81407"
    ).replace(" ", "")

    assert expected == announcement_frame(MAC, FOUR).hex()


def test_a_neighbour_probe_to_the_byte():
    """RFC 4862, 5.4.2: from nobody to the target's group, and without an option that says who asks."""
    frame = neighbour_solicitation(MAC, SIX, NOBODY)

    assert "3333ff000007" + MAC.hex() + "86dd" == frame[:14].hex()
    assert "6000000000183aff" + 16 * "00" + "ff0200000000000000000001ff000007" == frame[14:54].hex()
    assert ("8700", "00000000" + SIX.packed.hex()) == (frame[54:56].hex(), frame[58:].hex())
    assert checksum_is_right(frame)


def test_a_neighbour_announcement_to_the_byte():
    """RFC 4861, 7.2.6: to all nodes, from the address, unsolicited and to override what they remember."""
    frame = announcement_frame(MAC, SIX)

    assert "333300000001" + MAC.hex() + "86dd" == frame[:14].hex()
    assert "6000000000203aff" + SIX.packed.hex() + "ff020000000000000000000000000001" == frame[14:54].hex()
    assert ("8800", "20000000" + SIX.packed.hex() + "0201" + MAC.hex()) == (frame[54:56].hex(), frame[58:].hex())
    assert checksum_is_right(frame)


def test_a_question_from_somebody_says_where_the_answer_goes():
    """RFC 4861, 4.3: with the asker's MAC address."""
    frame = neighbour_solicitation(MAC, SIX, link_local_address(MAC))

    assert "0101" + MAC.hex() == frame[78:].hex()
    assert checksum_is_right(frame)


def reply(sender: IPv4Address, target: IPv4Address, operation: int = 2) -> bytes:
    frame = bytearray(arp_request(MAC, target, sender))
    frame[20:22] = operation.to_bytes(2)
    return bytes(frame)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (reply(FOUR, OTHER4), NeighbourClaim(FOUR, TEXT)),
        (reply(FOUR, IPv4Address(0)), NeighbourClaim(FOUR, TEXT)),
        (arp_request(MAC, OTHER4, FOUR), NeighbourClaim(FOUR, TEXT)),
        (announcement_frame(MAC, FOUR), NeighbourClaim(FOUR, TEXT)),
        (arp_request(MAC, FOUR, None), NeighbourClaim(FOUR, TEXT, has=False)),
        (reply(IPv4Address(0), FOUR), None),
        (reply(FOUR, OTHER4, 3), None),
        (reply(FOUR, OTHER4) + bytes(18), NeighbourClaim(FOUR, TEXT)),
    ],
    ids=["reply", "reply to a probe", "request", "announcement", "probe", "reply of nobody", "RARP", "padded"],
)
def test_what_arp_frames_say(frame, expected):
    """Whoever sends from an address has it; whoever asks from none is about to take it (RFC 5227, 2.1.1)."""
    assert expected == read_arp_claim(frame)


def advertised(address: IPv6Address = SIX, hop_limit: int = 255, code: int = 0, version: int = 6) -> bytes:
    frame = bytearray(announcement_frame(MAC, address))
    frame[14], frame[21], frame[55] = version << 4, hop_limit, code
    return bytes(frame)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (advertised(), NeighbourClaim(SIX, TEXT)),
        (neighbour_solicitation(MAC, SIX, NOBODY), NeighbourClaim(SIX, TEXT, has=False)),
        (neighbour_solicitation(MAC, SIX, link_local_address(MAC)), None),
        (advertised(hop_limit=254), None),
        (advertised(code=1), None),
        (advertised(version=4), None),
        (advertised(IPv6Address("ff02::7")), None),
        (advertised()[:77], None),
    ],
    ids=["advertisement", "probe", "question", "routed", "code", "not IPv6", "group", "short"],
)
def test_what_neighbour_frames_say(frame, expected):
    """An advertisement of a neighbour claims its target, a solicitation from nobody too; others are nothing."""
    assert expected == read_neighbour_claim(frame)


@given(
    st.binary(max_size=120), st.sampled_from([arp_request(MAC, FOUR, None), announcement_frame(MAC, SIX)]), st.data()
)
def test_no_frame_is_too_strange(noise, genuine, data):
    """Whatever anybody on the segment sends, cut or damaged anywhere, is a claim or nothing."""
    damaged = bytearray(genuine[: data.draw(st.integers(0, len(genuine)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    for frame in (noise, bytes(damaged)):
        for claim in (read_arp_claim(frame), read_neighbour_claim(frame)):
            assert claim is None or claim.mac.count(":") == 5


def test_the_address_that_a_mac_address_makes():
    """RFC 4291, appendix A."""
    assert ip_address("fe80::250:56ff:fe39:452e") == link_local_address(bytes.fromhex("00505639452e"))
