"""How ipvl's own time and memory grow with what it keeps: natively, with the real store and a kernel that is instant.

    python -m benchmarks.scale attach ENDPOINTS NETWORKS PARENTS DOOR
    python -m benchmarks.scale start ENDPOINTS NETWORKS PARENTS
    python -m benchmarks.scale addresses

Each prints its figures as JSON, and is a process of its own, so that its memory is its own too.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from ipaddress import IPv4Interface, IPv4Network, ip_network
from pathlib import Path

from benchmarks.instant_kernel import InstantKernel
from ipvl.addresses.intervals import Intervals
from ipvl.addresses.next_address import next_free_address
from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.engine import Engine
from ipvl.driver.interfaces import SandboxEffects
from ipvl.embedded import attach_detach, call_messages
from ipvl.embedded.reconcile_members import reconcile_all, write_all_hosts_files
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.embedded.sandboxes import end_gone_sandboxes
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import DOCKER, Flag, Mode, Network, Parent, ParentKind, Phase, Subnet
from ipvl.options.endpoint import port_name
from ipvl.records.changes import Put
from ipvl.store.state_file import open_store

ON_DISK = "/var/tmp"
SAMPLES = 100
BATCH = 1000
FIRST_INODE = 4026532000
FIRST_ADDRESS = 10
"""The hosts' part of the first endpoint's address: those below are the gateway's and of nobody."""
FULL = ip_network("10.9.0.0/16")


class ConnectionCounter:
    """Networks with endpoints in sandboxes, spread evenly.

    Args:
        size: how many endpoints.
        networks: how many networks they are on.
        parents: how many links the networks share.
        door: whose they are.
    """

    def __init__(self, size: int, networks: int, parents: int, door: str = DOCKER) -> None:
        self.size = size
        self.kernel = InstantKernel(f"eth{number}" for number in range(parents))
        prefix = 16 if networks == 1 else 24
        self.networks = [
            _network(
                number, IPv4Network(((10 << 24) + (number << (32 - prefix)), prefix)), f"eth{number % parents}", door
            )
            for number in range(networks)
        ]

    def endpoint(self, number: int) -> Endpoint:
        """Return the endpoint with this number, in a sandbox of its own."""
        network = self.networks[number % len(self.networks)]
        pool = network.subnets[0].pool
        address = pool.network_address + FIRST_ADDRESS + number // len(self.networks)
        identity = f"{number + 1:064x}"
        return Endpoint(
            id=identity,
            network_id=network.id,
            addresses=(IPv4Interface(f"{address}/{pool.prefixlen}"),),
            port=port_name(identity[::-1]),
            interface_prefix="eth",
            changed=time.time(),
            name=f"member{number}",
            sandbox=_sandbox(number),
            inode=None if network.is_dockers else FIRST_INODE + number,
            interface=None if network.is_dockers else "eth0",
        )

    def settle(self, engine: Engine) -> None:
        """Record the networks and endpoints, in few commits."""
        parents = dict.fromkeys(network.parent for network in self.networks)
        engine.commit([Put(Parent(name, ParentKind.LINK, made=False)) for name in parents])
        engine.commit([Put(network) for network in self.networks])
        for start in range(0, self.size, BATCH):
            numbers = range(start, min(start + BATCH, self.size))
            engine.commit([Put(self.endpoint(number)) for number in numbers])


def attach(size: int, networks: int, parents: int, door: str) -> dict[str, float]:
    """Return the milliseconds of one more endpoint, made and in its sandbox, and of its end."""
    crowd = ConnectionCounter(size, networks, parents, door)
    one = _docker if door == DOCKER else _embedded

    async def measure() -> dict[str, float]:
        with _state() as file, _engine(file, crowd) as engine:
            crowd.settle(engine)
            times = [await one(engine, crowd, size + number) for number in range(SAMPLES)]
        attached, detached = zip(*times, strict=True)
        return {"attach": statistics.median(attached) * 1000, "detach": statistics.median(detached) * 1000}

    return asyncio.run(measure())


