"""Addresses that somebody on the segment has: refused or passed over, kept out for a while, and shown."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from ipvl.clock.host_clocks import rfc3339
from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.ipam import docker_pools, pool_leases
from ipvl.driver.ipam.address_conflicts import MOST_PROBES, QUARANTINE_SECONDS
from ipvl.driver.ipam.probe_state import FOUND_FREE_FOR
from ipvl.driver.networks import create_remove
from ipvl.driver.status.collect_status import collect_status
from ipvl.driver.status.host_status import QuarantineStatus
from ipvl.embedded.reconcile_members import reconcile_all
from ipvl.errors import IpvlError, Kind, kernel_refused
from ipvl.model.networks import ConflictCheck, Phase
from ipvl.model.pools import Quarantine
from ipvl.options.pool_options import parse_pool_request
from tests.contract.fake_kernel import KilledError
from tests.unit.builders import ENDPOINT_ID, ID, NOW, OTHER_ENDPOINT_ID, OTHER_ID, endpoint, network

MAC = "52:54:00:12:34:56"
TEN = ip_address("192.168.20.10")
WAY_OUT = (
    "choose another --ip, or keep it out with --aux-address or --ip-range; with --ipam-driver ipvl another one is taken"
)
CHOOSE = "choose another address, or take it from whoever has it"
CAREFUL = network(conflict_check=ConflictCheck.PROBE)


class WatchedKernel:
    """The fake kernel, with something that happens while the segment is asked."""

    def __init__(self, kernel, meanwhile) -> None:
        self._kernel = kernel
        self._meanwhile = meanwhile
        self.asked = []

    def __getattr__(self, name) -> object:
        return getattr(self._kernel, name)

    async def probe_addresses(self, link, addresses):
        self.asked.append((link, tuple(map(str, addresses))))
        await self._meanwhile()
        return await self._kernel.probe_addresses(link, addresses)


async def nothing() -> None:
    """Happens."""


@pytest.fixture
def watch(world):
    """Call it with what happens while the segment is asked to get what was asked for."""

    def start(meanwhile=nothing):
        world.engine.kernel = WatchedKernel(world.kernel, meanwhile)
        return world.engine.kernel.asked

    return start


@pytest.fixture
def careful(world):
    """A world with a network of Docker's on eth0 that asks first."""
    world.create_network(CAREFUL)
    return world


def in_vain(world, work) -> str:
    """Run what is refused, and return the sentence."""
    with pytest.raises(IpvlError) as refused:
        world.run(work)
    assert Kind.CONFLICT is refused.value.kind
    return str(refused.value)


def kept_out(world) -> list[Quarantine]:
    world.picture()
    return list(world.engine.records.quarantines())


# Docker's own choice.


def test_an_address_that_nobody_has_is_used(careful, watch):
    """It is asked for once, and the endpoint is there."""
    asked = watch()
    careful.create_endpoint(endpoint(addresses=("192.168.20.10/24", "2001:db8::10/64")))

    assert [("eth0", ("192.168.20.10", "2001:db8::10"))] == asked
    assert Phase.READY is careful.engine.records.endpoint(ENDPOINT_ID).phase
    careful.create_endpoint(endpoint(addresses=("192.168.20.10/24", "2001:db8::10/64")))
    assert 1 == len(asked), "a repeated call is done already"


def test_an_address_that_somebody_has_is_refused_with_the_mac_address(careful):
    """What Docker chose cannot be changed: the endpoint is not made, and the address is kept out for ten minutes."""
    careful.kernel.add_neighbour("eth0", "192.168.20.10", MAC)

    expected = f"address 192.168.20.10 is in use on eth0 by {MAC}; {WAY_OUT}"
    assert expected == in_vain(careful, create_join_leave.create_endpoint(careful.engine, endpoint()))
    assert None is careful.engine.records.endpoint(ENDPOINT_ID)
    assert [Quarantine("eth0", TEN, MAC, NOW + QUARANTINE_SECONDS)] == kept_out(careful)
    assert [QuarantineStatus("192.168.20.10", "eth0", MAC, rfc3339(NOW + QUARANTINE_SECONDS))] == list(
        careful.run(collect_status(careful.engine.records, careful.kernel)).quarantines
    )


