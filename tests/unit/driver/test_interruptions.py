"""Every operation, interrupted at every kernel step and at every commit, is whole after a restart and a second call."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from ipvl.errors import IpvlError
from tests.contract.fake_kernel import KilledError, Trouble
from tests.unit.builders import (
    ID,
    OTHER_ENDPOINT_ID,
    OTHER_ID,
    OTHER_SANDBOX,
    SANDBOX,
    endpoint,
    network,
)
from tests.unit.world import World

VLAN = network(parent="eth0.20")
ISOLATED = network(isolated=True, mtu=9000)
ONE = endpoint()
# Somebody else's network and container, which every interruption must leave alone.
BYSTANDER = network(OTHER_ID, parent="eth1.7", name="bystander")
CONTAINER = endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID, sandbox=None)

Act = Callable[[World], object]


def nothing(world: World) -> None:
    pass


def with_network(world: World) -> None:
    world.create_network(VLAN)


def with_shared_parent(world: World) -> None:
    world.create_network(network("c" * 64, parent="eth0.20"))


def with_endpoint(world: World) -> None:
    world.create_network(VLAN)
    world.create_endpoint(ONE)


def with_port(world: World) -> None:
    with_endpoint(world)
    world.join(ONE)


def with_container(world: World) -> None:
    with_endpoint(world)
    world.attach(ONE)


def with_port_given_back(world: World) -> None:
    with_container(world)
    world.kernel.give_back(ONE.port, SANDBOX)


def with_dead_container(world: World) -> None:
    """A container died while its port was on its way: the address is still recorded, the port still there."""
    world.create_network(VLAN)
    dead = endpoint("dead")
    world.create_endpoint(dead)
    world.join(dead, "/run/docker/netns/dead")
    world.kernel.end_sandbox("/run/docker/netns/dead")


OPERATIONS: dict[str, tuple[Act, Act]] = {
    "create a network on a new VLAN": (nothing, lambda world: world.create_network(VLAN)),
    "create an isolated network": (nothing, lambda world: world.create_network(ISOLATED)),
    "create a network on eth0": (nothing, lambda world: world.create_network(network())),
    "create a network on a shared VLAN": (with_shared_parent, lambda world: world.create_network(VLAN)),
    "delete a network on a VLAN": (with_network, lambda world: world.delete_network(ID)),
    "delete a network with a port": (with_port, lambda world: world.delete_network(ID)),
    "create an endpoint": (with_network, lambda world: world.create_endpoint(ONE)),
    "create an endpoint over a dead one": (with_dead_container, lambda world: world.create_endpoint(ONE)),
    "join": (with_endpoint, lambda world: world.join(ONE)),
    "join again": (with_port, lambda world: world.join(ONE)),
    "leave": (with_port_given_back, lambda world: world.leave(ONE)),
    "leave a sandbox that kept the port": (with_container, lambda world: world.leave(ONE)),
    "delete an endpoint": (with_endpoint, lambda world: world.delete_endpoint(ONE)),
    "delete an endpoint with a port": (with_port, lambda world: world.delete_endpoint(ONE)),
}

KILLS = (Trouble.KILLED_BEFORE, Trouble.KILLED_WITHIN, Trouble.KILLED_AFTER)
DISTURBED_WHERE = ("kernel", "store")


def scene(folder: Path, prepare: Act) -> World:
    """Return a world with a bystander, ready for the operation."""
    folder.mkdir()
    world = World(folder)
    world.create_network(BYSTANDER)
    world.create_endpoint(CONTAINER)
    world.attach(CONTAINER, OTHER_SANDBOX)
    prepare(world)
    return world


def interruptions(folder: Path, operation: str, where: str, trouble: Trouble, recover: Callable[[World], None]) -> int:
    """Disturb the first, second, ... step of an operation until it has no more; return how many it had.

    After each disturbance the world recovers and the caller repeats the call; then everything must be as it is
    after an undisturbed call.
    """
    prepare, act = OPERATIONS[operation]
    undisturbed = scene(folder / "undisturbed", prepare)
    act(undisturbed)
    expected = undisturbed.picture()
    undisturbed.stop()
    for number in itertools.count(1):
        world = scene(folder / str(number), prepare)
        if where == "kernel":
            world.kernel.trouble[len(world.kernel.steps) + number] = trouble
        else:
            world.store.trouble[world.store.commits + number] = trouble
        try:
            act(world)
        except (IpvlError, KilledError):
            recover(world)
            act(world)
        else:
            if world.kernel.trouble or world.store.trouble:
                world.stop()
                return number - 1
            # Clean-up goes on after a refusal; what it left is for the next repair.
            world.reconcile()
        assert expected == world.picture(), f"{operation}: {where} step {number}, {trouble.name}"
        world.stop()
    raise AssertionError


@pytest.mark.parametrize("trouble", KILLS)
@pytest.mark.parametrize("where", DISTURBED_WHERE)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_kill_loses_nothing_and_leaks_nothing(tmp_path, operation, where, trouble):
    """Stopped before, within or after any step, then started and asked again: all is as if nothing had happened."""
    interruptions(tmp_path, operation, where, trouble, World.restart)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_refused_step_can_be_tried_again(tmp_path, operation):
    """The kernel refuses any step once: the same call again does what was asked."""
    interruptions(tmp_path, operation, "kernel", Trouble.REFUSED, nothing)


@pytest.mark.parametrize("where", DISTURBED_WHERE)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_refused_step_is_mended_by_a_restart(tmp_path, operation, where):
    """Kernel or disk refuse any step once, ipvl is restarted and asked again: all is as it should be."""
    interruptions(tmp_path, operation, where, Trouble.REFUSED, World.restart)


@pytest.mark.parametrize(
    "operation", [name for name in OPERATIONS if not (name.startswith("create") and "network" in name)]
)
def test_a_refused_commit_can_be_tried_again(tmp_path, operation):
    """The disk refuses any commit once: the same call again does what was asked."""
    interruptions(tmp_path, operation, "store", Trouble.REFUSED, nothing)


def test_every_operation_is_disturbed_somewhere(tmp_path):
    """The table above has no operation that these tests do not reach."""
    commits = {
        operation: interruptions(tmp_path / operation, operation, "store", Trouble.KILLED_AFTER, World.restart)
        for operation in OPERATIONS
        if (tmp_path / operation).mkdir() is None
    }

    assert [] == [operation for operation, count in commits.items() if count == 0]
