"""Gateways and routes of an endpoint."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.addresses.next_address import first_usable_address
from ipvl.model.endpoints import JoinInfo
from ipvl.model.networks import Mode, Route
from ipvl.planning.sandbox_routes import plan_join, subnet_of
from tests.unit.builders import endpoint, network, subnet

ROUTED = [Mode.L3, Mode.L3S]
TO_THE_DEVICE4 = Route(ip_network("0.0.0.0/0"))
TO_THE_DEVICE6 = Route(ip_network("::/0"))


def ways_out(of, *addresses: str) -> JoinInfo:
    return plan_join(of, endpoint(addresses=addresses))


def gateways(of, *addresses: str) -> tuple[str | None, str | None]:
    found = ways_out(of, *addresses)
    return (found.gateway4 and str(found.gateway4), found.gateway6 and str(found.gateway6))


def test_an_attachment_names_the_port_and_what_to_call_it():
    """The sandbox's owner learns which link to take and the prefix of its new name."""
    one = endpoint(interface_prefix="vlan")

    found = plan_join(network(), one)

    assert (one.port, "vlan") == (found.port, found.interface_prefix)


@pytest.mark.parametrize(
    ("subnets", "addresses", "expected"),
    [
        ((subnet("192.168.20.0/24", "192.168.20.254"),), ("192.168.20.10/24",), ("192.168.20.254", None)),
        (("192.168.20.0/24",), ("192.168.20.10/24",), ("192.168.20.1", None)),
        (("192.168.20.128/25",), ("192.168.20.200/25",), ("192.168.20.129", None)),
        (("2001:db8::/64",), ("2001:db8::a/64",), (None, "2001:db8::1")),
        ((subnet("2001:db8::/64", "fe80::1"),), ("2001:db8::a/64",), (None, "fe80::1")),
        (("192.168.20.0/24", "2001:db8::/64"), ("192.168.20.10/24", "2001:db8::a/64"), ("192.168.20.1", "2001:db8::1")),
        (("192.168.20.0/24", "2001:db8::/64"), ("192.168.20.10/24",), ("192.168.20.1", None)),
        (("10.0.0.0/31",), ("10.0.0.1/31",), ("10.0.0.0", None)),
        (("2001:db8::/127",), ("2001:db8::1/127",), (None, "2001:db8::")),
        (("10.0.0.0/30",), ("10.0.0.2/30",), ("10.0.0.1", None)),
        (("10.0.0.7/32",), ("10.0.0.7/32",), (None, None)),
        (("2001:db8::7/128",), ("2001:db8::7/128",), (None, None)),
    ],
)
def test_l2_has_the_given_gateway_or_the_first_usable_address(subnets, addresses, expected):
    """In L2 each family leaves through the subnet's gateway: the given one, else the first that a host may have."""
    of = network(subnets=subnets)

    assert expected == gateways(of, *addresses)
    assert () == ways_out(of, *addresses).routes


@pytest.mark.parametrize(
    ("address", "gateway"), [("192.168.114.10/24", "192.168.114.254"), ("192.168.116.10/24", "192.168.116.1")]
)
def test_l2_has_the_gateway_of_the_subnet_its_own_address_is_in(address, gateway):
    """With several subnets the endpoint's own one counts."""
    of = network(subnets=(subnet("192.168.114.0/24", "192.168.114.254"), "192.168.116.0/24"))

    assert (gateway, None) == gateways(of, address)


def test_an_endpoint_that_is_the_gateway_has_none():
    """A container that was given the gateway's address is the way out itself."""
    of = network(subnets=(subnet("192.168.20.0/24", "192.168.20.254"), "2001:db8::/64"))

    assert (None, None) == gateways(of, "192.168.20.254/24", "2001:db8::1/64")


def test_an_address_outside_every_subnet_has_no_gateway():
    """Nothing is guessed for an address that no subnet knows."""
    assert (None, None) == gateways(network(), "10.0.0.1/8")


@pytest.mark.parametrize("mode", ROUTED)
@pytest.mark.parametrize(
    ("addresses", "routes"),
    [
        (("192.168.110.10/24",), (TO_THE_DEVICE4,)),
        (("2001:db8:abc6::10/64",), (TO_THE_DEVICE6,)),
        (("192.168.112.50/24", "2001:db8:abc6::50/64"), (TO_THE_DEVICE4, TO_THE_DEVICE6)),
    ],
)
def test_routed_modes_have_a_default_route_to_the_device(mode, addresses, routes):
    """In L3 and L3S gateways are ignored, and each family the endpoint has leaves through the device."""
    of = network(
        mode=mode,
        subnets=(
            subnet("192.168.110.0/24", "192.168.110.1"),
            "192.168.112.0/24",
            subnet("2001:db8:abc6::/64", "2001:db8:abc6::22"),
        ),
    )

    assert routes == ways_out(of, *addresses).routes
    assert (None, None) == gateways(of, *addresses)


def test_an_isolated_l2_network_has_no_way_out():
    """No gateway, not even a given one, and no route."""
    of = network(isolated=True, subnets=(subnet("192.168.10.0/24", "192.168.10.1"), "2001:db8::/64"))

    assert (None, None) == gateways(of, "192.168.10.10/24", "2001:db8::a/64")
    assert () == ways_out(of, "192.168.10.10/24", "2001:db8::a/64").routes


@pytest.mark.parametrize("mode", ROUTED)
def test_an_isolated_routed_network_reaches_its_other_subnets_only(mode):
    """The dummy routes between the network's own subnets, so those are reached through the device and nothing else."""
    of = network(
        isolated=True,
        mode=mode,
        subnets=("192.168.214.0/24", "10.1.214.0/24", "2001:db8:1::/64", "2001:db8:2::/64"),
    )

    expected = (Route(ip_network("10.1.214.0/24")), Route(ip_network("2001:db8:1::/64")))

    assert expected == ways_out(of, "192.168.214.10/24", "2001:db8:2::a/64").routes
    assert (Route(ip_network("192.168.214.0/24")),) == ways_out(of, "10.1.214.10/24").routes
    assert (None, None) == gateways(of, "192.168.214.10/24", "2001:db8:2::a/64")


