"""Many callers at once, who do at random what Docker and the `ipvl` command do, and a model of what must be then.

They run in the lab against the real daemon and kernel (`load.py`), with nothing but Python's standard library, and in
unit tests against the doors over a fake kernel.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

PARENTS = ("eth0", "eth0.30", "eth0.31", "eth1.40", "eth1")
MODES = {"eth0": "l2", "eth0.30": "l2", "eth0.31": "l3", "eth1.40": "l3s", "eth1": "l2"}
WRONG = 0.1
"""How often a network asks for a mode that others of its parent do not have."""
SHARED_NAMES = 12
REFUSALS = {"invalid", "conflict", "missing"}


class BrokenPromiseError(Exception):
    """Something is not as the model says."""


@dataclass(frozen=True)
class Picture:
    """What is recorded and what there is, as both a real host and a fake one can tell.

    `networks` are (id, parent, mode, phase), `parents` (name, made by ipvl), `endpoints` (id, parent, addresses, port),
    `made` the links with ipvl's mark, `host_ports` those in the host's namespace, `inside` how many are in each other.
    """

    networks: frozenset[tuple[str, str, str, str]]
    parents: frozenset[tuple[str, bool]]
    endpoints: frozenset[tuple[str, str, tuple[str, ...], str]]
    made: frozenset[str]
    host_ports: frozenset[str]
    inside: dict[str, int]


class Host(Protocol):
    """Where the daemon runs."""

    async def ask(self, door: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return status and decoded body of a POST."""

    def picture(self) -> Picture:
        """Look."""


@dataclass
class Model:
    """What all callers together have been granted."""

    endpoints: dict[str, tuple[str, ...]] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)
    attached: Counter[str] = field(default_factory=Counter)
    networks: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)

    def check(self, seen: Picture) -> None:
        """Compare with a host on which no call is under way.

        Raises:
            BrokenPromiseError: something is lost, left over, used twice or half done.
        """
        used = Counter((parent, address) for _, parent, addresses, _ in seen.endpoints for address in addresses)
        expect("addresses used twice on a parent", [], [one for one, times in used.items() if times > 1])
        expect("networks", self.networks, {identity for identity, *_ in seen.networks})
        expect("phases", set(), {phase for *_, phase in seen.networks} - {"ready"})
        expect("endpoints", set(self.endpoints), {identity for identity, *_ in seen.endpoints})
        for identity, _, addresses, _ in seen.endpoints:
            expect(f"addresses of {identity}", set(self.endpoints[identity]), set(addresses))
        expect("parents with networks", {name for name, _ in seen.parents}, {parent for _, parent, *_ in seen.networks})
        modes = {(parent, mode) for _, parent, mode, _ in seen.networks}
        expect("modes of a parent", len(seen.parents), len(modes))
        expect("links that ipvl made", {name for name, made in seen.parents if made}, set(seen.made))
        ports = {port for identity, _, _, port in seen.endpoints if identity in self.joined}
        expect("ports in the host's namespace", ports, set(seen.host_ports))
        expect("ports inside", +self.attached, +Counter(seen.inside))


def expect(what: str, expected: object, found: object) -> None:
    """Compare.

    Raises:
        BrokenPromiseError: they differ.
    """
    if isinstance(expected, set) and isinstance(found, set) and expected != found:
        raise BrokenPromiseError(f"{what}: missing {sorted(expected - found)}, too many {sorted(found - expected)}")
    if expected != found:
        raise BrokenPromiseError(f"{what}: expected {expected}, found {found}")


