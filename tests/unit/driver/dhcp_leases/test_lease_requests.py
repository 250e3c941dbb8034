"""How endpoints come by leases: which identifier they have, what they are refused, and what is given back when."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, ip_interface, ip_network

import pytest

from ipvl.dhcp.dhcp_messages import MessageType
from ipvl.driver.dhcp_leases import lease_requests
from ipvl.driver.dhcp_leases.lease_requests import MOST_UNUSED_IDENTIFIERS, LeaseRequest, create_leased_endpoint
from ipvl.driver.endpoints import create_join_leave
from ipvl.errors import IpvlError, Kind, kernel_refused
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Addressing, Mode, Route
from ipvl.model.steps import MakePort, SetMtu
from tests.contract.fake_kernel import Trouble
from tests.faults.dhcp_segment import FakeServer
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

DISCOVER, REQUEST, DECLINE, RELEASE = (
    MessageType.DISCOVER,
    MessageType.REQUEST,
    MessageType.DECLINE,
    MessageType.RELEASE,
)
LAN = network(name="lan", subnets=(), addressing=Addressing.DHCP)
WEB, DB = endpoint(addresses=()), endpoint(OTHER_ENDPOINT_ID, addresses=())
FIRST, SECOND = ip_interface("192.168.20.100/24"), ip_interface("192.168.20.101/24")


@pytest.fixture
def server():
    """A server that grants what is free."""
    return FakeServer()


@pytest.fixture
def lan(world, server):
    """A world with network lan on eth0, where the server is."""
    world.wire.servers["eth0"] = [server]
    world.create_network(LAN)
    return world


def make(world, wish: Endpoint = WEB, claim: LeaseRequest | None = None) -> Endpoint:
    return world.run(create_leased_endpoint(world.engine, wish, claim or LeaseRequest(shape="plain")))


def refused(world, kind: Kind, wish: Endpoint = WEB, claim: LeaseRequest | None = None) -> str:
    """Return the sentence; no endpoint is made, and no address held."""
    before = tuple(world.engine.records.endpoints())
    with pytest.raises(IpvlError) as found:
        make(world, wish, claim)
    assert kind is found.value.kind
    assert before == tuple(world.engine.records.endpoints())
    assert set() == world.engine.dhcp.pending
    world.picture()
    return str(found.value)


def test_an_endpoint_has_the_address_that_the_server_grants(lan, server):
    """It is recorded with its lease before anybody is told."""
    made = make(lan)

    assert (FIRST,) == made.addresses == lan.engine.records.endpoint(ENDPOINT_ID).addresses
    lease = lan.engine.records.dhcp_lease_of(ENDPOINT_ID)
    assert (FIRST, server.address, server.address) == (lease.terms.address, lease.terms.server, lease.terms.gateway)
    assert [DISCOVER, REQUEST] == server.types
    assert {lease.client_id: FIRST.ip} == server.granted
    lan.picture()


def test_two_endpoints_have_two_identifiers_and_addresses(lan, server):
    """They share a MAC address, so the identifiers are all that tells them apart."""
    assert [(FIRST,), (SECOND,)] == [make(lan, WEB).addresses, make(lan, DB).addresses]
    assert len({message.client.identifier for message in server.heard}) == 2


def test_the_same_endpoint_again_is_done_already(lan, server):
    """Docker did not get the answer."""
    assert make(lan) == make(lan)
    assert [DISCOVER, REQUEST] == server.types


def test_the_same_endpoint_at_once_asks_once(lan, server):
    """Docker lost patience and asks a second time while the server thinks."""

    async def twice() -> list[Endpoint]:
        claim = LeaseRequest(shape="plain")
        return await asyncio.gather(*(create_leased_endpoint(lan.engine, WEB, claim) for _ in range(2)))

    one, two = lan.run(twice())

    assert one == two
    assert [DISCOVER, REQUEST] == server.types


def test_many_at_once_have_different_identifiers(lan, server):
    """A host that boots starts all its containers."""
    requests = [endpoint(f"{number:064x}", addresses=()) for number in range(20)]

    async def all_at_once() -> None:
        await asyncio.gather(
            *(create_leased_endpoint(lan.engine, wish, LeaseRequest(shape="plain")) for wish in requests)
        )

    lan.run(all_at_once())

    assert len(server.granted) == 20
    assert len({one.addresses for one in lan.engine.records.endpoints()}) == 20


def test_many_at_once_learn_of_silence_together(lan, server):
    """Nobody waits for all who came before: what two were not told in vain, nobody asks again."""
    server.up = False
    requests = [endpoint(f"{number:064x}", addresses=()) for number in range(20)]

    async def all_at_once() -> list[object]:
        making = (create_leased_endpoint(lan.engine, wish, LeaseRequest(shape="plain")) for wish in requests)
        return await asyncio.gather(*making, return_exceptions=True)

    refusals = lan.run(all_at_once())

    assert {Kind.UNAVAILABLE} == {one.kind for one in refusals}
    assert 1 == len(set(map(str, refusals)))
    assert lan.now - NOW <= 20.0


def test_others_go_on_while_the_server_is_asked(lan, server):
    """The lock is free: nobody waits for a server but who wants a lease."""
    locked = []
    server.before_answer = lambda _message: locked.append(lan.engine.lock.locked())

    make(lan)

    assert [False, False] == locked


def test_a_restarted_container_has_its_address_again(lan, server):
    """Docker gives it a new endpoint, which nothing ties to the old one but what it was asked to be."""
    make(lan, WEB)
    lan.delete_endpoint(WEB)

    again = make(lan, DB)

    assert (FIRST,) == again.addresses
    assert [DISCOVER, REQUEST, RELEASE, DISCOVER, REQUEST] == server.types
    assert [None, FIRST.ip] == [message.requested for message in server.heard if message.type is DISCOVER]
    assert len({message.client.identifier for message in server.heard}) == 1


def test_the_identifier_that_was_used_last_is_used_again(lan):
    """Of alike containers the one that stopped last is most likely the one that starts."""
    for wish in (WEB, DB):
        make(lan, wish)
    for wish in (DB, WEB):
        lan.wait(1)
        lan.delete_endpoint(wish)

    assert [(FIRST,), (SECOND,)] == [make(lan, DB).addresses, make(lan, WEB).addresses]


def test_containers_of_another_shape_have_another_identifier(lan):
    """A database is not given the address of a web server."""
    make(lan, WEB, LeaseRequest(shape="80/tcp"))
    lan.delete_endpoint(WEB)

    assert (FIRST,) == make(lan, WEB, LeaseRequest(shape="5432/tcp")).addresses, "free at the server"
    assert len(list(lan.engine.records.dhcp_leases())) == 2


def test_an_explicit_identifier_is_sent_as_it_is(lan, server):
    """The server's configuration can name it, and gives it its own address."""
    server.pinned["web"] = IPv4Address("192.168.20.7")

    assert (ip_interface("192.168.20.7/24"),) == make(lan, WEB, LeaseRequest("web")).addresses
    assert {"web"} == {message.client.identifier for message in server.heard}