async def _docker(engine: Engine, crowd: ConnectionCounter, number: int) -> tuple[float, float]:
    wish = replace(crowd.endpoint(number), sandbox=None)
    began = time.perf_counter()
    await create_join_leave.create_endpoint(engine, wish)
    await create_join_leave.join(engine, wish.network_id, wish.id, _sandbox(number))
    between = time.perf_counter()
    await create_join_leave.leave(engine, wish.network_id, wish.id)
    await create_join_leave.delete_endpoint(engine, wish.network_id, wish.id)
    return between - began, time.perf_counter() - between


async def _embedded(engine: Engine, crowd: ConnectionCounter, number: int) -> tuple[float, float]:
    network = crowd.networks[number % len(crowd.networks)].id
    began = time.perf_counter()
    await attach_detach.attach(
        engine, call_messages.Attach(NetworkAttachment(network), _sandbox(number), f"new{number}", "")
    )
    between = time.perf_counter()
    await attach_detach.detach(engine, call_messages.Detach(network, _sandbox(number)))
    return between - began, time.perf_counter() - between


def start(size: int, networks: int, parents: int) -> dict[str, float]:
    """Return the seconds from opening the state to everything compared, and the process's memory in MiB then."""
    crowd = ConnectionCounter(size, networks, parents)
    with _state() as file:
        # Made in a process of its own: what making costs is not what keeping costs.
        _in_child(lambda: _fill(file, crowd))
        importlib.import_module("ipvl.daemon.lifecycle")  # the memory of the whole daemon
        gc.disable()  # as the daemon does
        began = time.perf_counter()
        with _engine(file, crowd) as engine:
            asyncio.run(_recover(engine))
            seconds = time.perf_counter() - began
            resident = next(
                int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line
            )
            return {"start": seconds, "resident": resident / 1024, "kept": len(tuple(engine.records.endpoints()))}


def addresses() -> dict[str, float]:
    """Return the seconds of handing out a full /16, and what its last address costs beside its first."""
    held = Intervals()
    last = None
    times = []
    for _ in range(FULL.num_addresses - 2):
        began = time.perf_counter()
        last = next_free_address(FULL, held, last=last)
        assert last is not None
        held.add(int(last))
        times.append(time.perf_counter() - began)
    assert next_free_address(FULL, held, last=last) is None
    return {
        "seconds": sum(times),
        "first": statistics.median(times[:1000]) * 1e6,
        "last": statistics.median(times[-1000:]) * 1e6,
        "runs": len(list(held)),
    }


def _fill(file: Path, crowd: ConnectionCounter) -> None:
    with _engine(file, crowd) as engine:
        crowd.settle(engine)


async def _recover(engine: Engine) -> None:
    await reconcile_all(engine, ports=False)
    await end_gone_sandboxes(engine)
    write_all_hosts_files(engine)


def _in_child(work: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    os.waitpid(child, 0)


@contextmanager
def _state() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=ON_DISK) as folder:
        yield Path(folder, "state.db")


@contextmanager
def _engine(file: Path, crowd: ConnectionCounter) -> Iterator[Engine]:
    with closing(open_store(file)) as store:
        yield Engine(crowd.kernel, store, time.time, SandboxEffects(*[lambda *_: None] * 4))


def _sandbox(number: int) -> str:
    return f"/run/netns/{FIRST_INODE + number}"


def _network(number: int, pool: IPv4Network, parent: str, door: str) -> Network:
    return Network(
        id=f"{number + 1:064x}"[::-1],
        name=f"network{number}",
        door=door,
        parent=parent,
        mode=Mode.L2,
        flag=Flag.BRIDGE,
        isolated=False,
        subnets=(Subnet(pool),),
        mtu=None,
        interface_prefix="eth",
        created=time.time(),
        phase=Phase.READY,
    )


def main(what: str, *words: str) -> int:
    """Measure one thing and print it."""
    if what == "addresses":
        found = addresses()
    elif what == "start":
        found = start(*map(int, words))
    else:
        size, networks, parents, door = words
        found = attach(int(size), int(networks), int(parents), door)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