def test_the_hosts_own_address_is_refused(careful):
    """Its frames come from the parent's MAC address, as the containers' do; ipvlan never lets them meet."""
    careful.kernel.add_address("192.168.20.10/24", "eth0")

    said = in_vain(careful, create_join_leave.create_endpoint(careful.engine, endpoint()))
    assert said.startswith("address 192.168.20.10 is this host's own, on eth0; choose another --ip, or have Docker")


def test_a_network_that_does_not_ask_asks_nobody(world, watch):
    """Off by default."""
    asked = watch()
    world.create_network(network())
    world.create_endpoint(endpoint())

    assert [] == asked


def test_what_was_in_use_can_be_asked_for_again(careful):
    """The quarantine keeps it from being chosen, not from being wanted; once nobody answers it is over."""
    careful.kernel.add_neighbour("eth0", "192.168.20.10", MAC)
    in_vain(careful, create_join_leave.create_endpoint(careful.engine, endpoint()))
    careful.kernel.remove_neighbour("eth0", "192.168.20.10")

    careful.create_endpoint(endpoint())

    assert [] == kept_out(careful)


@pytest.mark.parametrize("phase", ["probed", "asked again"])
def test_a_kill_while_the_segment_is_asked_leaves_nothing(careful, watch, phase):
    """Docker got no answer: the endpoint is forgotten at the start, and asked for when Docker asks again."""

    async def killed() -> None:
        raise KilledError

    watch(killed)
    with pytest.raises(KilledError):
        careful.create_endpoint(endpoint())
    careful.stop()
    careful.start()
    assert Phase.MAKING is careful.engine.records.endpoint(ENDPOINT_ID).phase
    careful.run(reconcile_all(careful.engine))
    assert None is careful.engine.records.endpoint(ENDPOINT_ID)
    if phase == "asked again":
        asked = watch()
        careful.create_endpoint(endpoint())
        assert 1 == len(asked)


def test_a_repair_meanwhile_leaves_the_endpoint_alone(careful, watch):
    """It is half made on purpose: links come and go at any time."""

    async def repaired() -> None:
        await reconcile_all(careful.engine)

    watch(repaired)
    careful.create_endpoint(endpoint())

    assert Phase.READY is careful.engine.records.endpoint(ENDPOINT_ID).phase


def test_nobody_else_gets_the_address_meanwhile(careful, watch):
    """It is in the records before the segment is asked, and the engine works on."""
    seen = []

    async def another() -> None:
        if not seen:
            seen.append("first")
            with pytest.raises(IpvlError) as refused:
                await create_join_leave.create_endpoint(
                    careful.engine, endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID)
                )
            seen.append(str(refused.value))

    careful.create_network(network(OTHER_ID, name="other"))
    watch(another)
    careful.create_endpoint(endpoint())

    assert seen[1].startswith("address 192.168.20.10 is in use on parent eth0 by endpoint eeeeeeeeeeee of network")


def test_an_endpoint_that_is_deleted_meanwhile_stays_deleted(careful, watch):
    """Docker gave up: the call that still waits is refused, and nothing comes back."""

    async def deleted() -> None:
        await create_join_leave.delete_endpoint(careful.engine, ID, ENDPOINT_ID)

    watch(deleted)

    expected = (
        "eeeeeeeeeeee was taken off network aaaaaaaaaaaa while its addresses were being asked for; put it on again"
    )
    assert expected == in_vain(careful, create_join_leave.create_endpoint(careful.engine, endpoint()))
    assert None is careful.engine.records.endpoint(ENDPOINT_ID)


def test_a_network_that_is_deleted_meanwhile_stays_deleted(careful, watch):
    """The endpoint went with it."""

    async def deleted() -> None:
        await create_remove.delete_network(careful.engine, ID)

    watch(deleted)

    assert "was taken off network" in in_vain(careful, create_join_leave.create_endpoint(careful.engine, endpoint()))
    assert ((), ()) == (tuple(careful.engine.records.networks()), tuple(careful.engine.records.endpoints()))


def test_two_equal_calls_at_once_are_one(careful, watch):
    """Docker repeats a call that takes long: both are answered, one endpoint is made."""

    async def again() -> None:
        await asyncio.sleep(0)

    watch(again)

    async def both() -> None:
        await asyncio.gather(*(create_join_leave.create_endpoint(careful.engine, endpoint()) for _ in range(2)))

    careful.run(both())

    assert [Phase.READY] == [one.phase for one in careful.engine.records.endpoints()]


