"""What a repair promises on any host, whatever the records."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from ipvl.model.endpoints import Endpoint
from ipvl.model.links import MADE_BY_IPVL, Link
from ipvl.model.networks import Flag, Mode, Network, Parent, ParentKind, Phase
from ipvl.model.steps import RemoveHalfMade, RemovePort
from ipvl.options.endpoint import port_name
from ipvl.planning.host import Host
from ipvl.planning.reconciliation import UNJOINED_SECONDS, Repair, is_port_name, plan_repair
from ipvl.records.changes import Drop, Record
from ipvl.records.records import Records
from tests.contract.fake_kernel import FakeKernel
from tests.unit.builders import NOW, endpoint, network, parent, vlan_parent

ALIVE, GONE = "/run/docker/netns/alive", "/run/docker/netns/gone"
MADE = {
    "eth0.20": vlan_parent("eth0.20", "eth0", 20),
    "eth1.20": vlan_parent("eth1.20", "eth1", 20),
    "di-isolated": Parent("di-isolated", ParentKind.DUMMY, made=True),
}
PARENTS = {**MADE, "eth0": parent("eth0"), "foo": parent("foo")}
STRANGERS = {
    "eth0.30": {"kind": "vlan", "on": "eth0", "vlan_id": 30},
    "dummy0": {"kind": "dummy"},
    "di-stranger": {"kind": "dummy"},
    "ipv0": {"kind": "ipvlan", "on": "eth1", "mode": Mode.L3, "flag": Flag.VEPA},
    "mv0": {"kind": "macvlan", "on": "eth0"},
    "foo": {"kind": "bridge"},
    port_name("bridge"): {"kind": "bridge"},
    # Made by ipvl once, but no record says so any more.
    "eth1.99": {"kind": "vlan", "on": "eth1", "vlan_id": 99, "alias": MADE_BY_IPVL},
}


@dataclass
class Scene:
    """What was found: the records and the host."""

    records: list[Record]
    kernel: FakeKernel

    def plan(self) -> Repair:
        links = asyncio.run(self.kernel.links())
        return plan_repair(
            Records(self.records),
            Host(links, self.kernel.kernel_release, asyncio.run(self.kernel.link_kinds())),
            NOW,
            self.kernel.namespace_inode,
        )

    def repair(self) -> None:
        plan = self.plan()
        for step in plan.steps:
            asyncio.run(self.kernel.apply(step))
        records = Records(self.records)
        records.apply(plan.changes)
        self.records = [*records.parents(), *records.networks(), *records.endpoints()]

    def strangers(self) -> list[tuple[str, Link, str | None]]:
        """Return every link that neither a record nor a name gives ipvl a right to."""
        known = {one.name for one in self.records if isinstance(one, Parent) and one.made}
        return [
            (where, link, below)
            for where, link, below in self.kernel.picture()
            if not (link.made_by_ipvl and link.name in known)
            and not (link.kind == "ipvlan" and is_port_name(link.name))
            and not link.name.startswith("ipvl+")
        ]


def made_link(kernel: FakeKernel, one: Parent, alias: str | None) -> None:
    if one.kind is ParentKind.DUMMY:
        kernel.add(one.name, "dummy", alias=alias)
    else:
        kernel.add(one.name, "vlan", on=one.base, vlan_id=one.vlan_id, alias=alias)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    kernel = FakeKernel()
    kernel.add("eth0")
    kernel.add("eth1")
    kernel.open_sandbox(ALIVE)
    for name in draw(st.sets(st.sampled_from(sorted(STRANGERS)))):
        kernel.add(name, **STRANGERS[name])
    names = draw(st.lists(st.sampled_from(sorted(PARENTS)), unique=True))
    networks: list[Network] = []
    endpoints: list[Endpoint] = []
    for name in names:
        state = draw(st.sampled_from(["marked", "somebody else's", "missing"])) if name in MADE else "missing"
        if state != "missing":
            made_link(kernel, MADE[name], MADE_BY_IPVL if state == "marked" else None)
        for number in range(draw(st.integers(0, 2))):
            phase = draw(st.sampled_from(Phase))
            networks.append(network(f"{name}-{number}".replace(".", "-"), parent=name, phase=phase))
    for number in range(draw(st.integers(0, 4)) if networks else 0):
        one = endpoint(
            f"endpoint{number}",
            network_id=draw(st.sampled_from(networks)).id,
            addresses=(f"192.168.20.{number}/24",),
            sandbox=draw(st.sampled_from([None, ALIVE, GONE])),
            changed=NOW - draw(st.sampled_from([0.0, UNJOINED_SECONDS + 1])),
        )
        endpoints.append(one)
    for identity in draw(st.sets(st.sampled_from(["endpoint0", "endpoint1", "stray"]))):
        kernel.add(port_name(identity), "ipvlan", on="eth1", mode=Mode.L2, flag=Flag.BRIDGE)
    if draw(st.booleans()):
        kernel.add("ipvl+0123456789", "dummy")
    return Scene([*(PARENTS[name] for name in names), *networks, *endpoints], kernel)


@given(scenes())
def test_a_repair_never_touches_what_ipvl_did_not_make(scene):
    """Links without ipvl's marks, and marked ones that no record knows, are as they were."""
    strangers = scene.strangers()

    scene.repair()

    left = scene.kernel.picture()
    assert [one for one in strangers if one not in left] == []


@given(scenes())
def test_a_repair_removes_by_mark_alone(scene):
    """Every port it names has the name and kind of ipvl's ports, every half-made parent the prefix."""
    links = {link.name: link for link in asyncio.run(scene.kernel.links())}

    for step in scene.plan().steps:
        if isinstance(step, RemovePort):
            assert "ipvlan" == links[step.name].kind
            assert is_port_name(step.name)
        if isinstance(step, RemoveHalfMade):
            assert step.name.startswith("ipvl+")


@given(scenes())
def test_a_repair_loses_nothing_that_is_in_use(scene):
    """A network that is ready stays, and so does an endpoint of it whose sandbox lives or may still come."""
    ready = {one.id for one in scene.records if isinstance(one, Network) and one.phase is Phase.READY}
    in_use = {
        one.id
        for one in scene.records
        if isinstance(one, Endpoint) and one.network_id in ready and (one.sandbox == ALIVE or one.changed == NOW)
    }

    dropped = {change.record for change in scene.plan().changes if isinstance(change, Drop)}

    assert in_use.isdisjoint(one.id for one in dropped if isinstance(one, Endpoint))
    assert ready.isdisjoint(one.id for one in dropped if isinstance(one, Network))


@given(scenes())
def test_a_repair_is_whole(scene):
    """After one repair there is nothing more to do, and every made parent of a network is there."""
    scene.repair()

    plan = scene.plan()

    assert () == plan.steps
    assert () == plan.changes
    for one in scene.records:
        if isinstance(one, Network) and one.parent in MADE:
            assert scene.kernel.link(one.parent) is not None
