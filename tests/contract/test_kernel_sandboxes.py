"""What the driver may expect of a kernel that sets up ports inside sandboxes: fake and real keep the same promises."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from pyroute2 import netns

from ipvl.errors import Kind
from ipvl.model.links import SandboxView
from ipvl.model.networks import Flag, Mode, Route
from ipvl.model.steps import MakePort, PlacePort, RemoveLeftPort, RemoveSandboxPort, RoutePort, SetMtu
from tests.contract.benches import Bench, on_host, refusal
from tests.contract.test_kernel_making import needs

NAME = "ipvl0123456789a"
ADDRESSES = (ip_interface("192.168.20.10/24"), ip_interface("2001:db8::10/64"))
GATEWAYS = (ip_address("192.168.20.1"), ip_address("2001:db8::1"))
GONE = "/run/netns/gone"
BARE = SandboxView(frozenset({"lo"}), frozenset(), frozenset())


async def make_port(bench: Bench, name: str = NAME) -> None:
    """Make an ipvlan port, or where the kernel has none, its next of kin."""
    if await bench.kernel.find_link("br0") is None:
        await bench.add("br0", "bridge", up=True)
    if "ipvlan" in await bench.kernel.link_kinds():
        await bench.kernel.apply(MakePort(name, "br0", Mode.L2, Flag.BRIDGE))
    else:
        await bench.add(name, "macvlan", on="br0")


async def place(bench: Bench, interface: str = "eth0") -> str:
    """Make a port and place it in a sandbox; return the sandbox's path."""
    path = await bench.open("box")
    await make_port(bench)
    await bench.kernel.apply(PlacePort(NAME, path, interface, ADDRESSES))
    return path


def test_a_bare_sandbox_has_its_loopback_alone(on_kernel):
    """And leads nowhere."""

    async def promise(bench):
        assert BARE == await bench.kernel.sandbox_view(await bench.open("box"))

    on_kernel(promise)


def test_a_sandbox_that_is_gone_is_missing(on_kernel):
    """Whoever looks, places or routes is told the path."""
    sentence = f"sandbox {GONE} is gone (No such file or directory); start it again"

    async def promise(bench):
        await make_port(bench)
        with pytest.raises(Exception, match="is gone") as refused:
            await bench.kernel.sandbox_view(GONE)
        assert sentence == str(refused.value)
        assert sentence == await refusal(bench, Kind.MISSING, PlacePort(NAME, GONE, "eth0", ADDRESSES))
        assert sentence == await refusal(bench, Kind.MISSING, RoutePort(GONE, "eth0", GATEWAYS, ()))

    on_kernel(promise)


def test_a_placed_port_is_in_the_sandbox_by_its_new_name(on_kernel):
    """And no longer in the host's namespace, though it still sits on its parent."""

    async def promise(bench):
        path = await place(bench, "lan0")
        parent = await bench.kernel.find_link("br0")

        assert SandboxView(
            frozenset({"lo", "lan0"}), frozenset({"lo", "lan0"}), frozenset()
        ) == await bench.kernel.sandbox_view(path)
        assert await bench.kernel.find_link(NAME) is None
        (found,) = await bench.kernel.ports_in_other_namespaces()
        assert ("lan0", parent.index, path, True) == (found.name, found.lower, found.namespace, found.up)

    on_kernel(promise)


def test_an_address_is_waited_for_while_its_namespace_is_taken_apart():
    """A sandbox ends and its address is given to the next one before the kernel has removed the first one's port."""
    second = "ipvl0123456789b"

    async def promise(bench):
        await needs(bench, "ipvlan")
        ending = os.open(await place(bench), os.O_RDONLY)
        netns.remove("box")
        await make_port(bench, second)
        path = await bench.open("next")
        placing = asyncio.create_task(bench.kernel.apply(PlacePort(second, path, "eth0", ADDRESSES)))
        while not placing.done() and "eth0" not in (await bench.kernel.sandbox_view(path)).interfaces:
            await asyncio.wait((placing,), timeout=0.001)
        os.close(ending)
        await placing

        (found,) = await bench.kernel.ports_in_other_namespaces()
        assert ("eth0", path, True) == (found.name, found.namespace, found.up)

    on_host(promise)


def test_a_port_that_does_not_exist_cannot_be_placed(on_kernel):
    """It went away between the plan and the step."""

    async def promise(bench):
        path = await bench.open("box")
        expected = f"link {NAME} does not exist on this host; it went away a moment ago: make it again"

        assert expected == await refusal(bench, Kind.MISSING, PlacePort(NAME, path, "eth0", ADDRESSES))
        assert BARE == await bench.kernel.sandbox_view(path)

    on_kernel(promise)


