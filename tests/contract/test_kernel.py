"""What the driver may expect of a kernel that it reads and removes links from: fake and real keep the same promises."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipvl.errors import Kind
from ipvl.model.links import HALF_MADE_PREFIX, MADE_BY_IPVL
from ipvl.model.networks import Flag, Mode
from ipvl.model.steps import MakePort, MakeVlan, RemoveHalfMade, RemoveParent, RemovePort
from tests.contract.benches import ip, on_host, refusal
from tests.contract.test_kernel_making import needs

PORT = MakePort("ipvl0123456789a", "br0", Mode.L2, Flag.BRIDGE)


def test_a_bare_namespace_has_its_loopback_alone(on_kernel):
    """The loopback is told from Ethernet links."""

    async def promise(bench):
        (lo,) = await bench.kernel.links()
        assert ("lo", None, None, True, False) == (lo.name, lo.kind, lo.lower, lo.loopback, lo.ethernet)
        assert 65536 == lo.mtu

    on_kernel(promise)


def test_links_are_listed_with_what_planning_asks_about(on_kernel):
    """Kind, what is below, what it belongs to, mark, state and MTU."""

    async def promise(bench):
        await bench.add("br0", "bridge", mtu=1400, alias=MADE_BY_IPVL)
        await bench.add("port0", "bridge")
        await bench.add("mv0", "macvlan", on="port0")
        await bench.change("port0", up=True)
        links = {link.name: link for link in await bench.kernel.links()}

        bridge, lower, macvlan = links["br0"], links["port0"], links["mv0"]
        assert ("bridge", None, True, False) == (bridge.kind, bridge.lower, bridge.ethernet, bridge.loopback)
        assert (1400, MADE_BY_IPVL, True, False) == (bridge.mtu, bridge.alias, bridge.made_by_ipvl, bridge.up)
        assert (True, False) == (lower.up, lower.made_by_ipvl)
        assert ("macvlan", lower.index, False) == (macvlan.kind, macvlan.lower, macvlan.up)
        assert len(links) == len({link.index for link in links.values()})

    on_kernel(promise)


def test_a_member_shows_the_kind_of_its_master(on_kernel):
    """A port of a bridge says so, wherever in the list the bridge stands."""

    async def promise(bench):
        await bench.add("aaa", "veth")
        await bench.add("br0", "bridge")
        await bench.join("aaa", "br0")

        found = {link.name: link.master_kind for link in await bench.kernel.links()}
        assert ("bridge", None) == (found["aaa"], found["br0"])

    on_kernel(promise)


def test_a_link_is_found_by_its_name(on_kernel):
    """The same link as in the list; None where there is none."""

    async def promise(bench):
        await bench.add("br0", "bridge")
        listed = {link.name: link for link in await bench.kernel.links()}

        assert listed["br0"] == await bench.kernel.find_link("br0")
        assert None is await bench.kernel.find_link("br1")

    on_kernel(promise)


def test_a_port_in_another_namespace_is_found_elsewhere(on_kernel):
    """It is in no list of this namespace, but it still sits on its parent, and whoever asks learns where it is."""

    async def promise(bench):
        await bench.add("port0", "bridge")
        await bench.add("mv0", "macvlan", on="port0")
        assert () == await bench.kernel.ports_in_other_namespaces()
        path = await bench.move("mv0", "sandbox")
        lower = await bench.kernel.find_link("port0")

        assert None is await bench.kernel.find_link("mv0")
        (found,) = await bench.kernel.ports_in_other_namespaces()
        assert ("macvlan", lower.index, path) == (found.kind, found.lower, found.namespace)

    on_kernel(promise)


@pytest.mark.parametrize("kind", ["macvlan", "ipvlan", "vlan"])
def test_a_port_in_another_namespace_is_counted_when_it_is_up(on_kernel, kind):
    """Nothing else shows in this namespace that there is one, and it takes no look into any other."""

    async def promise(bench):
        await needs(bench, *{"ipvlan", "vlan"} & {kind})
        await bench.add("port0", "bridge")
        lower = (await bench.kernel.find_link("port0")).index
        counted = [await bench.kernel.all_hosts_members()]
        await bench.change("port0", up=True)
        counted.append(await bench.kernel.all_hosts_members())
        if kind == "vlan":
            await bench.kernel.apply(MakeVlan("above", "port0", 7))
        else:
            await bench.add("above", kind, on="port0")
            await bench.change("above", up=True)
        counted.append(await bench.kernel.all_hosts_members())
        await bench.change("above", up=False)
        path = await bench.move("above", "sandbox")
        counted.append(await bench.kernel.all_hosts_members())
        await bench.bring_up("above", path)
        counted.append(await bench.kernel.all_hosts_members())

        assert [0, 1, 2, 1, 2] == [members.get(lower, 0) for members in counted]

    on_kernel(promise)


@pytest.mark.parametrize("kind", ["macvlan", "vlan"])
def test_a_link_that_has_another_below_it_is_counted_twice(on_kernel, kind):
    """Once for what it hands down."""

    async def promise(bench):
        await needs(bench, *{"vlan"} & {kind})
        await bench.add("port0", "bridge", up=True)
        if kind == "vlan":
            await bench.kernel.apply(MakeVlan("above", "port0", 7))
        else:
            await bench.add("above", kind, on="port0", up=True)
        index = (await bench.kernel.find_link("above")).index

        assert 2 == (await bench.kernel.all_hosts_members())[index]

    on_kernel(promise)


def test_what_a_bond_hands_down_is_not_counted():
    """To its active member where it has one, else to all of them; a port on it counts as on any other link."""

    async def promise(bench):
        await needs(bench, "ipvlan")  # where the kernel has that, it has bonds
        for name in ("one", "two"):
            await bench.add(name, "veth")
        for mode in ("active-backup", "balance-rr"):
            ip(f"link add bond0 type bond mode {mode}")
            for name in ("one", "two"):
                ip(f"link set {name} down")
                ip(f"link set {name} master bond0")
            ip("link set bond0 up")
            index = (await bench.kernel.find_link("bond0")).index
            assert 1 == (await bench.kernel.all_hosts_members())[index], mode
            await bench.add("above", "macvlan", on="bond0", up=True)
            assert 2 == (await bench.kernel.all_hosts_members())[index], mode
            ip("link del bond0")

    on_host(promise)


def test_asking_for_kinds_makes_no_link(on_kernel):
    """The kernel is asked by requests that it refuses, so nothing flickers on the host."""

    async def promise(bench):
        before = await bench.kernel.links()

        assert {"ipvlan", "vlan", "dummy"} >= await bench.kernel.link_kinds()
        assert before == await bench.kernel.links()

    on_kernel(promise)


@pytest.mark.parametrize("remove", [RemoveParent, RemoveHalfMade, RemovePort])
def test_removing_what_is_gone_is_done(on_kernel, remove):
    """Clean-up may be repeated."""

    async def promise(bench):
        before = await bench.kernel.links()
        await bench.kernel.apply(remove("gone"))
        assert before == await bench.kernel.links()

    on_kernel(promise)


def test_a_parent_without_the_mark_is_not_removed(on_kernel):
    """Somebody else's link of the same name stays, as does one with another alias."""

    async def promise(bench):
        await bench.add("eth0.20", "bridge")
        await bench.add("eth0.30", "bridge", alias="uplink of the shop")
        before = await bench.kernel.links()

        await bench.kernel.apply(RemoveParent("eth0.20"))
        await bench.kernel.apply(RemoveParent("eth0.30"))
        await bench.kernel.apply(RemoveParent("lo"))

        assert before == await bench.kernel.links()

    on_kernel(promise)


