"""What the driver may expect of a kernel when it looks at ports inside sandboxes, and makes them again as they were."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import ip_network

import pytest

from ipvl.errors import Kind
from ipvl.model.endpoints import PortRoute
from ipvl.model.networks import Flag, Mode, Route
from ipvl.model.steps import USUAL_METRICS, MakePort, PlacePort, RemoveSandboxPort, RestoreRoutes, RoutePort
from tests.contract.benches import on_host, refusal
from tests.contract.test_kernel_making import needs
from tests.contract.test_kernel_sandboxes import ADDRESSES, GATEWAYS, GONE, NAME, place

FURTHER = Route(ip_network("10.9.0.0/16"), None)


async def placed(bench):
    """Place a port with routes; return its sandbox's path and what is seen of it."""
    await needs(bench, "ipvlan")
    path = await place(bench)
    await bench.kernel.apply(RoutePort(path, "eth0", GATEWAYS, (FURTHER,)))
    (port,) = (await bench.kernel.ports_view(path)).ports
    return path, port


def test_a_port_is_seen_with_all_about_it(on_kernel):
    """Its parent's index, its addresses and its routes; those that the kernel makes itself are not among them."""

    async def promise(bench):
        path, port = await placed(bench)
        view = await bench.kernel.ports_view(path)
        parent = await bench.kernel.find_link("br0")
        assert ("eth0", parent.index, True, set(ADDRESSES)) == (port.name, port.parent, port.up, set(port.addresses))
        assert {"0.0.0.0/0 via 192.168.20.1", "::/0 via 2001:db8::1", "10.9.0.0/16"} == {
            route.label for route in port.setup.routes
        }
        assert (True, frozenset({"lo", "eth0"})) == (view.entered, view.interfaces)
        assert {("eth0", address.ip) for address in ADDRESSES} <= view.addresses
        assert {(4, 0), (6, USUAL_METRICS[6])} == view.default_routes

    on_kernel(promise)


def test_a_port_is_made_again_as_it_was(on_kernel):
    """Whoever looks cannot tell it from the one before."""

    async def promise(bench):
        path, before = await placed(bench)
        again = PlacePort(NAME, path, "eth0", ADDRESSES, setup=before.setup)
        await bench.kernel.apply(RemoveSandboxPort(path, "eth0"))
        assert () == (await bench.kernel.ports_view(path)).ports

        await bench.kernel.apply(MakePort(NAME, "br0", Mode.L2, Flag.BRIDGE))
        await bench.kernel.apply(again)
        for _ in range(2):
            await bench.kernel.apply(RestoreRoutes(path, "eth0", before.setup.routes))

        assert (before,) == (await bench.kernel.ports_view(path)).ports

    on_kernel(promise)


def test_settings_and_queue_are_made_again():
    """What somebody set of it by hand, beside addresses and routes: sysctls of both families, queue, alias, route."""
    route = PortRoute(ip_network("10.8.0.0/16"), GATEWAYS[0], metric=7, table=77, protocol=3, scope=0)

    async def promise(bench):
        path, before = await placed(bench)
        changed = replace(
            before.setup,
            broadcast=True,
            queue_length=77,
            alias="of mine",
            routes=(*before.setup.routes, route),
            settings=(("ipv4/conf/*/rp_filter", "2"), *before.setup.settings, ("ipv6/conf/*/accept_ra", "2")),
        )
        await bench.kernel.apply(RemoveSandboxPort(path, "eth0"))
        await bench.kernel.apply(MakePort(NAME, "br0", Mode.L2, Flag.BRIDGE))
        await bench.kernel.apply(PlacePort(NAME, path, "eth0", ADDRESSES, setup=changed))
        await bench.kernel.apply(RestoreRoutes(path, "eth0", changed.routes))

        (port,) = (await bench.kernel.ports_view(path)).ports
        assert set(changed.routes) == set(port.setup.routes)
        assert set(changed.settings) <= set(port.setup.settings)
        assert (True, 77, "of mine") == (port.setup.broadcast, port.setup.queue_length, port.setup.alias)

    on_host(promise)


def test_a_sandbox_that_may_not_be_entered_shows_its_ports(monkeypatch):
    """Their names and parents are listed from outside."""

    def refuse(_fd, _kind):
        raise PermissionError(1, os.strerror(1))

    async def promise(bench):
        path, port = await placed(bench)
        monkeypatch.setattr("ipvl.kernel.namespaces.set_namespace", refuse)
        view = await bench.kernel.ports_view(path)
        assert not view.entered
        assert [("eth0", port.parent, None)] == [(one.name, one.parent, one.setup) for one in view.ports]

    on_host(promise)


def test_a_sandbox_that_is_gone_has_no_view(on_kernel):
    """Nor a route to be added."""

    async def promise(bench):
        with pytest.raises(Exception, match=r"sandbox /run/netns/gone is gone \(No such file or directory\)"):
            await bench.kernel.ports_view(GONE)
        assert "is gone" in await refusal(bench, Kind.MISSING, RestoreRoutes(GONE, "eth0", ()))

    on_kernel(promise)
