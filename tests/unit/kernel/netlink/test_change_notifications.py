"""Announcements as the kernel writes them."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from ipvl.kernel.netlink.change_notifications import (
    LinkState,
    read_changed_addresses,
    read_changed_indexes,
    read_link_states,
)

NEW, DEL, ADDRESS = 16, 17, 20
UP, LOWER_UP = 0x1, 0x10000


def attribute(kind: int, value: bytes) -> bytes:
    return (struct.pack("=HH", 4 + len(value), kind) + value).ljust((len(value) + 7) & ~3, b"\0")


def message(kind: int, index: int, flags: int, *attributes: bytes) -> bytes:
    body = struct.pack("=BxHiII", 0, 1, index, flags, 0) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


NAME = attribute(3, b"eth0.20\0")
FULL = message(NEW, 7, UP | LOWER_UP, NAME, attribute(4, struct.pack("=I", 1400)), attribute(20, b"made by ipvl\0"))


def test_all_that_matters_is_read():
    """Name, state, MTU and alias, whatever else there is and however it is nested."""
    nested = attribute(0x8000 | 18, attribute(1, b"vlan\0"))

    assert [LinkState("eth0.20", 7, gone=False, up=True, carrier=True, mtu=1400, alias="made by ipvl")] == list(
        read_link_states(FULL[:-4] + FULL[-4:] + message(ADDRESS, 7, 0, nested))
    )


def test_further_names_are_read():
    """By these a link is known that was called otherwise."""
    names = attribute(0x8000 | 52, attribute(53, b"uplink0lan\0") + attribute(53, b"x" * 127 + b"\0"))
    (state,) = read_link_states(message(NEW, 7, UP, NAME, names))

    assert ("uplink0lan", "x" * 127) == state.altnames


@pytest.mark.parametrize("end", range(18))
def test_further_names_that_are_cut_off_stop_nothing(end):
    """However little of them there is."""
    names = (attribute(53, b"a\0") + attribute(53, b"b\0"))[:end]
    (state,) = read_link_states(message(NEW, 7, UP, NAME, attribute(0x8000 | 52, names)))

    assert set(state.altnames) <= {"a", "b"}


def test_whose_addresses_and_settings_change():
    """An address of either family, and a setting of one link; one of all links is nobody's."""
    address = struct.pack("=BBBBI", 2, 24, 0, 0, 7)
    settings = [struct.pack("=Bxxx", 2) + attribute(1, struct.pack("=i", index)) for index in (8, -1, -2)]
    datagram = b"".join(
        struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body
        for kind, body in ((ADDRESS, address), (21, address), *((80, one) for one in settings))
    )

    assert [7, 7, 8] == list(read_changed_indexes(datagram))
    assert [] == list(read_changed_indexes(FULL))


def test_several_messages_are_several_links():
    """One read may bring many; those that go are told from those that come."""
    found = list(read_link_states(FULL + message(DEL, 8, 0, attribute(3, b"x\0"))))

    assert [("eth0.20", False), ("x", True)] == [(state.name, state.gone) for state in found]


@pytest.mark.parametrize("end", range(len(FULL)))
def test_a_message_that_is_cut_off_stops_nothing(end):
    """However little of it there is."""
    found = list(read_link_states(FULL[:end]))

    assert len(found) <= 1


@pytest.mark.parametrize("length", [0, 3, 15])
def test_lengths_that_cannot_be_do_not_loop(length):
    """A header shorter than a header ends the reading, and so does such an attribute."""
    broken = struct.pack("=I", length) + FULL[4:]
    attribute_of = message(NEW, 7, 0, struct.pack("=HH", length & 3, 3))

    assert [] == list(read_link_states(broken))
    assert [""] == [state.name for state in read_link_states(attribute_of)]


def address_message(kind: int, family: int, *attributes: bytes) -> bytes:
    body = struct.pack("=BBBBI", family, 24, 0, 0, 7) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_addresses_that_come_and_go_are_read():
    """The host's end of a point-to-point link; what is about links or other families is passed over."""
    four, peer, six = (ip_address(text) for text in ("192.168.20.10", "192.168.20.99", "2001:db8::10"))
    told = (
        address_message(ADDRESS, 2, attribute(1, peer.packed), attribute(2, four.packed))
        + FULL
        + address_message(21, 10, attribute(1, six.packed))
        + address_message(ADDRESS, 129, attribute(1, b"x"))
    )

    assert [four, six] == list(read_changed_addresses(told))
    for end in range(len(told)):
        assert len(list(read_changed_addresses(told[:end]))) <= 2, "a message that is cut off stops nothing"