def test_a_name_that_is_taken_in_the_sandbox_is_refused(on_kernel):
    """The port that has it stays, and the one that was to have it is gone."""

    async def promise(bench):
        await needs(bench, "ipvlan")
        path = await place(bench)
        await make_port(bench, "ipvl0123456789b")
        step = PlacePort("ipvl0123456789b", path, "eth0", ())

        with pytest.raises(Exception, match="File exists") as refused:
            await bench.kernel.apply(step)

        assert f"the kernel refused to {step.describe()}: File exists (EEXIST)" == str(refused.value)
        assert {"lo", "eth0"} == (await bench.kernel.sandbox_view(path)).interfaces
        assert {"lo", "br0"} == {link.name for link in await bench.kernel.links()}

    on_kernel(promise)


@pytest.mark.parametrize(
    ("gateways", "routes", "families"),
    [
        ((), (), set()),
        (GATEWAYS[:1], (), {(4, 0)}),
        (GATEWAYS[1:], (), {(6, 512)}),
        (GATEWAYS, (), {(4, 0), (6, 512)}),
        ((), (Route(ip_network("0.0.0.0/0")), Route(ip_network("::/0"))), {(4, 0), (6, 512)}),
        ((), (Route(ip_network("10.0.0.0/8")), Route(ip_network("10.1.0.0/16"), GATEWAYS[0])), set()),
    ],
)
def test_default_routes_are_seen_by_their_families(on_kernel, gateways, routes, families):
    """By a gateway or by the link alone; other routes are none. A route that is there already is done."""

    async def promise(bench):
        path = await place(bench)
        step = RoutePort(path, "eth0", gateways, routes)
        await bench.kernel.apply(step)
        await bench.kernel.apply(step)

        assert families == (await bench.kernel.sandbox_view(path)).default_routes

    on_kernel(promise)


def test_default_routes_of_several_metrics_are_side_by_side(on_kernel):
    """Each is there once, with the metric that it was given."""

    async def promise(bench):
        path = await place(bench)
        for metric in (None, 200, 100, 200):
            await bench.kernel.apply(RoutePort(path, "eth0", GATEWAYS, (Route(ip_network("10.0.0.0/8")),), metric))

        expected = {(4, 0), (4, 100), (4, 200), (6, 512), (6, 100), (6, 200)}
        assert expected == (await bench.kernel.sandbox_view(path)).default_routes

    on_kernel(promise)


def test_another_route_to_the_same_place_is_refused(on_kernel):
    """Whoever has it, and whichever way it leads; with another metric it is one more."""

    async def promise(bench):
        path = await place(bench)
        far = ip_network("10.0.0.0/8")
        await bench.kernel.apply(RoutePort(path, "eth0", (), (Route(far, GATEWAYS[0]),)))
        step = RoutePort(path, "eth0", (), (Route(far),))
        expected = (
            f"sandbox {path} has a route to 10.0.0.0/8 already, via {GATEWAYS[0]}, so it cannot have 10.0.0.0/8 through"
            " eth0; make one of the two networks with another -o metric, or without that route"
        )

        assert expected == await refusal(bench, Kind.CONFLICT, step)
        await bench.kernel.apply(replace(step, metric=5))

    on_kernel(promise)


def test_routes_through_an_interface_that_is_not_there_are_refused(on_kernel):
    """With the kernel's own words."""

    async def promise(bench):
        step = RoutePort(await bench.open("box"), "eth0", GATEWAYS, ())
        expected = f"the kernel refused to {step.describe()}: No such device (ENODEV)"

        assert expected == await refusal(bench, Kind.KERNEL, step)

    on_kernel(promise)


def test_routes_through_an_interface_that_is_down_are_refused(on_kernel):
    """Which the view tells beforehand."""

    async def promise(bench):
        await bench.add("br0", "bridge", up=True)
        await bench.add("mv0", "macvlan", on="br0")
        path = await bench.move("mv0", "box")
        step = RoutePort(path, "mv0", (), (Route(ip_network("10.0.0.0/8")),))

        assert replace(BARE, interfaces=frozenset({"lo", "mv0"})) == await bench.kernel.sandbox_view(path)
        assert (await refusal(bench, Kind.KERNEL, step)).endswith("(ENETDOWN)")

    on_kernel(promise)


def test_a_port_that_is_taken_is_gone_with_its_routes(on_kernel):
    """From the sandbox and from its parent; once more is done already, as it is in a sandbox that is gone."""

    async def promise(bench):
        await needs(bench, "ipvlan")
        path = await place(bench)
        await bench.kernel.apply(RoutePort(path, "eth0", GATEWAYS, ()))
        for _ in range(2):
            await bench.kernel.apply(RemoveSandboxPort(path, "eth0"))
            assert replace(BARE, up=BARE.interfaces) == await bench.kernel.sandbox_view(path)
        assert () == await bench.kernel.ports_in_other_namespaces()
        await bench.kernel.apply(RemoveSandboxPort(GONE, "eth0"))

    on_kernel(promise)