def test_a_refusal_of_the_kernel_is_told_and_leaves_nothing(careful, watch):
    """Without the right to ask nothing is free."""

    async def may_not() -> None:
        raise kernel_refused("ipvl may not send frames (EPERM)", "run it as root, or with CAP_NET_RAW")

    watch(may_not)
    with pytest.raises(IpvlError, match="may not send frames"):
        careful.create_endpoint(endpoint())

    assert [] == [*careful.engine.records.endpoints(), *kept_out(careful)]


def test_a_call_that_is_cancelled_gives_the_lock_back(careful, watch):
    """At the daemon's end, in the middle of a question: whoever waits for the engine gets it."""

    async def scene() -> bool:
        careful.engine.lock = asyncio.Lock()
        asked = asyncio.Event()

        async def long() -> None:
            asked.set()
            await asyncio.Event().wait()

        watch(long)
        call = asyncio.create_task(create_join_leave.create_endpoint(careful.engine, endpoint()))
        await asked.wait()
        async with careful.engine.lock:
            call.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
            call.cancel()
            assert not call.done(), "it waits for the lock, whatever comes"
        await asyncio.wait([call])
        assert call.cancelled()
        return careful.engine.lock.locked()

    assert not careful.run(scene())


# ipvl's choice for Docker.


@pytest.fixture
def pool(world):
    """A pool of Docker's on eth0 that asks first, with 192.168.20.1 as its gateway."""
    wish = parse_pool_request("192.168.20.0/24", "", {"parent": "eth0", "conflict_check": "probe"}, version=4)
    identity = world.run(docker_pools.request_pool(world.engine, wish)).id
    world.run(pool_leases.request_gateway(world.engine, identity, None))
    return identity


def lease(world, pool, wanted="", owner=None) -> str:
    address = ip_address(wanted) if wanted else None
    return str(world.run(pool_leases.request_address(world.engine, pool, address, owner)))


def leased(world) -> list[str]:
    world.picture()
    return [str(one.address) for one in world.engine.records.leases()]


def test_pools_that_ask_and_those_that_do_not_are_different(world, pool):
    """The id says so."""
    assert "192.168.20.0/24 on eth0 probed" == pool


def test_the_next_address_is_taken_where_ipvl_chooses(world, pool):
    """What somebody has is passed over at once and not chosen again before its time."""
    world.kernel.add_neighbour("eth0", "192.168.20.2", MAC)
    world.kernel.add_neighbour("eth0", "192.168.20.3", MAC)

    assert "192.168.20.4/24" == lease(world, pool)
    assert ["192.168.20.1", "192.168.20.4"] == leased(world)
    assert ["192.168.20.2", "192.168.20.3"] == [str(one.address) for one in kept_out(world)]


def test_a_quarantine_ends(world):
    """After ten minutes its address is tried again when its turn comes, also after a restart."""
    wish = parse_pool_request("192.168.20.0/30", "", {"parent": "eth0", "conflict_check": "probe"}, version=4)
    identity = world.run(docker_pools.request_pool(world.engine, wish)).id
    for address in ("192.168.20.1", "192.168.20.2"):
        world.kernel.add_neighbour("eth0", address, MAC)
    full = "subnet 192.168.20.0/30 is full: all 2 addresses are in use or reserved"
    assert in_vain(world, pool_leases.request_address(world.engine, identity, None, None)).startswith(full)
    world.kernel.remove_neighbour("eth0", "192.168.20.2")
    world.stop()
    world.start()
    world.now += QUARANTINE_SECONDS - 1
    assert in_vain(world, pool_leases.request_address(world.engine, identity, None, None)).startswith(full)

    world.now += 1
    assert "192.168.20.2/30" == lease(world, identity)


def test_a_repair_ends_quarantines(world, pool):
    """Nobody need ask for an address to have the list true."""
    world.kernel.add_neighbour("eth0", "192.168.20.2", MAC)
    lease(world, pool)
    world.now += QUARANTINE_SECONDS
    world.reconcile()

    assert [] == kept_out(world)


def test_a_quarantine_goes_with_the_last_network_of_its_parent(careful):
    """It is about that parent's segment."""
    careful.kernel.add_neighbour("eth0", "192.168.20.10", MAC)
    in_vain(careful, create_join_leave.create_endpoint(careful.engine, endpoint()))
    careful.delete_network(ID)

    assert [] == kept_out(careful)


