"""Make endpoints and delete them."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.endpoints.left_ports import SET_UP_SECONDS
from ipvl.errors import Kind
from ipvl.model.steps import RemovePort
from ipvl.planning.reconciliation import UNJOINED_SECONDS
from tests.contract.fake_kernel import Trouble
from tests.unit.builders import (
    ENDPOINT_ID,
    ID,
    NOW,
    OTHER_ENDPOINT_ID,
    OTHER_ID,
    OTHER_SANDBOX,
    SANDBOX,
    endpoint,
    network,
)

ONE = endpoint()
DUAL = endpoint(addresses=("192.168.20.10/24", "2001:db8::a/64"))
# Another endpoint that wants ONE's address.
RIVAL = endpoint(OTHER_ENDPOINT_ID)


@pytest.fixture
def on_eth0(world):
    """A world with network web on eth0."""
    world.create_network(network(name="web", subnets=("192.168.20.0/24", "2001:db8::/64")))
    return world


def refused(world, kind: Kind, wish) -> str:
    return world.refusal(kind, create_join_leave.create_endpoint(world.engine, wish))


def test_an_endpoint_is_a_record_and_no_link(on_eth0):
    """Its addresses are taken; the port is made when a container joins."""
    links = on_eth0.kernel.picture()

    on_eth0.create_endpoint(DUAL)

    assert DUAL == on_eth0.store.load()[-1]
    assert links == on_eth0.kernel.picture()


def test_the_same_endpoint_again_is_done_already(on_eth0):
    """Docker repeats a call whose answer it did not get."""
    on_eth0.create_endpoint(ONE)
    before = on_eth0.picture()

    on_eth0.create_endpoint(replace(ONE, changed=NOW + 5))

    assert before == on_eth0.picture()


def test_the_same_endpoint_again_is_left_in_its_sandbox(on_eth0):
    """A late repetition takes nothing from the container that has joined meanwhile."""
    on_eth0.create_endpoint(ONE)
    on_eth0.attach(ONE)
    before = on_eth0.picture()

    on_eth0.create_endpoint(ONE)

    assert before == on_eth0.picture()


@pytest.mark.parametrize(
    "other", [endpoint(addresses=("192.168.20.11/24",)), DUAL, replace(ONE, network_id=OTHER_ID)], ids=str
)
def test_the_same_id_with_other_input_is_refused(on_eth0, other):
    """An id belongs to the endpoint that was made with it."""
    on_eth0.create_network(network(OTHER_ID))
    on_eth0.create_endpoint(ONE)
    expected = "endpoint id eeeeeeeeeeee belongs to an endpoint with 192.168.20.10; delete that endpoint first"

    assert expected == refused(on_eth0, Kind.CONFLICT, other)


def test_an_endpoint_of_an_unknown_network_is_refused(world):
    """Docker and ipvl disagree on what exists: the way out is to make the network again."""
    expected = "network aaaaaaaaaaaa is not known to ipvl; remove it and create it again"

    assert expected == refused(world, Kind.MISSING, ONE)


def test_an_address_in_use_is_refused(on_eth0):
    """The container that holds it lives; the sentence names it."""
    on_eth0.create_endpoint(ONE)
    on_eth0.attach(ONE)
    on_eth0.run(create_join_leave.name_endpoint(on_eth0.engine, ENDPOINT_ID, "shop"))
    expected = (
        "address 192.168.20.10 is in use on parent eth0 by endpoint shop of network web; "
        "choose another address or remove what holds it"
    )

    assert expected == refused(on_eth0, Kind.CONFLICT, RIVAL)


def test_either_address_in_use_is_refused(on_eth0):
    """Both families are looked at."""
    on_eth0.create_endpoint(DUAL)
    on_eth0.attach(DUAL)
    rival = endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.11/24", "2001:db8::a/64"))
    expected = (
        "address 2001:db8::a is in use on parent eth0 by endpoint eeeeeeeeeeee of network web; "
        "choose another address or remove what holds it"
    )

    assert expected == refused(on_eth0, Kind.CONFLICT, rival)


def test_an_address_is_free_the_moment_its_sandbox_is_gone(on_eth0):
    """A container that died without a word does not keep its address from the network's next one."""
    on_eth0.create_endpoint(ONE)
    on_eth0.attach(ONE)
    on_eth0.kernel.end_sandbox(SANDBOX)

    on_eth0.create_endpoint(RIVAL)

    assert RIVAL == on_eth0.store.load()[-1]
    assert None is on_eth0.engine.records.endpoint(ENDPOINT_ID)