def test_an_explicit_identifier_belongs_to_one_container_at_a_time(lan):
    """Two would be one to the server, and get one address."""
    make(lan, WEB, LeaseRequest("web"))
    lan.attach(WEB)

    assert (
        "client_id web is that of endpoint eeeeeeeeeeee of network lan; give each container one of its own"
        == refused(lan, Kind.CONFLICT, DB, LeaseRequest("web"))
    )


def test_an_identifier_counts_on_the_whole_segment(lan):
    """Networks that share a parent share its server."""
    lan.create_network(network(OTHER_ID, name="lan2", subnets=(), addressing=Addressing.DHCP))
    make(lan, WEB, LeaseRequest("web"))
    lan.attach(WEB)

    other = endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID, addresses=())
    assert (
        "client_id web is that of endpoint eeeeeeeeeeee of network lan; give each container one of its own"
        == refused(lan, Kind.CONFLICT, other, LeaseRequest("web"))
    )


def test_an_identifier_of_a_container_that_is_gone_is_free(lan, server):
    """Docker was killed and starts the container again, with a new endpoint."""
    make(lan, WEB, LeaseRequest("web"))
    lan.attach(WEB)
    lan.kernel.end_sandbox(lan.engine.records.endpoint(ENDPOINT_ID).sandbox)

    assert (FIRST,) == make(lan, DB, LeaseRequest("web")).addresses
    assert [DISCOVER, REQUEST, REQUEST] == server.types, "the lease runs, so it is asked for as it is"
    assert None is lan.engine.records.endpoint(ENDPOINT_ID)
    lan.picture()