class Caller:
    """One who calls. What it makes at Docker's door is its own; the embedded networks are everybody's."""

    def __init__(self, number: int, host: Host, model: Model, seed: int, namespace: str) -> None:
        self._number = number
        self._host = host
        self._model = model
        self._chance = random.Random(f"{seed} {number}")  # noqa: S311 - the same every time
        self._namespace = namespace
        self._made = 0
        self._own_networks: dict[str, tuple[str, int]] = {}
        self._own_endpoints: dict[str, str] = {}
        self._on: dict[str, str] = {}

    async def act(self) -> None:
        """Do one thing.

        Raises:
            BrokenPromiseError: the answer is none that a caller could act on.
        """
        actions = [self._create_network, self._delete_network, self._create_endpoint, self._create_endpoint]
        actions += [
            self._join_again,
            self._delete_endpoint,
            self._create_shared,
            self._remove_shared,
            self._attach,
            self._attach,
        ]
        actions += [self._detach, self._look]
        await self._chance.choice(actions)()

    async def clean_up(self) -> None:
        """Remove what is this caller's own."""
        for identity in tuple(self._own_endpoints):
            await self._end_endpoint(identity)
        for network in tuple(self._own_networks):
            await self._docker("DeleteNetwork", NetworkID=network)
            self._model.networks.discard(network)
        for network in tuple(self._on):
            await self._leave_shared(network)
        self._own_networks.clear()

    async def _docker(self, method: str, **body: Any) -> bool:
        status, answer = await self._host.ask("docker", f"/NetworkDriver.{method}", body)
        self._model.calls[f"{method} {'refused' if answer.get('Err') else 'done'}"] += 1
        if status != 200:
            raise BrokenPromiseError(f"{method} {body}: status {status}, {answer}")
        if " ipvl failed" in answer.get("Err", "") or "kernel refused" in answer.get("Err", ""):
            raise BrokenPromiseError(f"{method} {body}: {answer}")
        return not answer.get("Err")

    async def _control(self, call: str, body: dict[str, Any]) -> Any:
        status, answer = await self._host.ask("control", f"/calls/{call}", body)
        self._model.calls[f"{call} {'done' if status == 200 else 'refused'}"] += 1
        if status != 200 and answer.get("kind") not in REFUSALS:
            raise BrokenPromiseError(f"{call} {body}: status {status}, {answer}")
        return answer if status == 200 else None

    def _identity(self) -> str:
        self._made += 1
        return f"{self._number:04x}{self._made:08x}" + "0" * 52

    def _parent(self) -> tuple[str, str]:
        parent = self._chance.choice(PARENTS)
        mode = self._chance.choice(("l2", "l3", "l3s")) if self._chance.random() < WRONG else MODES[parent]
        return parent, mode

    async def _create_network(self) -> None:
        parent, mode = self._parent()
        third = self._chance.randrange(4)
        options = {"ipvlan_mode": mode} | ({} if self._chance.random() < WRONG else {"parent": parent})
        identity = self._identity()
        pools = [{"Pool": f"10.77.{third}.0/24", "Gateway": f"10.77.{third}.1/24"}]
        if await self._docker(
            "CreateNetwork", NetworkID=identity, Options={"com.docker.network.generic": options}, IPv4Data=pools
        ):
            self._own_networks[identity] = (parent, third)
            self._model.networks.add(identity)

    async def _delete_network(self) -> None:
        empty = [one for one in self._own_networks if one not in self._own_endpoints.values()]
        if empty:
            network = self._chance.choice(empty)
            if await self._docker("DeleteNetwork", NetworkID=network):
                del self._own_networks[network]
                self._model.networks.discard(network)

    async def _create_endpoint(self) -> None:
        """As Docker does: an endpoint joins a sandbox, or is deleted at once."""
        if self._own_networks:
            network = self._chance.choice(sorted(self._own_networks))
            _, third = self._own_networks[network]
            identity = self._identity()
            address = f"10.77.{third}.{self._chance.randrange(2, 60)}"
            both = {"NetworkID": network, "EndpointID": identity}
            if await self._docker("CreateEndpoint", **both, Interface={"Address": f"{address}/24"}):
                self._own_endpoints[identity] = network
                self._model.endpoints[identity] = (address,)
                if self._chance.random() < WRONG or not await self._docker("Join", **both, SandboxKey=self._namespace):
                    await self._end_endpoint(identity)
                else:
                    self._model.joined.add(identity)

    async def _join_again(self) -> None:
        if self._own_endpoints:
            identity = self._chance.choice(sorted(self._own_endpoints))
            both = {"NetworkID": self._own_endpoints[identity], "EndpointID": identity}
            if not await self._docker("Leave", **both) or not await self._docker(
                "Join", **both, SandboxKey=self._namespace
            ):
                raise BrokenPromiseError(f"endpoint {identity} could not leave and join again")

    async def _delete_endpoint(self) -> None:
        if self._own_endpoints:
            await self._end_endpoint(self._chance.choice(sorted(self._own_endpoints)))

    async def _end_endpoint(self, identity: str) -> None:
        both = {"NetworkID": self._own_endpoints[identity], "EndpointID": identity}
        if identity in self._model.joined and not await self._docker("Leave", **both):
            raise BrokenPromiseError(f"endpoint {identity} could not leave")
        self._model.joined.discard(identity)
        if not await self._docker("DeleteEndpoint", **both):
            raise BrokenPromiseError(f"endpoint {identity} could not be deleted")
        del self._own_endpoints[identity]
        del self._model.endpoints[identity]

    def _shared(self) -> str:
        return f"shared{self._chance.randrange(SHARED_NAMES)}"

    async def _create_shared(self) -> None:
        parent, mode = self._parent()
        third = self._chance.randrange(4)
        body = {"name": self._shared(), "subnets": [f"10.77.{third}.0/24"], "gateways": [f"10.77.{third}.1"]}
        answer = await self._control("network.create", body | {"options": {"parent": parent, "ipvlan_mode": mode}})
        if answer is not None:
            self._model.networks.add(answer["id"])

    async def _remove_shared(self) -> None:
        name = self._shared()
        view = await self._control("network.inspect", {"network": name})
        # By its id: another network may have the name by now.
        if view is not None and await self._control("network.remove", {"network": view["id"]}) is not None:
            self._model.networks.discard(view["id"])

    async def _attach(self) -> None:
        name = self._shared()
        wish = {"attachment": {"network": name}, "namespace": self._namespace, "name": f"caller{self._number}"}
        member = await self._control("attach", wish)
        if member is not None:
            self._on[name] = member["id"]
            self._model.endpoints[member["id"]] = tuple(one.partition("/")[0] for one in member["addresses"])
            self._model.attached[self._namespace] += 1

    async def _detach(self) -> None:
        name = self._chance.choice(sorted(self._on) or [self._shared()])
        await self._leave_shared(name)

    async def _leave_shared(self, name: str) -> None:
        if await self._control("detach", {"network": name, "namespace": self._namespace}) is not None:
            del self._model.endpoints[self._on.pop(name)]
            self._model.attached[self._namespace] -= 1

    async def _look(self) -> None:
        await self._control("network.list", {})


async def run_callers(
    host: Host, *, callers: int, rounds: int, seconds: float, seed: int, namespaces: list[str]
) -> Counter[str]:
    """Let callers act, with a look at everything after each round, and clean up; return what was called how often.

    Ends after so many rounds, or with the round in which the seconds are over.

    Raises:
        BrokenPromiseError: anything was not as it must be.
    """
    model = Model()
    crowd = [Caller(number, host, model, seed, namespaces[number]) for number in range(callers)]
    end = time.monotonic() + seconds
    for _ in range(rounds):
        await asyncio.gather(*(caller.act() for caller in crowd))
        model.check(host.picture())
        if time.monotonic() > end:
            break
    await asyncio.gather(*(caller.clean_up() for caller in crowd))
    for number in range(SHARED_NAMES):
        await host.ask("control", "/calls/network.remove", {"network": f"shared{number}"})
    seen = host.picture()
    left = [*seen.networks, *seen.endpoints, *seen.parents, *seen.made, *seen.host_ports, *seen.inside]
    expect("what is left at the end", [], left)
    return model.calls
