"""What the driver may expect of a kernel that sets up the host's own port: fake and real keep the same promises."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

from ipvl.errors import Kind
from ipvl.model.host_port_steps import AddHostRoutes, MakeHostPort, RemoveHostPort, RemoveHostRoutes
from ipvl.model.links import MADE_BY_IPVL, HostPortRoute, HostRoute, HostRouting
from ipvl.model.networks import Flag, Mode
from tests.contract.benches import Bench, FakeBench, refusal
from tests.contract.test_kernel_making import needs

NAME = "ih-aaaaaaaaaaaa"
MAKE = MakeHostPort(NAME, "br0", Mode.L2, Flag.BRIDGE, 1400, ipv6=True)
OWN4, OWN6 = ip_address("192.168.20.250"), ip_address("2001:db8::250")
TO_ONE = HostPortRoute(ip_network("192.168.20.10/32"), OWN4)
TO_ALL = HostPortRoute(ip_network("10.1.0.0/16"), OWN4)
TO_SIX = HostPortRoute(ip_network("2001:db8::a/128"), OWN6)
OPEN = AddHostRoutes(NAME, (OWN4, OWN6), (TO_ONE, TO_ALL, TO_SIX))


async def port(bench: Bench) -> None:
    """Make the host's port, or where the kernel has no ipvlan, a link of its name."""
    await bench.add("br0", "bridge", up=True)
    if "ipvlan" in await bench.kernel.link_kinds():
        await bench.kernel.apply(MAKE)
    else:
        await bench.add(NAME, "macvlan", on="br0", up=True)


async def seen(bench: Bench) -> tuple[set[HostRoute], set[str]]:
    """Return the routes by the port that the kernel did not make itself, and the port's addresses."""
    ways: HostRouting = await bench.kernel.host_routing()
    return (
        {replace(route, metric=0) for route in ways.routes if route.link == NAME and not route.by_kernel},
        {str(address) for name, address in ways.addresses if name == NAME and not address.is_link_local},
    )


def routes(*ways: HostPortRoute) -> set[HostRoute]:
    return {HostRoute(way.destination, NAME, connected=True, source=way.source) for way in ways}


def test_a_host_port_is_made_marked_and_up(on_kernel):
    """On its parent, with mode, flag and MTU; what routers announce is not for it."""

    async def promise(bench):
        await needs(bench, "ipvlan")
        await port(bench)
        found, parent = await bench.kernel.find_link(NAME), await bench.kernel.find_link("br0")

        expected = ("ipvlan", parent.index, MADE_BY_IPVL, True, 1400, Mode.L2, Flag.BRIDGE)
        assert expected == (found.kind, found.lower, found.alias, found.up, found.mtu, found.mode, found.flag)
        if not isinstance(bench, FakeBench):
            settings = Path("/proc/sys/net/ipv6/conf", NAME)
            assert ["0", "0", "0"] == [
                (settings / name).read_text().strip() for name in ("accept_ra", "autoconf", "disable_ipv6")
            ]
        assert {"lo", "br0", NAME} == {link.name for link in await bench.kernel.links()}

    on_kernel(promise)


def test_a_host_port_gets_addresses_alone_and_routes(on_kernel):
    """Without the routes to whole prefixes that addresses bring; once more is done already."""

    async def promise(bench):
        await port(bench)
        for _ in range(2):
            await bench.kernel.apply(OPEN)
            assert (routes(TO_ONE, TO_ALL, TO_SIX), {str(OWN4), str(OWN6)}) == await seen(bench)

    on_kernel(promise)


def test_routes_by_a_host_port_are_removed_alone(on_kernel):
    """The others and the addresses stay; what is gone is done already, as it is for a port that is gone."""

    async def promise(bench):
        await port(bench)
        await bench.kernel.apply(OPEN)
        for _ in range(2):
            await bench.kernel.apply(RemoveHostRoutes(NAME, (TO_ONE.destination, TO_SIX.destination)))
            assert (routes(TO_ALL), {str(OWN4), str(OWN6)}) == await seen(bench)
        await bench.kernel.apply(RemoveHostRoutes("ih-gone", (TO_ALL.destination,)))
        assert (routes(TO_ALL), {str(OWN4), str(OWN6)}) == await seen(bench)

    on_kernel(promise)