def test_an_identifier_that_is_being_used_is_refused(lan, server):
    """Two containers with one identifier at the same moment."""
    found = []

    async def second() -> None:
        with pytest.raises(IpvlError) as refused:
            await create_leased_endpoint(lan.engine, DB, LeaseRequest("web"))
        found.append(str(refused.value))

    async def both() -> None:
        await asyncio.gather(create_leased_endpoint(lan.engine, WEB, LeaseRequest("web")), second())

    lan.run(both())

    assert [
        "client_id web is that of a container that is being started of network lan; give each container one of its own"
    ] == found


def test_a_server_that_is_away_is_a_refusal(lan, server):
    """Within ten seconds, in one sentence, and nothing is left but the identifier."""
    server.up = False
    expected = (
        "no DHCP server answers on parent eth0, so network lan has no address;"
        " see that the server is up and on that segment: ipvl doctor"
    )

    assert expected == refused(lan, Kind.UNAVAILABLE)
    assert 10.0 == lan.now - NOW

    server.up = True
    assert (FIRST,) == make(lan).addresses
    assert 1 == len(list(lan.engine.records.dhcp_leases()))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            {"up": False, "carrier": False},
            "parent eth0 is down, so network lan has no address from a DHCP server; bring it up with"
            " `ip link set eth0 up`",
        ),
        (
            {"carrier": False},
            "parent eth0 has no carrier, so network lan has no address from a DHCP server; look at the cable and the"
            " switch port of eth0",
        ),
    ],
)
def test_a_dead_parent_is_named_instead_of_a_server(lan, server, state, expected):
    """Nobody was asked, so nobody is away."""
    server.up = False
    lan.kernel.change("eth0", **state)

    assert expected == refused(lan, Kind.UNAVAILABLE)


def test_a_parent_that_goes_down_while_a_server_is_asked(lan, monkeypatch):
    """The socket's own words would send the user to the sub-interface, which comes up by itself with what is below."""
    lan.kernel.change("eth0", up=False, carrier=False)

    async def fails(*_: object) -> None:
        raise kernel_refused("DHCP on parent eth0 is not possible: Network is down (ENETDOWN)", "see that eth0 is up")

    monkeypatch.setattr(lease_requests, "run_exchange", fails)
    assert refused(lan, Kind.UNAVAILABLE).startswith("parent eth0 is down, so network lan has no address")
    lan.kernel.change("eth0", up=True, carrier=True)
    assert refused(lan, Kind.KERNEL).startswith("DHCP on parent eth0 is not possible")


def test_a_server_that_offers_and_does_not_grant_is_told_from_none(lan, server):
    """Its log knows why."""
    server.mute.add(REQUEST)
    expected = (
        "a DHCP server on parent eth0 offers network lan an address and grants none;"
        " see the server's log, and whether it knows this host"
    )

    assert expected == refused(lan, Kind.UNAVAILABLE)


def test_an_address_that_somebody_here_has_is_declined(lan, server):
    """It was given to another network of the parent; the server learns that, and offers another next time."""
    lan.create_network(network(OTHER_ID, name="fixed"))
    other = endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID, addresses=(str(FIRST),))
    lan.create_endpoint(other)
    lan.attach(other, OTHER_SANDBOX)
    expected = (
        "DHCP server 192.168.20.1 gives an address that it must not: address 192.168.20.100 is in use on parent eth0 by"
        " endpoint ffffffffffff of network fixed; keep that address out of the server's range, or remove what holds it"
    )

    assert expected == refused(lan, Kind.CONFLICT)
    assert [DISCOVER, REQUEST, DECLINE] == server.types
    assert (SECOND,) == make(lan).addresses


