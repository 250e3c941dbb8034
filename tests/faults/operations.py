"""Every operation of both doors as its callers make it: Docker's plugin calls, and those behind the `ipvl` command."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Protocol

from ipvl.doors.control.control_requests import control_door
from ipvl.doors.docker.plugin_requests import docker_door
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.leaked_leases import PoolUse, release_leaked
from ipvl.driver.repair.port_sightings import look_at_ports
from ipvl.embedded.reconcile_members import reconcile_all, write_all_hosts_files
from ipvl.embedded.sandboxes import end_gone_sandboxes
from ipvl.errors import IpvlError
from ipvl.model.steps import RemoveParent
from ipvl.options.endpoint import port_name
from ipvl.planning.unclaimed_networks import BEING_MADE_SECONDS

from .dhcp_segment import FIRST as LEASED_ADDRESS
from .dhcp_segment import FakeServer, FakeWire
from .door_exchange import exchange

OK = 200
FIRST, AGAIN = 1, 2
LATER = 1000.0
BLUE, GREEN = "blue", "green"


class RefusedError(Exception):
    """A door said no, in one sentence."""


@dataclass
class Ledger:
    """What Docker wrote down of its IPAM driver's answers: networks by pool, and addresses by pool."""

    pools: Counter[str] = field(default_factory=Counter)
    addresses: set[tuple[str, str]] = field(default_factory=set)
    gateway_released: bool = False

    def in_use(self) -> dict[str, PoolUse]:
        """Return it as Docker's API would tell it."""
        return {
            pool: PoolUse(users, frozenset(ip_address(one) for owner, one in self.addresses if owner == pool))
            for pool, users in self.pools.items()
            if users
        }


class Stage(Protocol):
    """A host with eth0 and eth1, network namespaces on it, and an engine."""

    engine: Engine
    ledger: Ledger

    async def open(self, name: str) -> str:
        """Start a process in a network namespace of its own if there is none, and return the namespace's path."""

    def hosts(self, name: str) -> str:
        """Return the path of its hosts file."""

    async def end(self, name: str) -> None:
        """End it."""

    def process(self, name: str) -> int:
        """Return a process in it."""

    async def take(self, port: str, name: str) -> None:
        """Move a port from the host into it as eth0, as Docker does after Join."""

    async def set_up(self, name: str, address: str, gateway: str) -> None:
        """Give eth0 in it an address and the default route, as Docker does with a port it took."""

    async def give_back(self, port: str, name: str) -> None:
        """Move eth0 back to the host under the port's name, as Docker does before Leave."""


Act = Callable[[Stage, int], Awaitable[None]]


@dataclass(frozen=True)
class Operation:
    """An operation and what comes before it.

    `act` gets the number of the attempt. `already` is what a caller may read who asks again for what is done.
    `give_up` is what the caller does when it got no answer. `chooses` tells whether a second attempt may get another
    address.
    """

    prepare: tuple[Act, ...]
    act: Act
    already: str = ""
    give_up: Act | None = None
    chooses: bool = False

    @property
    def last_attempt(self) -> int:
        """The attempt that succeeds after one was disturbed."""
        return AGAIN if self.give_up is not None else FIRST


async def perform(stage: Stage, operation: Operation, attempt: int) -> None:
    """Do the operation; that it was done already is as good.

    Raises:
        RefusedError: for another reason.
    """
    try:
        await operation.act(stage, attempt)
    except RefusedError as refused:
        if not (operation.already and re.search(operation.already, str(refused))):
            raise


async def start_up(stage: Stage) -> None:
    """Do what the daemon does when it starts, until it has seen what Docker has."""
    await reconcile_all(stage.engine)
    await end_gone_sandboxes(stage.engine)
    write_all_hosts_files(stage.engine)
    await release_leaked(stage.engine, stage.ledger.in_use(), stage.engine.clock() - BEING_MADE_SECONDS, "docker")


