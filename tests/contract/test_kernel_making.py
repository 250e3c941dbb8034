"""What the driver may expect of a kernel that makes links for it: fake and real keep the same promises.

Promises about kinds of links that this machine's kernel cannot make are skipped here, with the reason; the lab's
kernel has them all.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from ipvl.errors import IpvlError, Kind
from ipvl.model.links import MADE_BY_IPVL, HostExposure
from ipvl.model.networks import Flag, Mode, VlanProtocol
from ipvl.model.steps import BringUp, KeepHostOff, MakeDummy, MakePort, MakeVlan, RemoveParent, RouteByParent, SetMtu
from tests.contract.benches import Bench, FakeBench, refusal

PORT = MakePort("ipvl0123456789a", "br0", Mode.L2, Flag.BRIDGE)


async def needs(bench: Bench, *kinds: str) -> None:
    lacking = sorted(set(kinds) - await bench.kernel.link_kinds())
    if lacking:
        pytest.skip(f"this kernel has no {' and no '.join(lacking)} links: the lab's has")


@pytest.mark.parametrize(
    ("kind", "step"),
    [("dummy", MakeDummy("di-a")), ("vlan", MakeVlan("br0.20", "br0", 20)), ("ipvlan", PORT)],
    ids=["dummy", "vlan", "ipvlan"],
)
def test_a_kind_that_the_kernel_lacks_is_an_error(on_kernel, kind, step):
    """The module is missing: the kernel says that it does not know the kind, and nothing is left half-made."""

    async def promise(bench):
        if isinstance(bench, FakeBench):
            bench = FakeBench(kinds=frozenset())
        await bench.add("br0", "bridge")
        if kind in await bench.kernel.link_kinds():
            pytest.skip(f"this kernel has {kind} links, which this test needs to be missing")
        expected = f"the kernel refused to {step.describe()}: Unknown device type (ENOTSUP)"
        assert expected == await refusal(bench, Kind.KERNEL, step)

    on_kernel(promise)


def test_the_host_is_kept_off_what_is_made(on_kernel):
    """From the first moment, until it is to route there, and again; an address on such a link is seen."""

    async def promise(bench):
        await needs(bench, "dummy", "vlan")
        shut = HostExposure(1, 8, ipv6=False)
        await bench.add("br0", "bridge", up=True)
        for step in (MakeDummy("di-a"), MakeVlan("br0.20", "br0", 20)):
            await bench.kernel.apply(step)
        assert {"di-a": shut, "br0.20": shut} == await bench.kernel.host_exposures(("di-a", "br0.20", "nothing"))

        await bench.kernel.apply(RouteByParent("br0.20"))
        opened = (await bench.kernel.host_exposures(("br0.20",)))["br0.20"]
        assert (1, True) == (opened.arp_ignore, opened.ipv6)

        await bench.kernel.apply(KeepHostOff("br0.20"))
        await bench.kernel.apply(KeepHostOff("nothing"))
        await bench.add_address("br0.20", "192.168.20.1/32")
        held = replace(shut, addresses=(ip_interface("192.168.20.1/32"),))
        assert {"br0.20": held} == await bench.kernel.host_exposures(("br0.20",))

    on_kernel(promise)


@pytest.mark.parametrize("mtu", [None, 9000])
def test_a_dummy_is_made_marked_and_up(on_kernel, mtu):
    """One step, and it is ready to carry ports."""

    async def promise(bench):
        await needs(bench, "dummy")
        await bench.kernel.apply(MakeDummy("di-a", mtu))

        dummy = await bench.kernel.find_link("di-a")
        assert ("dummy", MADE_BY_IPVL, True, mtu or 1500) == (dummy.kind, dummy.alias, dummy.up, dummy.mtu)
        assert 2 == len(await bench.kernel.links())

    on_kernel(promise)


def test_a_name_is_given_once(on_kernel):
    """A link of that name is in the way: the sentence says so and it stays as it is."""

    async def promise(bench):
        await needs(bench, "dummy")
        await bench.add("di-a", "bridge")
        expected = "the kernel refused to make dummy di-a: File exists (EEXIST)"
        assert expected == await refusal(bench, Kind.KERNEL, MakeDummy("di-a"))

    on_kernel(promise)


def test_a_vlan_is_made_marked_and_up(on_kernel):
    """With its tag, on its base."""

    async def promise(bench):
        await needs(bench, "vlan")
        await bench.add("br0", "bridge", up=True)
        await bench.kernel.apply(MakeVlan("br0.20", "br0", 20))

        base, vlan = await bench.kernel.find_link("br0"), await bench.kernel.find_link("br0.20")
        assert ("vlan", 20, base.index) == (vlan.kind, vlan.vlan_id, vlan.lower)
        assert (MADE_BY_IPVL, True) == (vlan.alias, vlan.up)

    on_kernel(promise)


def test_a_vlan_on_a_base_that_is_down_comes_up_with_it(on_kernel):
    """It is made and marked all the same, and so is one on it; nothing of it is half-made."""

    async def promise(bench):
        await needs(bench, "vlan")
        await bench.add("br0", "bridge")
        await bench.kernel.apply(MakeVlan("br0.20", "br0", 20))
        await bench.kernel.apply(MakeVlan("br0.20.30", "br0.20", 30))
        await bench.kernel.apply(BringUp("br0.20"))

        assert {"lo", "br0", "br0.20", "br0.20.30"} == {link.name for link in await bench.kernel.links()}
        for name in ("br0.20", "br0.20.30"):
            assert (MADE_BY_IPVL, False) == ((link := await bench.kernel.find_link(name)).alias, link.up)
        await bench.change("br0", up=True)
        for name in ("br0.20", "br0.20.30"):
            assert (await bench.kernel.find_link(name)).up
        await bench.change("br0.20", up=False)
        await bench.kernel.apply(BringUp("br0.20"))
        for name in ("br0.20", "br0.20.30"):
            assert (await bench.kernel.find_link(name)).up

    on_kernel(promise)


def test_what_ipvl_did_not_make_is_not_brought_up(on_kernel):
    """Nor is what is gone."""

    async def promise(bench):
        await bench.add("br0", "bridge")
        for name in ("br0", "br1"):
            await bench.kernel.apply(BringUp(name))
        assert not (await bench.kernel.find_link("br0")).up

    on_kernel(promise)


@pytest.mark.parametrize("mtu", [1400, 9000])
def test_a_vlan_is_lowered_with_its_base_and_never_raised(on_kernel, mtu):
    """That is ipvl's to do; ports then have their parent's."""

    async def promise(bench):
        await needs(bench, "vlan", "ipvlan")
        await bench.add("br0", "bridge", up=True)
        await bench.kernel.apply(MakeVlan("br0.20", "br0", 20))
        await bench.kernel.apply(replace(PORT, parent="br0.20"))
        await bench.change("br0", mtu=mtu)
        assert min(mtu, 1500) == (await bench.kernel.find_link("br0.20")).mtu
        await bench.kernel.apply(SetMtu("br0.20", mtu))
        assert [mtu, mtu] == [(await bench.kernel.find_link(name)).mtu for name in ("br0.20", PORT.name)]

    on_kernel(promise)


def test_a_macvlan_port_takes_ipvlan_ports(on_kernel):
    """As a NIC does, and so does a VLAN on it."""

    async def promise(bench):
        await needs(bench, "vlan", "ipvlan")
        await bench.add("br0", "bridge", up=True)
        await bench.add("mv0", "macvlan", on="br0", up=True)
        await bench.kernel.apply(MakeVlan("mv0.20", "mv0", 20))
        for name, parent in ((PORT.name, "mv0"), ("ipvl0123456789b", "mv0.20")):
            await bench.kernel.apply(replace(PORT, name=name, parent=parent))
            assert (await bench.kernel.find_link(parent)).index == (await bench.kernel.find_link(name)).lower

    on_kernel(promise)


def test_alternative_names_are_read(on_kernel):
    """All of them, of any length, and the link's own name beside them."""

    async def promise(bench):
        names = ("uplink0lan", "x" * 127, "eth9.20")
        await bench.add("br0", "bridge")
        await bench.add("br1", "bridge")
        await bench.also_call("br0", *names)

        found = {link.name: set(link.altnames) for link in await bench.kernel.links()}
        assert {"lo": set(), "br0": set(names), "br1": set()} == found

    on_kernel(promise)