def test_a_route_by_another_link_stays(on_kernel):
    """It is neither replaced nor removed."""

    async def promise(bench):
        await port(bench)
        await bench.add_address("br0", "10.7.0.1/24")
        await bench.add_route("br0", "10.1.0.0/16")
        step = AddHostRoutes(NAME, (OWN4,), (TO_ALL,))

        assert f"the kernel refused to {step.describe()}: File exists (EEXIST)" == await refusal(
            bench, Kind.KERNEL, step
        )
        await bench.kernel.apply(RemoveHostRoutes(NAME, (TO_ALL.destination,)))
        found = {route.destination: route.link for route in (await bench.kernel.host_routing()).routes}
        assert "br0" == found[TO_ALL.destination]

    on_kernel(promise)


def test_the_hosts_own_ways_are_told(on_kernel):
    """Each address with its link, and the kernel's own routes for them as such."""

    async def promise(bench):
        await bench.add("br0", "bridge", up=True)
        await bench.add_address("br0", "10.7.0.1/24")
        await bench.add_route("br0", "10.1.0.0/16")
        ways = await bench.kernel.host_routing()

        assert ("br0", ip_address("10.7.0.1")) in ways.addresses
        own, made = ip_network("10.7.0.0/24"), ip_network("10.1.0.0/16")
        assert {
            HostRoute(own, "br0", connected=True, by_kernel=True, source=ip_address("10.7.0.1")),
            HostRoute(made, "br0", connected=True),
        } == {route for route in ways.routes if route.destination.version == 4}
        assert "10.1.0.0/16 by br0" in {route.label for route in ways.routes}

    on_kernel(promise)


def test_the_hosts_default_routes_have_metrics(on_kernel):
    """Which of two counts is told by them."""

    async def promise(bench):
        await bench.add("br0", "bridge", up=True)
        await bench.add_route("br0", "0.0.0.0/0", metric=200)
        ways = await bench.kernel.host_routing()

        assert [("0.0.0.0/0", "br0", 200)] == [
            (str(route.destination), route.link, route.metric)
            for route in ways.routes
            if route.destination.version == 4
        ]

    on_kernel(promise)


def test_an_ethernet_link_shows_its_mac_address(on_kernel):
    """As `ip link` writes it; the loopback's zeros are none."""

    async def promise(bench):
        await bench.add_segment("far0", "00:50:56:00:00:09")
        links = {link.name: link for link in await bench.kernel.links()}

        assert re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", links["far0"].mac)
        assert None is links["lo"].mac

    on_kernel(promise)


def test_a_host_port_goes_with_its_routes_and_nothing_else_does(on_kernel):
    """A link without the mark stays; one that is gone is done already."""

    async def promise(bench):
        await needs(bench, "ipvlan")
        await port(bench)
        await bench.kernel.apply(OPEN)
        await bench.add("ih-bbbbbbbbbbbb", "bridge")
        for name in (NAME, NAME, "ih-bbbbbbbbbbbb"):
            await bench.kernel.apply(RemoveHostPort(name))

        assert {"lo", "br0", "ih-bbbbbbbbbbbb"} == {link.name for link in await bench.kernel.links()}
        assert (set(), set()) == await seen(bench)

    on_kernel(promise)


def test_a_host_port_that_is_gone_cannot_be_opened(on_kernel):
    """Somebody deleted it a moment ago."""

    async def promise(bench):
        expected = f"link {NAME} does not exist on this host; it went away a moment ago: make it again"

        assert expected == await refusal(bench, Kind.MISSING, OPEN)

    on_kernel(promise)