def test_a_parent_with_the_mark_is_removed_alone(on_kernel):
    """Other links are as they were."""

    async def promise(bench):
        await bench.add("br0", "bridge", alias=MADE_BY_IPVL)
        before = await bench.kernel.links()
        await bench.add("eth0.20", "bridge", alias=MADE_BY_IPVL)

        await bench.kernel.apply(RemoveParent("eth0.20"))

        assert before == await bench.kernel.links()

    on_kernel(promise)


@pytest.mark.parametrize(
    ("name", "remove"), [(HALF_MADE_PREFIX + "0123456789", RemoveHalfMade), ("ipvl0123456789a", RemovePort)]
)
def test_ports_and_half_made_parents_are_removed_by_name(on_kernel, name, remove):
    """They carry no mark: their names are ipvl's own."""

    async def promise(bench):
        before = await bench.kernel.links()
        await bench.add(name, "bridge")

        await bench.kernel.apply(remove(name))

        assert before == await bench.kernel.links()

    on_kernel(promise)


def test_what_sits_on_a_link_goes_with_it(on_kernel):
    """The kernel keeps no port without its parent."""

    async def promise(bench):
        before = await bench.kernel.links()
        await bench.add("br0", "bridge", alias=MADE_BY_IPVL)
        await bench.add("mv0", "macvlan", on="br0")

        await bench.kernel.apply(RemoveParent("br0"))

        assert before == await bench.kernel.links()

    on_kernel(promise)


@pytest.mark.parametrize("remove", [RemovePort, RemoveHalfMade])
def test_a_link_that_the_kernel_keeps_is_an_error(on_kernel, remove):
    """The kernel never gives the loopback away; its own words are in the sentence."""

    async def promise(bench):
        step = remove("lo")
        expected = f"the kernel refused to {step.describe()}: Operation not supported (ENOTSUP)"
        assert expected == await refusal(bench, Kind.KERNEL, step)

    on_kernel(promise)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            MakeVlan("eth7.20", "eth7", 20),
            "link eth7 does not exist on this host; it went away a moment ago: make it again",
        ),
        (
            replace(PORT, parent="eth7"),
            "parent eth7 does not exist on this host;"
            " make it again, as it was when the network was created, and start the container once more",
        ),
    ],
    ids=["vlan", "port"],
)
def test_nothing_is_made_on_a_link_that_is_not_there(on_kernel, step, expected):
    """It went away between the plan and the step."""

    async def promise(bench):
        assert expected == await refusal(bench, Kind.MISSING, step)

    on_kernel(promise)