def test_a_tag_is_given_once_a_link(on_kernel):
    """The same VLAN under another name is refused, on another link it is not."""

    async def promise(bench):
        await needs(bench, "vlan")
        await bench.add("br0", "bridge", up=True)
        await bench.add("br1", "bridge", up=True)
        await bench.kernel.apply(MakeVlan("br0.20", "br0", 20))

        with pytest.raises(IpvlError) as refused:
            await bench.kernel.apply(MakeVlan("foo", "br0", 20))
        assert Kind.KERNEL is refused.value.kind
        await bench.kernel.apply(MakeVlan("br1.20", "br1", 20))
        assert None is await bench.kernel.find_link("foo")

    on_kernel(promise)


@pytest.mark.parametrize("protocol", list(VlanProtocol))
def test_a_tag_is_made_inside_another(on_kernel, protocol):
    """The outer one with either EtherType; one number may be used with both."""

    async def promise(bench):
        await needs(bench, "vlan")
        await bench.add("br0", "bridge", up=True)
        (other,) = set(VlanProtocol) - {protocol}
        await bench.kernel.apply(MakeVlan("foo", "br0", 100, other))
        await bench.kernel.apply(MakeVlan("br0.100", "br0", 100, protocol))
        await bench.kernel.apply(MakeVlan("br0.100.20", "br0.100", 20))

        outer, inner = await bench.kernel.find_link("br0.100"), await bench.kernel.find_link("br0.100.20")
        assert (100, protocol) == (outer.vlan_id, outer.vlan_protocol)
        assert (20, VlanProtocol.DOT1Q, outer.index) == (inner.vlan_id, inner.vlan_protocol, inner.lower)
        await bench.kernel.apply(RemoveParent("br0.100"))
        assert None is await bench.kernel.find_link("br0.100.20"), "what is on a link goes with it"

    on_kernel(promise)


