"""Join a sandbox and leave it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import pytest

from ipvl.driver.endpoints import create_join_leave
from ipvl.errors import IpvlError, Kind
from ipvl.model.endpoints import JoinInfo
from ipvl.model.networks import Flag, Mode, Route
from ipvl.model.steps import MakePort, RemovePort
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


@pytest.fixture
def on_eth0(world):
    """A world with network web on eth0 and an endpoint in it."""
    world.create_network(network(name="web"))
    world.create_endpoint(ONE)
    return world


def test_join_makes_the_port_and_says_what_to_do_with_it(on_eth0):
    """Docker learns the port's name, the prefix of the new one, and the gateway."""
    expected = JoinInfo(ONE.port, "eth", IPv4Address("192.168.20.1"), None, ())

    assert expected == on_eth0.join(ONE)
    assert "ipvlan" == on_eth0.kernel.link(ONE.port).kind
    assert replace(ONE, sandbox=SANDBOX) == on_eth0.store.load()[-1]


@pytest.mark.parametrize(
    ("mode", "flag", "mtu"), [(Mode.L2, Flag.BRIDGE, None), (Mode.L3, Flag.PRIVATE, 1400), (Mode.L3S, Flag.VEPA, 1280)]
)
def test_a_port_has_its_networks_mode_flag_and_mtu(world, mode, flag, mtu):
    """The kernel is told both mode and flag every time: an absent one would mean its own default."""
    world.create_network(network(parent="eth0.20", mode=mode, flag=flag, mtu=mtu))
    world.create_endpoint(ONE)

    world.join(ONE)

    port = world.kernel.link(ONE.port)
    assert MakePort(ONE.port, "eth0.20", mode, flag, mtu) == world.kernel.steps[-1]
    assert (mode, flag, mtu or 1500) == (port.mode, port.flag, port.mtu)
    assert world.kernel.link("eth0.20").index == port.lower


def test_join_in_a_routed_mode_answers_routes(world):
    """L3: no gateway, a default route to the device."""
    world.create_network(network(mode=Mode.L3))
    world.create_endpoint(ONE)

    assert JoinInfo(ONE.port, "eth", None, None, (Route(ip_network("0.0.0.0/0")),)) == world.join(ONE)


def test_join_again_makes_the_port_anew(on_eth0):
    """Docker repeats a call whose answer it did not get; the answer is the same and there is one port."""
    first = on_eth0.join(ONE)
    before = on_eth0.picture()

    again = on_eth0.join(ONE)

    assert first == again
    assert before == on_eth0.picture()
    assert [RemovePort(ONE.port), MakePort(ONE.port, "eth0", Mode.L2, Flag.BRIDGE)] == on_eth0.kernel.steps[-2:]


def test_an_endpoint_in_a_sandbox_that_lives_is_not_joined_to_another(on_eth0):
    """One container has it."""
    on_eth0.attach(ONE)
    on_eth0.kernel.open_sandbox(OTHER_SANDBOX)
    expected = f"endpoint eeeeeeeeeeee of network web is in sandbox {SANDBOX} already; leave that one first"

    assert expected == on_eth0.refusal(
        Kind.CONFLICT, create_join_leave.join(on_eth0.engine, ID, ENDPOINT_ID, OTHER_SANDBOX)
    )


def test_an_endpoint_whose_sandbox_is_gone_joins_another(on_eth0):
    """A container that was restarted has a new sandbox."""
    on_eth0.attach(ONE)
    on_eth0.kernel.end_sandbox(SANDBOX)

    on_eth0.attach(ONE, OTHER_SANDBOX)

    assert OTHER_SANDBOX == on_eth0.store.load()[-1].sandbox
    assert None is not on_eth0.kernel.link("eth0", OTHER_SANDBOX)


@pytest.mark.parametrize(
    ("network_id", "endpoint_id", "expected"),
    [
        ("unknown", ENDPOINT_ID, "network unknown is not known to ipvl; remove it and create it again"),
        (ID, OTHER_ENDPOINT_ID, "endpoint ffffffffffff is not known to ipvl in network web"),
        (OTHER_ID, ENDPOINT_ID, "endpoint eeeeeeeeeeee is not known to ipvl in network bbbbbbbbbbbb"),
    ],
)
def test_joining_what_is_not_known_is_refused(on_eth0, network_id, endpoint_id, expected):
    """A network, an endpoint, or an endpoint in another network than it is in."""
    on_eth0.create_network(network(OTHER_ID))

    assert expected == on_eth0.refusal(
        Kind.MISSING, create_join_leave.join(on_eth0.engine, network_id, endpoint_id, SANDBOX)
    )