def test_an_isolated_routed_network_of_one_subnet_needs_no_route():
    """Its own subnet is there by the address."""
    assert () == ways_out(network(isolated=True, mode=Mode.L3), "192.168.20.10/24").routes


POOLS = st.ip_addresses().flatmap(
    lambda address: st.integers(1, address.max_prefixlen).map(
        lambda length: ip_network(f"{address}/{length}", strict=False)
    )
)


@given(POOLS)
def test_the_first_usable_address_is_in_the_pool_and_a_hosts(pool):
    """Whatever the pool, a host may have the address, and there is none only where there is room for none."""
    first = first_usable_address(pool)

    if pool.num_addresses == 1:
        assert first is None
    else:
        assert first in pool
        assert (first == pool.network_address) is (pool.num_addresses == 2)
        assert pool.num_addresses == 2 or first != pool.broadcast_address


@given(POOLS, st.sampled_from(Mode), st.booleans(), st.data())
def test_an_isolated_network_never_gets_a_default_way_out(pool, mode, isolated, data):
    """Gateways are for L2 with a parent alone, default routes for routed modes with a parent alone."""
    address = data.draw(st.integers(0, pool.num_addresses - 1).map(lambda offset: pool[offset]))
    of = network(isolated=isolated, mode=mode, subnets=(subnet(str(pool)),))

    found = ways_out(of, f"{address}/{pool.prefixlen}")

    has_gateway = found.gateway4 is not None or found.gateway6 is not None
    assert not has_gateway or (mode is Mode.L2 and not isolated)
    assert bool(found.routes) is (mode.routes and not isolated)
    assert ip_address(address) not in {found.gateway4, found.gateway6}


def test_the_subnet_of_an_address_is_the_one_it_is_in():
    """An address of no subnet has none."""
    of = network(subnets=("192.168.20.0/24", "2001:db8::/64"))

    assert of.subnets[1] is subnet_of(endpoint(addresses=("2001:db8::a/64",)).addresses[0], of)
    assert None is subnet_of(endpoint(addresses=("10.0.0.1/8",)).addresses[0], of)


BY_ROUTER = Route(ip_network("10.0.0.0/8"), ip_address("192.168.20.254"))
BY_OTHER = Route(ip_network("10.9.0.0/16"), ip_address("192.168.30.254"))
BY_DEVICE = Route(ip_network("172.20.0.0/16"))
BY_DEVICE6 = Route(ip_network("2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (("192.168.20.10/24",), (BY_ROUTER,)),
        (("192.168.30.10/24",), (BY_OTHER,)),
        (("192.168.20.254/24",), ()),
        (("2001:db8::a/64",), ()),
    ],
)
def test_routes_by_a_router_are_for_those_on_its_subnet(addresses, expected):
    """Nobody else can reach it, and the router itself does not route to itself."""
    of = network(subnets=("192.168.20.0/24", "192.168.30.0/24", "2001:db8::/64"), routes=(BY_ROUTER, BY_OTHER))

    assert expected == ways_out(of, *addresses).routes


@pytest.mark.parametrize("mode", ROUTED)
def test_routes_to_the_device_are_for_those_of_the_family(mode):
    """Beside the default route."""
    of = network(mode=mode, subnets=("192.168.20.0/24", "2001:db8::/64"), routes=(BY_DEVICE, BY_DEVICE6))

    assert (TO_THE_DEVICE4, BY_DEVICE) == ways_out(of, "192.168.20.10/24").routes
    assert (TO_THE_DEVICE6, BY_DEVICE6) == ways_out(of, "2001:db8::a/64").routes


def test_a_network_may_leave_the_default_route_to_others():
    """Its own routes stay; in L3 its other subnets are then reached by routes of their own."""
    left = network(subnets=("192.168.20.0/24",), default_routes=frozenset(), routes=(BY_ROUTER,))
    routed = network(mode=Mode.L3, subnets=("192.168.20.0/24", "192.168.30.0/24"), default_routes=frozenset())

    assert (None, None) == gateways(left, "192.168.20.10/24")
    assert (BY_ROUTER,) == ways_out(left, "192.168.20.10/24").routes
    assert (Route(ip_network("192.168.30.0/24")),) == ways_out(routed, "192.168.20.10/24").routes


def test_a_network_may_leave_one_familys_default_route_to_others():
    """The other family has its own, in L2 by the gateway and in L3 by the device."""
    four = frozenset({4})
    left = network(subnets=("192.168.20.0/24", "2001:db8::/64"), default_routes=four)
    routed = network(mode=Mode.L3, subnets=("192.168.20.0/24", "2001:db8::/64", "2001:db8:1::/64"), default_routes=four)
    both = ("192.168.20.10/24", "2001:db8::a/64")

    assert ("192.168.20.1", None) == gateways(left, *both)
    assert (TO_THE_DEVICE4, Route(ip_network("2001:db8:1::/64"))) == ways_out(routed, *both).routes


def test_a_link_local_router_is_every_ipv6_endpoints():
    """It is in no subnet."""
    way = Route(ip_network("2001:db8:77::/64"), ip_address("fe80::9"))
    of = network(subnets=("192.168.20.0/24", "2001:db8::/64"), routes=(way,))

    assert (way,) == ways_out(of, "2001:db8::a/64").routes
    assert () == ways_out(of, "192.168.20.10/24").routes