def test_an_explicit_address_of_a_pool_is_refused(world, pool):
    """With the name of the container it is for Docker has chosen it: `--ip`."""
    world.kernel.add_neighbour("eth0", "192.168.20.9", MAC)

    expected = f"address 192.168.20.9 is in use on eth0 by {MAC}; {CHOOSE}"
    work = pool_leases.request_address(world.engine, pool, ip_address("192.168.20.9"), "web")
    assert expected == in_vain(world, work)
    assert ["192.168.20.1"] == leased(world)


def test_gateways_and_addresses_of_others_are_not_asked_for(world, pool, watch):
    """Somebody is to have them."""
    asked = watch()
    world.kernel.add_neighbour("eth0", "192.168.20.9", MAC)
    world.run(pool_leases.request_gateway(world.engine, pool, ip_address("192.168.20.1")))
    assert "192.168.20.9/24" == lease(world, pool, "192.168.20.9")

    assert [] == asked


def test_a_router_that_answers_for_everybody_is_not_asked_for_ever(world, pool):
    """Proxy ARP: after a few addresses the refusal says what it may be."""
    for number in range(2, 255):
        world.kernel.add_neighbour("eth0", f"192.168.20.{number}", MAC)

    expected = (
        f"{MOST_PROBES} addresses in turn are in use on eth0, the last, 192.168.20.9, by {MAC}; keep the addresses of"
        " others out with --ip-range or --aux-address; if it is a router that answers for everybody (proxy ARP), do"
        " without conflict_check"
    )
    assert expected == in_vain(world, pool_leases.request_address(world.engine, pool, None, None))
    assert ["192.168.20.1"] == leased(world)


def test_a_lease_that_was_just_asked_for_is_not_asked_for_twice(world, pool, watch):
    """Docker makes the endpoint a moment later; a second endpoint, or a late one, is asked for anew."""
    world.create_network(CAREFUL)
    asked = watch()
    for _ in range(2):
        lease(world, pool)
    world.create_endpoint(endpoint(addresses=("192.168.20.2/24",)))
    assert 2 == len(asked)

    world.now += FOUND_FREE_FOR
    world.create_endpoint(endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.3/24",)))
    assert ("eth0", ("192.168.20.3",)) == asked[-1] and 3 == len(asked)
    world.delete_endpoint(endpoint())
    world.create_endpoint(endpoint(addresses=("192.168.20.2/24",)))
    assert 4 == len(asked), "what was known of its predecessor is used up"


@pytest.mark.parametrize("gone", ["lease", "pool"])
def test_a_lease_that_is_released_meanwhile_is_not_granted(world, pool, watch, gone):
    """Docker gave up."""

    async def released() -> None:
        if gone == "lease":
            await pool_leases.release_address(world.engine, pool, ip_address("192.168.20.2"))
        else:
            await docker_pools.release_pool(world.engine, pool)

    watch(released)

    with pytest.raises(IpvlError) as refused:
        lease(world, pool)
    expected = f"address 192.168.20.2 of pool {pool} was released while it was being asked for; ask again"
    assert (Kind.MISSING, expected) == (refused.value.kind, str(refused.value))


def test_leases_at_once_get_different_addresses(world, pool, watch):
    """Each is in the records before it is asked for."""

    async def slowly() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    watch(slowly)
    for number in (2, 4):
        world.kernel.add_neighbour("eth0", f"192.168.20.{number}", MAC)

    async def several() -> set[str]:
        found = await asyncio.gather(*(pool_leases.request_address(world.engine, pool, None, None) for _ in range(4)))
        return {str(one.ip) for one in found}

    assert {f"192.168.20.{number}" for number in (3, 5, 6, 7)} == world.run(several())


def test_a_lease_that_nobody_could_ask_for_is_given_back(world, pool, watch):
    """And the sentence says what it takes."""

    async def may_not() -> None:
        raise kernel_refused("ipvl may not send frames (EPERM)", "run it as root, or with CAP_NET_RAW")

    watch(may_not)
    with pytest.raises(IpvlError, match="may not send frames"):
        lease(world, pool)

    assert ["192.168.20.1"] == leased(world)