def test_joining_on_a_parent_that_is_gone_leaves_no_port(on_eth0):
    """The parent was pulled: the sentence says so and no port is left."""
    on_eth0.kernel.remove("eth0")
    before = on_eth0.kernel.picture()

    with pytest.raises(IpvlError) as refused:
        on_eth0.join(ONE)

    expected = (
        "parent eth0 does not exist on this host;"
        " make it again, as it was when the network was created, and start the container once more"
    )
    assert expected == str(refused.value)
    assert Kind.MISSING is refused.value.kind
    assert before == on_eth0.kernel.picture()


def test_joining_on_a_parent_that_macvlan_took_is_refused(on_eth0):
    """Somebody made a macvlan port after the network was made."""
    on_eth0.kernel.add("mv0", "macvlan", on="eth0")
    before = on_eth0.kernel.picture()

    with pytest.raises(IpvlError) as refused:
        on_eth0.join(ONE)

    expected = (
        "parent eth0 takes no ipvlan port: another driver receives its frames; "
        "that is macvlan, a bridge, a bond or a team: take it off, or use another parent"
    )
    assert expected == str(refused.value)
    assert before == on_eth0.kernel.picture()


def test_a_join_that_failed_can_be_repeated(on_eth0):
    """The kernel had no memory for a moment."""
    on_eth0.kernel.trouble[1] = Trouble.REFUSED
    with pytest.raises(IpvlError):
        on_eth0.join(ONE)

    on_eth0.attach(ONE)

    assert None is not on_eth0.kernel.link("eth0", SANDBOX)


def test_leave_removes_a_port_that_docker_gave_back(on_eth0):
    """The addresses stay with the endpoint until it is deleted."""
    before = on_eth0.picture()
    on_eth0.attach(ONE)
    on_eth0.kernel.give_back(ONE.port, SANDBOX)

    on_eth0.leave(ONE)

    assert before == on_eth0.picture()


def test_a_port_that_docker_gives_back_after_leave_goes_with_its_endpoint(on_eth0):
    """Docker 28 moves it into the host's namespace between Leave and DeleteEndpoint."""
    links = on_eth0.kernel.picture()
    on_eth0.attach(ONE)
    on_eth0.leave(ONE)
    on_eth0.kernel.give_back(ONE.port, SANDBOX)

    on_eth0.delete_endpoint(ONE)

    assert links == on_eth0.kernel.picture()


def test_leave_does_nothing_to_a_port_in_its_sandbox(on_eth0):
    """It dies with its namespace."""
    on_eth0.attach(ONE)
    links = on_eth0.kernel.picture()

    on_eth0.leave(ONE)

    assert links == on_eth0.kernel.picture()
    assert None is on_eth0.store.load()[-1].sandbox


def test_leave_again_is_done_already(on_eth0):
    """Docker repeats calls."""
    on_eth0.join(ONE)
    on_eth0.leave(ONE)
    before = on_eth0.picture()

    on_eth0.leave(ONE)

    assert before == on_eth0.picture()


def test_an_endpoint_that_left_has_some_time_to_join_again(on_eth0):
    """The time it may stay unjoined counts from when it left, not from when it was made."""
    on_eth0.attach(ONE)
    on_eth0.now += 1000
    on_eth0.leave(ONE)

    on_eth0.reconcile()

    assert replace(ONE, changed=NOW + 1000) == on_eth0.store.load()[-1]


@pytest.mark.parametrize("gone", [endpoint(OTHER_ENDPOINT_ID), replace(ONE, network_id=OTHER_ID)], ids=str)
def test_leaving_what_is_not_known_is_done_already(on_eth0, gone):
    """Docker ignores most errors here; there is nothing to refuse."""
    on_eth0.join(ONE)
    before = on_eth0.picture()

    on_eth0.leave(gone)

    assert before == on_eth0.picture()


def test_a_port_that_the_kernel_keeps_is_reported_on_leave(on_eth0):
    """The endpoint stays in its sandbox, to be left again."""
    on_eth0.join(ONE)
    on_eth0.kernel.trouble[len(on_eth0.kernel.steps) + 1] = Trouble.REFUSED
    expected = f"the kernel refused to remove port {ONE.port}: Cannot allocate memory (ENOMEM)"

    assert expected == on_eth0.refusal(Kind.KERNEL, create_join_leave.leave(on_eth0.engine, ID, ENDPOINT_ID))


def test_a_containers_whole_life_leaves_nothing(on_eth0):
    """Create, join, leave, delete: the host is as it was before the endpoint."""
    on_eth0.delete_endpoint(ONE)
    before = on_eth0.picture()

    for sandbox in (SANDBOX, OTHER_SANDBOX):
        on_eth0.create_endpoint(ONE)
        on_eth0.attach(ONE, sandbox)
        on_eth0.kernel.give_back(ONE.port, sandbox)
        on_eth0.leave(ONE)
        on_eth0.delete_endpoint(ONE)

    assert before == on_eth0.picture()
