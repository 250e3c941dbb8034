"""Everything in any order: what holds always, after whatever Docker, the command, the kernel and the operator do."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.ipam import docker_pools, pool_leases
from ipvl.driver.networks import create_remove
from ipvl.embedded import sandboxes
from ipvl.embedded.all_calls import CALLS
from ipvl.embedded.call_messages import AnyNetwork, Attach, CreateNetwork, Detach, NamedNetwork
from ipvl.embedded.sandbox_messages import NamedSandbox, NetworkAttachment, SandboxEnded, StartSandbox
from ipvl.errors import IpvlError, Kind
from ipvl.model.endpoints import Endpoint
from ipvl.model.links import Link
from ipvl.model.networks import Mode
from ipvl.model.pools import Cursor
from ipvl.options.network import dummy_name
from ipvl.options.pool_options import parse_pool_address, parse_pool_request
from tests.unit.builders import endpoint, network
from tests.unit.invariants import check_invariants
from tests.unit.world import World

IDS = st.sampled_from(["a" * 64, "b" * 64, "c" * 64])
ENDPOINTS = st.sampled_from([character * 64 for character in "def0"])
PARENTS = st.sampled_from(["eth0", "eth0.20", "eth1.30", ""])
SUBNETS = st.sampled_from(["192.168.20.0/24", "192.168.20.0/24", "10.9.0.0/29"])
MODES = st.sampled_from([Mode.L2, Mode.L2, Mode.L3])
NAMES = st.sampled_from(["web", "shop"])
SANDBOXES = st.sampled_from(["/run/netns/blue", "/run/netns/red", "/proc/47/ns/net"])
NUMBERS = st.integers(1, 6)


class AnyOrder(RuleBasedStateMachine):
    """A host with eth0 and eth1, ipvl, and all who have to do with it."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp())
        self.world = World(self._folder)
        self.taken: dict[str, str] = {}
        """Where Docker has moved the ports of its endpoints, by the endpoints' ids."""

    def teardown(self) -> None:
        self.world.stop()
        shutil.rmtree(self._folder)

    def attempt(self, work, *, cursors_move=False) -> object:
        """Do it, or be refused with nothing changed; the kernel of this host refuses nothing by itself."""
        before = self.picture(cursors_move=cursors_move)
        refusal = None
        granted = None
        try:
            granted = self.world.run(work)
        except IpvlError as error:
            refusal = error
        if refusal is not None:
            assert refusal.kind in {Kind.INVALID, Kind.CONFLICT, Kind.MISSING}, refusal
            assert before == self.picture(cursors_move=cursors_move), f"refused, and yet something changed: {refusal}"
        return granted

    def picture(self, *, cursors_move: bool) -> object:
        """Return everything there is, without the addresses handed out last where these may move."""
        records, links = self.world.picture()
        return [one for one in records if not (cursors_move and isinstance(one, Cursor))], links

    def call(self, name: str, request: object, *, cursors_move=False) -> object:
        return self.attempt(CALLS[name].handle(self.world.engine, request), cursors_move=cursors_move)

    @rule(identity=IDS, on=PARENTS, mode=MODES, subnet=SUBNETS)
    def docker_creates_a_network(self, identity, on, mode, subnet):
        wish = network(identity, subnets=(subnet,), parent=on or dummy_name(identity), isolated=not on, mode=mode)
        self.attempt(create_remove.create_network(self.world.engine, wish))

    @rule(identity=IDS)
    def docker_deletes_a_network(self, identity):
        # Docker refuses that itself while a container is on it (moby, daemon/libnetwork/error.go: active endpoints).
        if all(self.port(one.id) is None for one in self.world.engine.records.endpoints_of(identity)):
            self.world.delete_network(identity)

    @rule(identity=IDS, of=ENDPOINTS, subnet=SUBNETS, number=NUMBERS)
    def docker_creates_an_endpoint(self, identity, of, subnet, number):
        address = subnet.replace(".0/", f".{number}/")
        self.attempt(
            create_join_leave.create_endpoint(
                self.world.engine, endpoint(of, network_id=identity, addresses=(address,))
            )
        )

    @rule(of=ENDPOINTS, sandbox=SANDBOXES)
    def docker_joins(self, of, sandbox):
        held = self.world.engine.records.endpoint(of)
        # Docker joins an endpoint once, until it leaves (moby, daemon/libnetwork/endpoint.go, sbJoin: sandboxID).
        if held is not None and self.port(of) is None:
            if self.world.kernel.namespace_inode(sandbox) is None:
                self.world.kernel.open_sandbox(sandbox)
            granted = self.attempt(create_join_leave.join(self.world.engine, held.network_id, of, sandbox))
            if granted is not None:
                self.world.kernel.take(granted.port, sandbox, f"d{of[:3]}")
                self.taken[of] = sandbox

    @rule(of=ENDPOINTS, gives_back=st.booleans())
    def docker_leaves(self, of, gives_back):
        held = self.world.engine.records.endpoint(of)
        if held is not None and held.sandbox is not None:
            if gives_back:
                self.give_back(held)
            self.world.leave(held)

    @rule(of=ENDPOINTS)
    def docker_deletes_an_endpoint(self, of):
        held = self.world.engine.records.endpoint(of)
        if held is not None:
            # At the latest now: Docker 28 may do so between Leave and this.
            self.give_back(held)
            self.world.delete_endpoint(held)

    def port(self, of: str) -> Link | None:
        """Return the port that Docker still has in a sandbox for an endpoint."""
        return self.world.kernel.link(f"d{of[:3]}", self.taken[of]) if of in self.taken else None

    def give_back(self, held: Endpoint) -> None:
        """Have Docker move a port back into the host's namespace, if it is in its sandbox yet."""
        if self.port(held.id) is not None:
            self.world.kernel.give_back(held.port, self.taken.pop(held.id), f"d{held.id[:3]}")

    @rule(name=NAMES, on=PARENTS, mode=MODES, subnet=SUBNETS)
    def user_creates_a_network(self, name, on, mode, subnet):
        options = {"ipvlan_mode": str(mode)} | ({"parent": on} if on else {})
        self.call("network.create", CreateNetwork(name, (subnet,), options=options))

    @rule(name=NAMES)
    def user_removes_a_network(self, name):
        self.call("network.remove", NamedNetwork(name))

    @rule()
    def user_prunes(self):
        self.call("network.prune", AnyNetwork())

    @rule(name=NAMES, sandbox=SANDBOXES, number=NUMBERS | st.none())
    def user_attaches(self, name, sandbox, number):
        address = f"192.168.20.{number}" if number else ""
        self.call("attach", Attach(NetworkAttachment(name, ip=address), sandbox, name="member"))

    @rule(name=NAMES, sandbox=SANDBOXES)
    def user_detaches(self, name, sandbox):
        self.call("detach", Detach(name, sandbox))

    @rule(name=NAMES, wanted=st.lists(NAMES, max_size=2))
    def user_starts_a_sandbox(self, name, wanted):
        if self.world.kernel.namespace_inode("/proc/47/ns/net") is None:
            self.world.kernel.open_sandbox("/proc/47/ns/net")
        requests = tuple(NetworkAttachment(one) for one in wanted)
        request = StartSandbox(name * 3, name, name, ("sh",), "alpine", 47, 46, False, requests, "/run/ipvl/hosts")  # noqa: FBT003
        # Where the last network refuses it, its port on the first was there for a moment, and so was its address.
        self.call("sandbox.start", request, cursors_move=True)

    @rule(name=NAMES)
    def sandbox_ends(self, name):
        self.call("sandbox.ended", SandboxEnded(name * 3, 0))

    @rule(name=NAMES)
    def user_removes_a_sandbox(self, name):
        # First of all the command notices what is gone.
        self.world.run(sandboxes.end_gone_sandboxes(self.world.engine))
        self.call("sandbox.remove", NamedSandbox(name))

    @rule(subnet=SUBNETS, on=PARENTS)
    def docker_requests_a_pool(self, subnet, on):
        wish = parse_pool_request(subnet, "", {"parent": on} if on else {}, version=4)
        self.attempt(docker_pools.request_pool(self.world.engine, wish))

    @rule(number=NUMBERS | st.none(), index=NUMBERS)
    def docker_requests_an_address(self, number, index):
        known = tuple(self.world.engine.records.pools())
        if known:
            pool = known[index % len(known)]
            wanted = parse_pool_address(str(pool.subnet.network_address + number)) if number else None
            self.attempt(pool_leases.request_address(self.world.engine, pool.id, wanted, None))

    @rule(index=NUMBERS)
    def docker_releases(self, index):
        known = tuple(self.world.engine.records.leases())
        if known:
            lease = known[index % len(known)]
            self.attempt(pool_leases.release_address(self.world.engine, lease.pool_id, lease.address))

    @rule(sandbox=SANDBOXES)
    def namespace_comes(self, sandbox):
        if self.world.kernel.namespace_inode(sandbox) is None:
            self.world.kernel.open_sandbox(sandbox)

    @rule(sandbox=SANDBOXES)
    def namespace_goes(self, sandbox):
        self.world.kernel.end_sandbox(sandbox)

    @rule(sandbox=SANDBOXES, interface=st.sampled_from(["eth0", "eth1"]), up=st.booleans())
    def namespace_switches_a_port(self, sandbox, interface, up):
        if self.world.kernel.link(interface, sandbox) is not None:
            self.world.kernel.change(interface, sandbox, up=up)

    @rule(seconds=st.sampled_from([1.0, 200.0]))
    def time_passes(self, seconds):
        self.world.now += seconds

    @rule(name=st.sampled_from(["eth0.20", "eth1.30"]))
    def operator_deletes_a_link(self, name):
        if self.world.kernel.link(name) is not None:
            self.world.kernel.remove(name)
            self.world.reconcile()

    @rule()
    def ipvl_restarts(self):
        self.world.restart()

    @rule()
    def host_reboots(self):
        self.world.kernel.reboot()
        self.world.restart()

    @invariant()
    def everything_is_as_it_must_be(self):
        check_invariants(self.world)


def test_in_any_order():
    """Records and kernel agree after every step of sixty histories."""
    run_state_machine_as_test(AnyOrder, settings=settings(max_examples=60, stateful_step_count=30))


@pytest.mark.soak
def test_in_any_order_for_long():
    """Five thousand histories, others each time."""
    run_state_machine_as_test(
        AnyOrder, settings=settings(max_examples=5_000, stateful_step_count=50, derandomize=False)
    )