def test_an_address_is_free_the_moment_its_endpoint_is_deleted(on_eth0):
    """The orderly way."""
    on_eth0.create_endpoint(ONE)
    on_eth0.delete_endpoint(ONE)

    on_eth0.create_endpoint(RIVAL)

    assert RIVAL == on_eth0.store.load()[-1]


def test_the_port_of_a_dead_holder_is_removed(on_eth0, caplog):
    """A port that was on its way when the sandbox ended must not keep the address in the kernel."""
    on_eth0.create_endpoint(ONE)
    on_eth0.join(ONE)
    on_eth0.kernel.end_sandbox(SANDBOX)
    caplog.set_level(logging.WARNING)

    on_eth0.create_endpoint(RIVAL)

    assert None is on_eth0.kernel.link(ONE.port)
    assert ["network web: endpoint eeeeeeeeeeee is gone, its addresses are free"] == caplog.messages


def test_two_dead_holders_give_way_at_once(on_eth0):
    """The two addresses of an endpoint may have had two holders."""
    held = (
        endpoint("one", addresses=("192.168.20.10/24",)),
        endpoint("two", addresses=("2001:db8::a/64",)),
    )
    for number, one in enumerate(held):
        on_eth0.create_endpoint(one)
        on_eth0.attach(one, f"/run/{number}")
        on_eth0.kernel.end_sandbox(f"/run/{number}")

    on_eth0.create_endpoint(DUAL)

    assert [DUAL] == list(on_eth0.engine.records.endpoints())


def test_an_endpoint_of_the_same_network_that_never_joined_gives_way(on_eth0):
    """Docker hands out the network's addresses, so it has taken this one back from an endpoint it forgot."""
    on_eth0.create_endpoint(ONE)
    on_eth0.kernel.open_sandbox(SANDBOX)

    on_eth0.create_endpoint(RIVAL)

    assert [RIVAL] == list(on_eth0.engine.records.endpoints())


def test_two_networks_on_a_parent_may_not_have_one_address(on_eth0):
    """The kernel allows an address once a parent; Docker, which sees two networks, would hand it out twice."""
    on_eth0.create_network(network(OTHER_ID, name="db"))
    on_eth0.create_endpoint(ONE)
    rival = replace(RIVAL, network_id=OTHER_ID)
    expected = (
        "address 192.168.20.10 is in use on parent eth0 by endpoint eeeeeeeeeeee of network web; "
        "choose another address or remove what holds it"
    )

    assert expected == refused(on_eth0, Kind.CONFLICT, rival)

    on_eth0.now += UNJOINED_SECONDS + 1
    on_eth0.create_endpoint(rival)

    assert [rival] == list(on_eth0.engine.records.endpoints())


def test_an_address_is_kept_from_another_network_until_its_holder_is_stale(on_eth0):
    """The sandbox may not be mounted yet, and nobody but Docker knows whether it ever will be."""
    on_eth0.create_network(network(OTHER_ID, name="db"))
    on_eth0.create_endpoint(ONE)
    on_eth0.now += 1000
    on_eth0.attach(ONE)
    on_eth0.kernel.end_sandbox(SANDBOX)
    rival = replace(RIVAL, network_id=OTHER_ID)
    expected = (
        "address 192.168.20.10 is in use on parent eth0 by endpoint eeeeeeeeeeee of network web; "
        "choose another address or remove what holds it"
    )

    on_eth0.now += UNJOINED_SECONDS

    assert expected == refused(on_eth0, Kind.CONFLICT, rival)

    on_eth0.now += 1
    on_eth0.create_endpoint(rival)

    assert [rival] == list(on_eth0.engine.records.endpoints())