def test_another_link_of_that_name_is_left_alone(on_kernel):
    """The sandbox's owner made it."""

    async def promise(bench):
        await bench.add("br0", "bridge", up=True)
        await bench.add("mv0", "macvlan", on="br0")
        path = await bench.move("mv0", "box")
        before = await bench.kernel.sandbox_view(path)

        await bench.kernel.apply(RemoveSandboxPort(path, "mv0"))
        await bench.kernel.apply(RemoveSandboxPort(path, "lo"))

        assert before == await bench.kernel.sandbox_view(path)
        assert 2 == len(before.interfaces)

    on_kernel(promise)


def test_a_port_without_ipv6_is_placed_all_the_same(on_kernel):
    """IPv6 is kept off it."""

    async def promise(bench):
        path = await bench.open("box")
        await make_port(bench)
        step = PlacePort(NAME, path, "eth0", ADDRESSES[:1])
        await bench.kernel.apply(step)
        await bench.kernel.apply(RoutePort(path, "eth0", GATEWAYS[:1], ()))

        both = frozenset({"lo", "eth0"})
        assert SandboxView(both, both, frozenset({(4, 0)})) == await bench.kernel.sandbox_view(path)

    on_kernel(promise)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(("addresses", "ipv6_is_off"), [(ADDRESSES, 0), (ADDRESSES[:1], 1)], ids=["both", "ipv4"])
def test_a_port_keeps_to_its_families_and_tells_its_neighbours(announced, addresses, ipv6_is_off):
    """Nothing of IPv6 without an address of it, and announcements by the kernel itself where they are wanted."""

    async def promise(bench):
        path = await bench.open("box")
        await make_port(bench)
        await bench.kernel.apply(PlacePort(NAME, path, "eth0", addresses, announced=announced))

        settings = ["ipv4/conf/eth0/arp_notify", "ipv6/conf/eth0/disable_ipv6", "ipv6/conf/eth0/ndisc_notify"]
        files = [f"/proc/sys/net/{one}" for one in settings]
        read = await asyncio.create_subprocess_exec(
            "nsenter", f"--net={path}", "cat", *files, stdout=asyncio.subprocess.PIPE
        )
        found, _ = await read.communicate()
        heard = announced and not ipv6_is_off
        assert [int(announced), ipv6_is_off, int(heard)] == [int(line) for line in found.split()]
        up = f"nsenter --net={path} ip -o link show up"
        shown = await asyncio.create_subprocess_exec(*up.split(), stdout=asyncio.subprocess.PIPE)
        links, _ = await shown.communicate()
        assert [b" eth0", b" lo"] == sorted(line.split(b":")[1].partition(b"@")[0] for line in links.splitlines())

    on_host(promise)


def test_the_mtu_of_a_port_is_set_wherever_it_is(on_kernel):
    """In a sandbox by its path, and in the host's own namespace."""

    async def promise(bench):
        path = await place(bench)
        await bench.add("br1", "bridge", up=True)
        await bench.kernel.apply(SetMtu("eth0", 1400, path))
        await bench.kernel.apply(SetMtu("br1", 1300))

        (found,) = await bench.kernel.ports_in_other_namespaces([path])
        assert (1400, 1300) == (found.mtu, (await bench.kernel.find_link("br1")).mtu)
        gone = f"sandbox {GONE} is gone (No such file or directory); start it again"
        assert gone == await refusal(bench, Kind.MISSING, SetMtu("eth0", 1400, GONE))

    on_kernel(promise)


def test_a_port_that_was_left_in_a_sandbox_is_removed(on_kernel):
    """By the index that it was made with: once is enough, and nothing else in there, or gone by then, is touched."""

    async def promise(bench):
        await needs(bench, "ipvlan")
        await make_port(bench)
        index = (await bench.kernel.find_link(NAME)).index
        path = await bench.open("box")
        await bench.kernel.apply(PlacePort(NAME, path, "eth0", ADDRESSES))
        await bench.kernel.apply(RemoveLeftPort(path, index + 1000))
        assert "eth0" in (await bench.kernel.sandbox_view(path)).interfaces

        for _ in range(2):
            await bench.kernel.apply(RemoveLeftPort(path, index))
            assert "eth0" not in (await bench.kernel.sandbox_view(path)).interfaces
        await bench.kernel.apply(RemoveLeftPort(GONE, index))

    on_kernel(promise)


def test_the_parents_mtu_overwrites_all_ports(on_kernel):
    """Wherever they are: the kernel's own rule, which is why ipvl sets it again."""

    async def promise(bench):
        await needs(bench, "ipvlan")
        path = await place(bench)
        await bench.kernel.apply(SetMtu("eth0", 1400, path))
        await bench.change("br0", mtu=1450)

        (found,) = await bench.kernel.ports_in_other_namespaces([path])
        assert 1450 == found.mtu

    on_kernel(promise)
