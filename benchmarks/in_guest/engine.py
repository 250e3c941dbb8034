"""Times what ipvl does for an endpoint of Docker's beside the bare netlink requests for the same link: JSON out.

Both on one dummy parent in a network namespace of this program's own, ipvl with its state on the disk as the daemon has
it: two commits for create and join, two for leave and delete. What Docker does between, such as moving the port, is
neither's. Usage: python3 engine.py FOLDER ROUNDS
"""

import asyncio
import json
import sys
import time
from contextlib import closing
from pathlib import Path

from pyroute2 import AsyncIPRoute

from ipvl.driver.endpoints import create_join_leave
from ipvl.driver.engine import Engine
from ipvl.driver.interfaces import SandboxEffects
from ipvl.driver.networks.create_remove import create_network
from ipvl.kernel.host_kernel import open_host_kernel
from ipvl.options.endpoint import parse_endpoint
from ipvl.options.network import parse_network
from ipvl.options.subnets import SubnetText
from ipvl.store.state_file import open_store
from ipvl.system_calls import CLONE_NEWNET, unshare

PARENT = "eth0"
SANDBOX = "/run/netns/none"
NETWORK = "a" * 64
MAKE, REMOVE = "make", "remove"


async def main(folder: Path, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of each round of both."""
    found: dict[str, dict[str, list[float]]] = {MAKE: {"ipvl": [], "netlink": []}, REMOVE: {"ipvl": [], "netlink": []}}
    with closing(open_store(folder / "state.db")) as store:
        async with AsyncIPRoute() as bare, open_host_kernel() as kernel:
            await bare.link("add", ifname=PARENT, kind="dummy")
            engine = Engine(kernel, store, time.time, SandboxEffects(*[lambda *_: None] * 4))
            wish = parse_network(
                NETWORK,
                {"parent": PARENT},
                [SubnetText("10.0.0.0/16", "10.0.0.1")],
                internal=False,
                door="docker",
                created=time.time(),
            )
            await create_network(engine, wish)
            for number in range(-1, rounds):
                times = [*await of_ipvl(engine, number + 10), *await of_netlink(bare)]
                if number >= 0:
                    found[MAKE]["ipvl"].append(times[0])
                    found[REMOVE]["ipvl"].append(times[1])
                    found[MAKE]["netlink"].append(times[2])
                    found[REMOVE]["netlink"].append(times[3])
    return found


async def of_ipvl(engine: Engine, number: int) -> tuple[float, float]:
    """Return the seconds of create and join, and of leave and delete."""
    identity = f"{number:064x}"
    began = time.perf_counter()
    address = (f"10.0.1.{number}/16", "")
    wish = parse_endpoint(identity, engine.network(NETWORK), address, mac="", options={}, changed=engine.clock())
    await create_join_leave.create_endpoint(engine, wish)
    await create_join_leave.join(engine, NETWORK, identity, SANDBOX)
    between = time.perf_counter()
    await create_join_leave.leave(engine, NETWORK, identity)
    await create_join_leave.delete_endpoint(engine, NETWORK, identity)
    return between - began, time.perf_counter() - between


async def of_netlink(bare: AsyncIPRoute) -> tuple[float, float]:
    """Return the seconds of looking up the parent and making a port, and of removing it."""
    began = time.perf_counter()
    (parent,) = await bare.link("get", ifname=PARENT)
    await bare.link("add", ifname="bare", kind="ipvlan", link=parent["index"], ipvlan_mode=0)
    between = time.perf_counter()
    (port,) = await bare.link("get", ifname="bare")
    await bare.link("del", index=port["index"])
    return between - began, time.perf_counter() - between


if __name__ == "__main__":
    unshare(CLONE_NEWNET)
    json.dump(asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]))), sys.stdout)