def test_an_id_of_another_network_is_refused(lan, server):
    """Before anybody is asked."""
    lan.create_network(network(OTHER_ID, name="fixed", parent="eth1"))
    lan.create_endpoint(endpoint(network_id=OTHER_ID, addresses=("192.168.20.10/24",)))
    expected = "endpoint id eeeeeeeeeeee belongs to an endpoint with 192.168.20.10; delete that endpoint first"

    assert expected == refused(lan, Kind.CONFLICT)
    assert [] == server.heard


def test_a_leased_address_is_not_handed_out_by_others(lan):
    """It is one of the parent's addresses like any other."""
    make(lan)
    lan.attach(WEB)
    lan.create_network(network(OTHER_ID, name="fixed"))
    expected = (
        "address 192.168.20.100 is in use on parent eth0 by endpoint eeeeeeeeeeee of network lan;"
        " choose another address or remove what holds it"
    )

    rival = endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID, addresses=(str(FIRST),))
    assert expected == lan.refusal(Kind.CONFLICT, create_join_leave.create_endpoint(lan.engine, rival))


def test_a_lease_that_cannot_be_recorded_is_given_back(lan, server):
    """The disk is full: nobody would renew it."""
    lan.store.trouble[lan.store.commits + 2] = Trouble.REFUSED

    assert "state file cannot be used: disk full" == refused(lan, Kind.UNAVAILABLE)
    assert [DISCOVER, REQUEST, RELEASE] == server.types


def test_a_network_that_goes_meanwhile_takes_the_lease_with_it(lan, server):
    """The server was slow."""

    def remove(message) -> None:
        if message.type is REQUEST:
            lan.engine.commit([lease_requests.Drop(lan.engine.network(ID))])

    server.before_answer = remove

    assert "network aaaaaaaaaaaa is not known to ipvl; remove it and create it again" == refused(lan, Kind.MISSING)
    assert [DISCOVER, REQUEST, RELEASE] == server.types


def test_without_a_daemon_there_is_no_lease(lan):
    """Nobody would renew it."""
    lan.engine.dhcp.wire = None
    expected = (
        "network lan has its addresses from DHCP, and without the daemon nobody would renew them;"
        " start the daemon: systemctl start ipvl"
    )

    assert expected == refused(lan, Kind.UNAVAILABLE)


def test_a_missing_parent_is_a_refusal(lan):
    """Nobody can be asked."""
    lan.wire.links.remove("eth0")

    assert "parent eth0 does not exist on this host; make it again and start the container once more" == refused(
        lan, Kind.MISSING
    )


def test_a_container_that_goes_gives_its_lease_back(lan, server):
    """At once, and with it the address in ipvl."""
    make(lan)
    lan.delete_endpoint(WEB)

    assert RELEASE == server.types[-1]
    assert {} == server.granted
    assert lan.now == next(lan.engine.records.dhcp_leases()).terms.expires
    lan.picture()


def test_an_endpoint_that_is_found_gone_gives_its_lease_back(lan, server):
    """Docker was killed while ipvl ran."""
    make(lan)
    lan.wait(1000)
    lan.wire.wait = lambda _seconds: None
    lease = lan.engine.records.dhcp_lease_of(ENDPOINT_ID)
    lan.engine.commit([lease_requests.Put(lease)])

    lan.reconcile()

    assert [] == list(lan.engine.records.endpoints())
    assert server.types[-1] is REQUEST, "its time was over, so there was nothing to give back"


def test_nothing_is_given_back_at_a_start(lan, server):
    """After a reboot containers come back in a moment: their leases run, and each has its address at one question."""
    make(lan, WEB, LeaseRequest("web"))
    lan.attach(WEB)
    lan.kernel.reboot()
    lan.wait(130)
    lan.stop()
    lan.start()
    lan.engine.commit([lease_requests.Put(_longer(lan))])
    lan.reconcile()
    lan.engine.dhcp.wire = lan.wire
    assert [] == list(lan.engine.records.endpoints())

    assert (FIRST,) == make(lan, DB, LeaseRequest("web")).addresses
    assert [DISCOVER, REQUEST, REQUEST] == server.types


def test_a_network_that_is_removed_takes_its_identifiers_along(lan, server):
    """And gives back what is still held."""
    make(lan)
    lan.delete_network(ID)

    assert [] == list(lan.engine.records.dhcp_leases())
    assert RELEASE == server.types[-1]
    lan.picture()