@pytest.mark.parametrize("mtu", [None, 1400])
def test_a_port_is_made_down_with_its_mode_and_flag(on_kernel, mtu):
    """It is for the sandbox's owner to bring up."""

    async def promise(bench):
        await needs(bench, "ipvlan")
        await bench.add("br0", "bridge", up=True)
        await bench.kernel.apply(replace(PORT, mode=Mode.L3S, flag=Flag.VEPA, mtu=mtu))

        parent, port = await bench.kernel.find_link("br0"), await bench.kernel.find_link(PORT.name)
        assert ("ipvlan", Mode.L3S, Flag.VEPA) == (port.kind, port.mode, port.flag)
        assert (parent.index, False, mtu or 1500) == (port.lower, port.up, port.mtu)

    on_kernel(promise)


def test_the_last_port_switches_all_of_a_parent(on_kernel):
    """Mode and flag are the parent's: this is why planning looks before it lets anybody share."""

    async def promise(bench):
        await needs(bench, "ipvlan")
        await bench.add("br0", "bridge", up=True)
        await bench.kernel.apply(PORT)
        await bench.kernel.apply(replace(PORT, name="ipvl0123456789b", mode=Mode.L3, flag=Flag.PRIVATE))

        first = await bench.kernel.find_link(PORT.name)
        assert (Mode.L3, Flag.PRIVATE) == (first.mode, first.flag)

    on_kernel(promise)


def test_a_parent_with_macvlan_ports_takes_no_ipvlan_port(on_kernel):
    """The kernel answers EBUSY; the sentence says what that means."""

    async def promise(bench):
        await needs(bench, "ipvlan")
        await bench.add("br0", "bridge", up=True)
        await bench.add("mv0", "macvlan", on="br0")
        expected = (
            "parent br0 takes no ipvlan port: another driver receives its frames; "
            "that is macvlan, a bridge, a bond or a team: take it off, or use another parent"
        )
        assert expected == await refusal(bench, Kind.KERNEL, PORT)

    on_kernel(promise)


def test_a_parent_takes_its_ports_along(on_kernel):
    """Wherever they are."""

    async def promise(bench):
        await needs(bench, "ipvlan", "dummy")
        before = await bench.kernel.links()
        await bench.kernel.apply(MakeDummy("di-a"))
        await bench.kernel.apply(replace(PORT, parent="di-a"))
        await bench.kernel.apply(RemoveParent("di-a"))
        assert before == await bench.kernel.links()

    on_kernel(promise)