async def compare_with_docker(stage: Stage) -> None:
    """Do what ipvl does when Docker has been silent for a minute: take back what Docker did not write down."""
    await release_leaked(stage.engine, stage.ledger.in_use(), stage.engine.clock() + LATER, "docker")


_docker_door, _control_door = lru_cache(maxsize=1)(docker_door), lru_cache(maxsize=1)(control_door)

# Docker's door.

NETWORK, SHARING, ISOLATED, BYSTANDER = "a" * 64, "c" * 64, "d" * 64, "b" * 64
ENDPOINT, DEAD, CONTAINER = "e" * 64, "9" * 64, "f" * 64
PLACES = {ENDPOINT: "container", DEAD: "dead", CONTAINER: "bystander"}
ADDRESS = "192.168.20.10/24"
POOL = "192.168.20.0/24"


async def docker(stage: Stage, method: str, body: dict[str, Any]) -> Any:
    answer = await exchange(_docker_door(stage.engine), f"/{method}", json.dumps(body).encode())
    if "Err" in answer.body:
        if answer.status != OK:
            raise AssertionError(f"{method} was not refused, it failed: {answer.body['Err']}")
        raise RefusedError(answer.body["Err"])
    return answer.body


def create_network(identity: str, parent: str, *, internal: bool = False, subnet: str = POOL, **further: str) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        generic = {**({"parent": parent} if parent else {}), **further}
        options = {"com.docker.network.generic": generic, "com.docker.network.internal": internal}
        body = {"NetworkID": identity, "Options": options, "IPv4Data": [{"Pool": subnet}], "IPv6Data": []}
        await docker(stage, "NetworkDriver.CreateNetwork", body)

    return act


async def create_open_network(stage: Stage, attempt: int) -> None:
    """Create a network to whose containers the host has access, on a VLAN."""
    generic = {"parent": "eth0.20", "host_access": "true"}
    pool = {"Pool": POOL, "AuxAddresses": {"host": "192.168.20.250/24"}}
    options = {"com.docker.network.generic": generic, "com.docker.network.internal": False}
    body = {"NetworkID": NETWORK, "Options": options, "IPv4Data": [pool], "IPv6Data": []}
    await docker(stage, "NetworkDriver.CreateNetwork", body)


def delete_network(identity: str = NETWORK) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        await docker(stage, "NetworkDriver.DeleteNetwork", {"NetworkID": identity})

    return act


def create_endpoint(identity: str = ENDPOINT, network: str = NETWORK, address: str = ADDRESS) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        body = {"NetworkID": network, "EndpointID": identity, "Interface": {"Address": address}, "Options": {}}
        await docker(stage, "NetworkDriver.CreateEndpoint", body)

    return act


def on_a_segment(act: Act, parent: str = "eth0") -> Act:
    """Do it where a DHCP server answers, which remembers nothing of earlier attempts."""

    async def on_it(stage: Stage, attempt: int) -> None:
        wire = FakeWire(wait=lambda _seconds: None)
        wire.links.add(parent)
        wire.servers[parent] = [FakeServer()]
        stage.engine.dhcp.wire = wire
        await act(stage, attempt)

    return on_it


async def create_leasing_network(stage: Stage, attempt: int) -> None:
    options = {"com.docker.network.generic": {"parent": "eth0", "addressing": "dhcp"}}
    body = {"NetworkID": NETWORK, "Options": options, "IPv4Data": [{"Pool": "0.0.0.0/0"}], "IPv6Data": []}
    await docker(stage, "NetworkDriver.CreateNetwork", body)


async def create_leasing_endpoint(stage: Stage, attempt: int) -> None:
    body = {"NetworkID": NETWORK, "EndpointID": ENDPOINT, "Interface": {}, "Options": {"client_id": "web"}}
    answer = await docker(stage, "NetworkDriver.CreateEndpoint", body)
    assert answer["Interface"]["Address"] == str(LEASED_ADDRESS), "the same at each attempt"