def test_identifiers_that_nobody_uses_are_kept_up_to_a_number(lan):
    """Those that were not used for longest go first."""
    for number in range(MOST_UNUSED_IDENTIFIERS + 3):
        lan.wait(1)
        make(lan, WEB, LeaseRequest(f"c{number}"))
        lan.delete_endpoint(WEB)

    kept = [lease.client_id for lease in lan.engine.records.dhcp_leases()]
    assert (MOST_UNUSED_IDENTIFIERS + 1, "c2") == (len(kept), kept[0])


def test_a_port_has_what_the_lease_says(lan, server):
    """Gateway, routes and MTU."""
    server.fields.update(
        routes=(Route(ip_network("0.0.0.0/0"), server.address), Route(ip_network("10.0.0.0/8"), SECOND.ip)), mtu=1400
    )
    make(lan)

    attachment = lan.attach(WEB)

    assert (server.address, (Route(ip_network("10.0.0.0/8"), SECOND.ip),)) == (attachment.gateway4, attachment.routes)
    assert 1400 == made_port(lan).mtu


def test_a_network_may_leave_the_leases_default_route_to_others(world, server):
    """Its other routes stay."""
    world.wire.servers["eth0"] = [server]
    world.create_network(network(name="lan", subnets=(), addressing=Addressing.DHCP, default_routes=frozenset({6})))
    further = Route(ip_network("10.0.0.0/8"), SECOND.ip)
    server.fields["routes"] = (Route(ip_network("0.0.0.0/0"), server.address), further)
    made = make(world)

    lease = world.engine.records.dhcp_lease_of(made.id)
    assert lease is not None and lease.terms is not None
    assert server.address == lease.terms.gateway
    attachment = world.attach(WEB)
    assert (None, (further,)) == (attachment.gateway4, attachment.routes)


@pytest.mark.parametrize(("parents", "expected"), [(9000, 1400), (1450, 1400), (1300, 1300)])
def test_a_port_keeps_its_leases_mtu_when_the_parents_changes(lan, server, parents, expected):
    """The kernel gives every port the parent's; as far as that goes, the lease's comes back."""
    server.fields["mtu"] = 1400
    make(lan)
    lan.attach(WEB)
    lan.reconcile()
    lan.kernel.change("eth0", mtu=parents)
    assert parents == lan.kernel.link("eth0", SANDBOX).mtu

    lan.reconcile()

    assert expected == lan.kernel.link("eth0", SANDBOX).mtu


@pytest.mark.parametrize("fields", [{}, {"mtu": 9000}])
def test_a_port_without_a_smaller_mtu_of_its_lease_follows_the_parent(lan, server, fields):
    """Nothing is set again where the kernel did right."""
    server.fields.update(fields)
    make(lan)
    lan.attach(WEB)
    lan.reconcile()
    lan.kernel.change("eth0", mtu=8000)
    lan.reconcile()

    assert 8000 == lan.kernel.link("eth0", SANDBOX).mtu
    assert [] == [step for step in lan.kernel.steps if isinstance(step, SetMtu)]


@pytest.mark.parametrize(("mtu", "wanted", "expected"), [(1500, None, None), (9000, None, None), (1400, 1300, 1300)])
def test_a_leases_mtu_gives_way(world, server, mtu, wanted, expected):
    """To the network's own, and to the parent's, which is the most that a port can send."""
    world.wire.servers["eth0"] = [server]
    world.create_network(network(name="lan", subnets=(), addressing=Addressing.DHCP, mtu=wanted))
    server.fields["mtu"] = mtu
    make(world)
    world.attach(WEB)

    assert expected == made_port(world).mtu


def test_only_l2_is_asked_for():
    """What the records hold is what options allow."""
    assert LAN.mode is Mode.L2


def made_port(world) -> MakePort:
    (step,) = [step for step in world.kernel.steps if isinstance(step, MakePort)]
    return step


def _longer(world):
    from dataclasses import replace

    lease = next(world.engine.records.dhcp_leases())
    return replace(lease, terms=replace(lease.terms, expires=world.now + 1000))