def test_two_parents_may_have_one_address(on_eth0):
    """Parents are separate segments: the same subnet on two VLANs is nobody's conflict."""
    on_eth0.create_network(network(OTHER_ID, parent="eth1"))
    on_eth0.create_endpoint(ONE)
    on_eth0.attach(ONE)
    other = replace(RIVAL, network_id=OTHER_ID)

    on_eth0.create_endpoint(other)

    assert [ONE.id, other.id] == [one.id for one in on_eth0.engine.records.endpoints()]


def test_a_deleted_endpoint_leaves_nothing(on_eth0):
    """Neither its record nor its port, should that be back in the host's namespace."""
    before = on_eth0.picture()
    on_eth0.create_endpoint(ONE)
    on_eth0.join(ONE)

    on_eth0.delete_endpoint(ONE)

    assert before == on_eth0.picture()
    assert RemovePort(ONE.port) == on_eth0.kernel.steps[-1]


@pytest.mark.parametrize("gone", [ONE, replace(ONE, network_id=OTHER_ID), replace(ONE, network_id="unknown")], ids=str)
def test_an_endpoint_that_is_not_known_is_deleted_already(on_eth0, gone):
    """Docker's endpoint is gone either way; one of another network is not touched."""
    on_eth0.create_network(network(OTHER_ID))
    if gone.network_id != ID:
        on_eth0.create_endpoint(ONE)
    before = on_eth0.picture()

    on_eth0.delete_endpoint(gone)

    assert before == on_eth0.picture()


def test_an_endpoint_whose_port_the_kernel_keeps_is_kept(on_eth0):
    """Then Docker's next call may delete both."""
    on_eth0.create_endpoint(ONE)
    on_eth0.join(ONE)
    on_eth0.wait(SET_UP_SECONDS)
    on_eth0.kernel.trouble[len(on_eth0.kernel.steps) + 1] = Trouble.REFUSED

    expected = f"the kernel refused to remove port {ONE.port}: Cannot allocate memory (ENOMEM)"

    assert expected == on_eth0.refusal(Kind.KERNEL, create_join_leave.delete_endpoint(on_eth0.engine, ID, ENDPOINT_ID))


def test_an_endpoint_can_be_named_later(on_eth0):
    """Docker's protocol never sends the container's name; when it is learnt it is kept, once."""
    on_eth0.create_endpoint(ONE)
    on_eth0.run(create_join_leave.name_endpoint(on_eth0.engine, ENDPOINT_ID, "shop"))
    commits = on_eth0.store.commits

    on_eth0.run(create_join_leave.name_endpoint(on_eth0.engine, ENDPOINT_ID, "shop"))
    on_eth0.run(create_join_leave.name_endpoint(on_eth0.engine, OTHER_ENDPOINT_ID, "nobody"))

    assert "shop" == on_eth0.store.load()[-1].name
    assert commits == on_eth0.store.commits


def test_addresses_are_written_without_their_length():
    """IPv4 first, as they were given."""
    assert "192.168.20.10 and 2001:db8::a" == DUAL.address_text
    assert "no address" == replace(DUAL, addresses=()).address_text


def test_endpoints_survive_a_restart(on_eth0):
    """A container goes on while ipvl is away, and is known afterwards."""
    on_eth0.create_endpoint(ONE)
    on_eth0.attach(ONE)
    on_eth0.create_endpoint(endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.11/24",)))
    on_eth0.join(endpoint(OTHER_ENDPOINT_ID), OTHER_SANDBOX)
    before = on_eth0.picture()

    on_eth0.restart()

    assert before == on_eth0.picture()