def endpoint_call(method: str, identity: str = ENDPOINT, network: str = NETWORK) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        await docker(stage, f"NetworkDriver.{method}", {"NetworkID": network, "EndpointID": identity})

    return act


def join(identity: str = ENDPOINT, network: str = NETWORK) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        path = await stage.open(PLACES[identity])
        await docker(
            stage,
            "NetworkDriver.Join",
            {"NetworkID": network, "EndpointID": identity, "SandboxKey": path, "Options": {}},
        )

    return act


def taken(identity: str = ENDPOINT) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        await stage.take(port_name(identity), PLACES[identity])

    return act


def set_up(identity: str = ENDPOINT, address: str = ADDRESS) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        await stage.set_up(PLACES[identity], address, "192.168.20.1")

    return act


async def parent_lost(stage: Stage, attempt: int) -> None:
    """Look at all ports, then remove the parents that ipvl made, as somebody else might do."""
    await look_at_ports(stage.engine)
    for parent in stage.engine.records.parents():
        if parent.made and parent.name != "eth1.7":
            await stage.engine.kernel.apply(RemoveParent(parent.name))


async def parent_returned(stage: Stage, attempt: int) -> None:
    """Do what the daemon does when it hears of the loss: parent and ports are made again."""
    try:
        await reconcile_all(stage.engine)
    except IpvlError as error:
        raise RefusedError(str(error)) from error
    if stage.engine.warnings:
        raise RefusedError("; ".join(stage.engine.warnings))


def given_back(identity: str = ENDPOINT) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        await stage.give_back(port_name(identity), PLACES[identity])

    return act


def ended(name: str) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        await stage.end(name)

    return act


def request_pool(parent: str = "", **further: str) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        options = {**({"parent": parent} if parent else {}), **further}
        body = {"Pool": POOL, "SubPool": "", "Options": options, "V6": False}
        stage.ledger.pools[(await docker(stage, "IpamDriver.RequestPool", body))["PoolID"]] += 1

    return act


async def release_pool(stage: Stage, attempt: int) -> None:
    (pool,) = stage.ledger.pools
    await docker(stage, "IpamDriver.ReleasePool", {"PoolID": pool})
    stage.ledger.pools[pool] -= 1


def request_address(wanted: str = "", **options: str) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        (pool,) = stage.ledger.pools
        body = {"PoolID": pool, "Address": wanted, "Options": options}
        granted = (await docker(stage, "IpamDriver.RequestAddress", body))["Address"].partition("/")[0]
        if "RequestAddressType" not in options:
            assert (pool, granted) not in stage.ledger.addresses, f"{granted} is handed out twice"
        stage.ledger.addresses.add((pool, granted))

    return act


async def release_address(stage: Stage, attempt: int) -> None:
    pool, address = min(stage.ledger.addresses)
    await docker(stage, "IpamDriver.ReleaseAddress", {"PoolID": pool, "Address": address})
    stage.ledger.addresses.discard((pool, address))


async def release_gateway_and_pool(stage: Stage, attempt: int) -> None:
    pool, address = min(stage.ledger.addresses)
    if not stage.ledger.gateway_released:
        await docker(stage, "IpamDriver.ReleaseAddress", {"PoolID": pool, "Address": address})
        stage.ledger.gateway_released = True
    await release_pool(stage, attempt)


GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}
NAMED = {"com.docker.network.endpoint.name": "web"}

# The embedded door.


async def embedded(stage: Stage, call: str, body: dict[str, Any]) -> Any:
    answer = await exchange(_control_door(stage.engine), f"/calls/{call}", json.dumps(body).encode())
    if answer.status != OK:
        raise RefusedError("; ".join(filter(None, (answer.body["what"], answer.body["way_out"]))))
    return answer.body


