"""What a user asks an endpoint to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.errors import Kind
from ipvl.model.endpoints import Endpoint
from ipvl.options.endpoint import IFNAME, port_name
from ipvl.options.endpoint import parse_endpoint as read_endpoint
from ipvl.options.link_names import check_link_name
from ipvl.planning.reconciliation import is_port_name
from tests.unit.builders import ENDPOINT_ID, NOW, endpoint, network
from tests.unit.refusals import refusal

DUAL = network(subnets=("192.168.20.0/24", "10.1.0.0/16", "2001:db8::/64"), interface_prefix="vlan", name="web")
V4 = "192.168.20.10/24"
V6 = "2001:db8::a/64"


def asked(addresses=(V4, V6), *, of=DUAL, mac="", options=None, identity=ENDPOINT_ID) -> Endpoint:
    return read_endpoint(identity, of, addresses, mac=mac, options=options or {}, changed=NOW)


def refused(addresses=(V4, V6), *, of=DUAL, mac="", options=None, identity=ENDPOINT_ID) -> str:
    return refusal(Kind.INVALID, asked, addresses, of=of, mac=mac, options=options, identity=identity)


@pytest.mark.parametrize("addresses", [(V4, V6), (V4,), (V6,), ("10.1.2.3/16", V6)])
def test_an_endpoint_has_the_addresses_it_was_given(addresses):
    """One address of each family, or one alone, of any subnet."""
    assert endpoint(addresses=addresses, interface_prefix="vlan") == asked(addresses)


def test_an_empty_address_is_no_address():
    """Docker sends an empty text for a family that the endpoint does not have."""
    assert endpoint(addresses=(V6,), interface_prefix="vlan") == asked(("", V6))


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (("x",), "address x is not in CIDR notation; write it like 192.168.20.10/24"),
        (("192.168.20.10/33",), "address 192.168.20.10/33 is not in CIDR notation; write it like 192.168.20.10/24"),
        (
            ("192.168.21.10/24",),
            "address 192.168.21.10 is in no subnet of network web; "
            "its subnets: 192.168.20.0/24, 10.1.0.0/16, 2001:db8::/64",
        ),
        (
            ("192.168.20.10/24", "10.1.0.1/16"),
            "endpoint eeeeeeeeeeee of network web asks for two addresses of one family",
        ),
        (
            ("", ""),
            "endpoint eeeeeeeeeeee of network web has no address; an ipvlan port forwards by its addresses",
        ),
        ((), "endpoint eeeeeeeeeeee of network web has no address; an ipvlan port forwards by its addresses"),
    ],
)
def test_addresses_that_cannot_be_had_are_refused(addresses, expected):
    """An address outside every subnet, two of one family, or none: each in its own sentence."""
    assert expected == refused(addresses)


def test_an_address_on_a_network_without_subnets_is_refused():
    """The sentence says that there are none."""
    expected = "address 192.168.20.10 is in no subnet of network aaaaaaaaaaaa; its subnets: none"

    assert expected == refused((V4,), of=network(subnets=()))


def test_a_mac_address_is_refused():
    """All ports share the parent's MAC address: one that was asked for is never dropped in silence."""
    expected = (
        "MAC address 02:42:c0:a8:14:0a cannot be given to a container of network web; "
        "all ports of an ipvlan parent share the MAC address of eth0: drop --mac-address"
    )

    assert expected == refused(mac="02:42:c0:a8:14:0a")


def test_an_id_with_a_slash_is_refused():
    """The sentence says whose id it is."""
    assert "endpoint id a/b is not made of 1 to 128 letters, digits, - and _" == refused(identity="a/b")


@pytest.mark.parametrize("options", [{}, {IFNAME: ""}, {IFNAME: None}, {IFNAME: 7}, {"com.example.unknown": "x"}])
def test_an_interface_is_named_after_its_network(options):
    """Without a usable wish the network's prefix counts; options of others mean nothing here."""
    assert "vlan" == asked(options=options).interface_prefix


@pytest.mark.parametrize(
    ("name", "prefix"), [("eth0", "eth"), ("web0", "web"), ("a-b0", "a-b"), ("x" * 12 + "0", "x" * 12)]
)
def test_an_interface_name_that_ends_in_0_can_be_had(name, prefix):
    """Docker appends the lowest free number to the prefix, so NAME0 is what a container with one such gets."""
    assert prefix == asked(options={IFNAME: name}).interface_prefix


@pytest.mark.parametrize(
    ("name", "instead"),
    [("eth1", "eth0"), ("web", "web0"), ("eth00", "eth0"), ("eth10", "eth0"), ("0", "eth0"), ("007", "eth0")],
)
def test_an_interface_name_that_docker_would_change_is_refused(name, instead):
    """Any other name would come out different from what was asked for, so it is refused with one that works."""
    expected = (
        f"interface name {name} cannot be promised: Docker numbers a plugin's interfaces itself, from 0; "
        f"ask for {instead}"
    )

    assert expected == refused(options={IFNAME: name})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "a/b0",
            "a/b0 is not a link name; use a name that `ip link` shows, such as eth0, or NAME.VID, such as eth0.20",
        ),
        (
            "x" * 13 + "0",
            f"interface prefix {'x' * 13} is longer than 12 bytes; a number is appended: use a shorter one",
        ),
        (
            "x" * 13 + "1",
            f"interface prefix {'x' * 13} is longer than 12 bytes; a number is appended: use a shorter one",
        ),
    ],
)
def test_an_interface_name_is_a_link_name(name, expected):
    """A name that no link can have is refused for that."""
    assert expected == refused(options={IFNAME: name})


@given(st.text(min_size=1))
def test_a_port_has_a_link_name_that_only_ipvl_gives(identity):
    """Whatever the id, the port's name fits, is the same every time and is known again as ipvl's own."""
    name = port_name(identity)

    assert 15 == len(check_link_name(name))
    assert is_port_name(name)
    assert name == port_name(identity)


@given(st.sets(st.text(st.characters(codec="utf-8"), min_size=1), min_size=2, max_size=2))
def test_two_endpoints_have_two_ports(identities):
    """Ports are told apart by their endpoints' ids."""
    one, other = identities

    assert port_name(one) != port_name(other)