@contextmanager
def _same_id(name: str):
    """Give a network the same id at each attempt, so that what is left can be compared."""
    original = secrets.token_hex
    secrets.token_hex = lambda _bytes: hashlib.sha256(name.encode()).hexdigest()
    try:
        yield
    finally:
        secrets.token_hex = original


def make(name: str, subnet: str = "192.168.30.0/24", **fields: Any) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        with _same_id(name):
            await embedded(stage, "network.create", {"name": name, "subnets": [subnet], **fields})

    return act


OPEN = make("web", options={"parent": "eth0.30", "host_access": "true"})
WEB = make("web", options={"parent": "eth0.30"})
CAREFUL = make("web", options={"parent": "eth0.30", "conflict_check": "probe"})
DATABASE = make("db", "10.7.0.0/16", options={"parent": "eth1"})


def network_call(call: str, **body: Any) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        await embedded(stage, call, body)

    return act


def attach(network: str = "web", place: str = BLUE) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        path = await stage.open(place)
        body = {
            "attachment": {"network": network},
            "namespace": path,
            "name": place,
            "hosts": stage.hosts(place),
        }
        await embedded(stage, "attach", body)

    return act


def detach(network: str = "web", place: str = BLUE) -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        await embedded(stage, "detach", {"network": network, "namespace": await stage.open(place)})

    return act


def started(*networks: str, name: str = "one", ip: str = "") -> Act:
    async def act(stage: Stage, attempt: int) -> None:
        place = f"{name}{attempt}"
        await stage.open(place)
        body = {
            "id": hashlib.sha256(place.encode()).hexdigest(),
            "name": name,
            "hostname": name,
            "command": ["sh"],
            "root_filesystem": "alpine",
            "process": stage.process(place),
            "supervisor": 1,
            "removed_at_end": False,
            "attachments": [{"network": one, "ip": ip} for one in networks],
            "hosts": stage.hosts(place),
        }
        await embedded(stage, "sandbox.start", body)

    return act


async def abandoned(stage: Stage, attempt: int) -> None:
    """The supervisor got no answer: it ends what it started and says so (`sandbox/supervisor.py`)."""
    place = f"one{attempt}"
    identity = hashlib.sha256(place.encode()).hexdigest()
    await stage.end(place)
    await embedded(stage, "sandbox.ended", {"id": identity, "exit_status": 125})
    with suppress(RefusedError):
        await embedded(stage, "sandbox.remove", {"sandbox": identity})


async def sandbox_ended(stage: Stage, attempt: int) -> None:
    identity = hashlib.sha256(b"one1").hexdigest()
    await stage.end("one1")
    await embedded(stage, "sandbox.ended", {"id": identity, "exit_status": 0})


VLAN = create_network(NETWORK, "eth0.20")
TWO_TAGS = create_network(NETWORK, "eth0.100.20", vlan_protocol="802.1ad")
INSIDE = create_network(SHARING, "eth0.100.20")
ON_OUTER_TAG = create_network(NETWORK, "eth0.100", ipvlan_mode="l3")
CONNECT = network_call("network.connect", attachment={"network": "db"}, sandbox="one")
DISCONNECT = network_call("network.disconnect", network="db", sandbox="one")
LEASING = make("lan", options={"parent": "eth0", "addressing": "dhcp"}, subnets=[])
LEASED_ALREADY = r"network lan has a member blue already"
ON_ALREADY = r"is on network \w+ already, with "

OPERATIONS: dict[str, Operation] = {
    "docker: create a network on a new VLAN": Operation((), VLAN),
    "docker: create an isolated network": Operation((), create_network(ISOLATED, "", internal=True)),
    "docker: create a network on eth0": Operation((), create_network(NETWORK, "eth0")),
    "docker: create a network on a shared VLAN": Operation((create_network(SHARING, "eth0.20"),), VLAN),
    "docker: delete a network on a VLAN": Operation((VLAN,), delete_network()),
    "docker: delete a network on a shared VLAN": Operation(
        (create_network(SHARING, "eth0.20"), VLAN), delete_network()
    ),
    "docker: create a network with two tags": Operation((), TWO_TAGS),
    "docker: delete a network with two tags": Operation((TWO_TAGS,), delete_network()),
    "docker: delete one of two networks inside a tag": Operation(
        (create_network(SHARING, "eth0.100.30", vlan_protocol="802.1ad"), TWO_TAGS), delete_network()
    ),
    "docker: create a routed network on an outer tag": Operation((INSIDE,), ON_OUTER_TAG),
    "docker: delete a routed network on an outer tag": Operation((INSIDE, ON_OUTER_TAG), delete_network()),
    "docker: delete a network with a port": Operation((VLAN, create_endpoint(), join()), delete_network()),
    "docker: create an endpoint": Operation((VLAN,), create_endpoint()),
    "docker: create an endpoint whose address is asked for": Operation(
        (create_network(NETWORK, "eth0.20", conflict_check="probe"),), create_endpoint()
    ),
    "docker: create an endpoint over a dead one": Operation(
        (VLAN, create_endpoint(DEAD), join(DEAD), ended("dead")), create_endpoint()
    ),
    "docker: join": Operation((VLAN, create_endpoint()), join()),
    "docker: join again": Operation((VLAN, create_endpoint(), join()), join()),
    "docker: leave": Operation((VLAN, create_endpoint(), join(), taken(), given_back()), endpoint_call("Leave")),
    "docker: leave a sandbox that kept the port": Operation(
        (VLAN, create_endpoint(), join(), taken()), endpoint_call("Leave")
    ),
    "docker: a parent is made anew": Operation(
        (VLAN, create_endpoint(), join(), taken(), set_up(), parent_lost), parent_returned
    ),
    "docker: delete an endpoint": Operation((VLAN, create_endpoint()), endpoint_call("DeleteEndpoint")),
    "docker: delete an endpoint with a port": Operation(
        (VLAN, create_endpoint(), join()), endpoint_call("DeleteEndpoint")
    ),
    "docker: create a network with host access": Operation((), create_open_network),
    "docker: delete a network with host access": Operation(
        (create_open_network, create_endpoint(), join()), delete_network()
    ),
    "docker: join a network with host access": Operation((create_open_network, create_endpoint()), join()),
    "docker: leave a network with host access": Operation(
        (create_open_network, create_endpoint(), join(), taken(), given_back()), endpoint_call("Leave")
    ),
    "docker: create an endpoint with a lease": Operation(
        (create_leasing_network,), on_a_segment(create_leasing_endpoint)
    ),
    "docker: delete an endpoint with a lease": Operation(
        (create_leasing_network, on_a_segment(create_leasing_endpoint)), on_a_segment(endpoint_call("DeleteEndpoint"))
    ),
    "docker: request a pool": Operation((), request_pool()),
    "docker: request a pool again": Operation((request_pool(),), request_pool()),
    "docker: release a pool": Operation((request_pool(),), release_pool),
    "docker: release a pool of two networks": Operation((request_pool(), request_pool()), release_pool),
    "docker: request a gateway": Operation((request_pool(),), request_address(**GATEWAY)),
    "docker: request an address": Operation((request_pool(),), request_address(), chooses=True),
    "docker: request an address that is asked for": Operation(
        (request_pool("eth0", conflict_check="probe"),), request_address(), chooses=True
    ),
    "docker: request this address": Operation((request_pool("eth0"),), request_address("192.168.20.9", **NAMED)),
    "docker: release an address": Operation((request_pool(), request_address()), release_address),
    "docker: release gateway and pool of one of two networks": Operation(
        (request_pool(), request_pool(), request_address(**GATEWAY), request_address(**GATEWAY)),
        release_gateway_and_pool,
    ),
    "embedded: forget a network of Docker's": Operation(
        (create_network(NETWORK, "eth0.20"), create_endpoint(ENDPOINT, NETWORK, ADDRESS)),
        network_call("network.forget", name=NETWORK),
        "does not exist",
    ),
    "embedded: forget a pool of Docker's": Operation(
        (request_pool(),), network_call("network.forget", name=POOL, pool=True), "does not exist"
    ),
    "embedded: create a network on a new VLAN": Operation((), WEB, "network web exists already"),
    "embedded: create an isolated network": Operation((), make("web", internal=True), "network web exists already"),
    "embedded: create a network with two tags": Operation(
        (), make("web", options={"parent": "eth0.100.20"}), "network web exists already"
    ),
    "embedded: remove a network": Operation(
        (WEB,), network_call("network.remove", network="web"), "network web does not exist"
    ),
    "embedded: prune networks": Operation((WEB, make("two", internal=True)), network_call("network.prune")),
    "embedded: create a network with host access": Operation((), OPEN, "network web exists already"),
    "embedded: attach to a network with host access": Operation(
        (OPEN, attach(place=GREEN)), attach(), ON_ALREADY, chooses=True
    ),
    "embedded: detach from a network with host access": Operation(
        (OPEN, attach(place=GREEN), attach()), detach(), "is not on network web"
    ),
    "embedded: attach": Operation((WEB, attach(place=GREEN)), attach(), ON_ALREADY, chooses=True),
    "embedded: attach where addresses are asked for": Operation(
        (CAREFUL, attach(place=GREEN)), attach(), ON_ALREADY, chooses=True
    ),
    "embedded: attach to a second network": Operation(
        (WEB, DATABASE, attach()), attach("db"), ON_ALREADY, chooses=True
    ),
    "embedded: attach with a lease": Operation((LEASING,), on_a_segment(attach("lan")), LEASED_ALREADY),
    "embedded: detach with a lease": Operation(
        (LEASING, on_a_segment(attach("lan"))), on_a_segment(detach("lan")), "is not on network lan"
    ),
    "embedded: detach": Operation((WEB, attach(place=GREEN), attach()), detach(), "is not on network web"),
    "embedded: detach from the network with the default route": Operation(
        (WEB, DATABASE, attach(), attach("db")), detach(), "is not on network web"
    ),
    "embedded: parents are made anew": Operation(
        (WEB, make("db", "10.7.0.0/16", options={"parent": "eth1.40"}), attach(), attach("db"), parent_lost),
        parent_returned,
    ),
    "embedded: run": Operation((WEB, DATABASE), started("web", "db"), give_up=abandoned, chooses=True),
    "embedded: run with an address": Operation((WEB,), started("web", ip="192.168.30.77"), give_up=abandoned),
    "embedded: remove a sandbox with an address": Operation(
        (WEB, started("web", ip="192.168.30.77"), sandbox_ended),
        network_call("sandbox.remove", sandbox="one"),
        "sandbox one does not exist",
    ),
    "embedded: run without a network": Operation((), started(), give_up=abandoned, chooses=True),
    "embedded: a sandbox ends": Operation((WEB, DATABASE, started("web", "db")), sandbox_ended),
    "embedded: remove a sandbox": Operation(
        (WEB, started("web"), sandbox_ended),
        network_call("sandbox.remove", sandbox="one"),
        "sandbox one does not exist",
    ),
    "embedded: connect": Operation((WEB, DATABASE, started("web")), CONNECT, ON_ALREADY, chooses=True),
    "embedded: disconnect": Operation((WEB, DATABASE, started("web", "db")), DISCONNECT, "is not on network db"),
}

BYSTANDERS: tuple[Act, ...] = (
    create_network(BYSTANDER, "eth1.7", subnet="192.168.7.0/24"),
    create_endpoint(CONTAINER, BYSTANDER, "192.168.7.10/24"),
    join(CONTAINER, BYSTANDER),
    taken(CONTAINER),
)
"""Somebody else's network and container, which every fault must leave alone."""
