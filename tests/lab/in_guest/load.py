"""Load for the daemon of this machine, from one caller or many: `load.py {callers|cycles}` prints JSON."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from callers import BrokenPromiseError, Picture, run_callers

STATE = "/var/lib/ipvl/state.db"
SOCKETS = {"docker": "/run/docker/plugins/ipvl.sock", "control": "/run/ipvl/control.sock"}
WITHIN = 120


class RealHost:
    """The daemon and the kernel of this machine."""

    async def ask(self, door: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return status and decoded body of a POST."""
        content = json.dumps(body)
        head = f"POST {target} HTTP/1.1\r\nHost: ipvl\r\nConnection: close\r\nContent-Length: {len(content)}\r\n\r\n"
        async with asyncio.timeout(WITHIN):
            reader, writer = await asyncio.open_unix_connection(SOCKETS[door])
            writer.write((head + content).encode())
            answer = await reader.read()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        first, _, text = answer.partition(b"\r\n\r\n")
        return int(first.split()[1]), json.loads(text)

    def picture(self) -> Picture:
        """Look."""
        store = sqlite3.connect(f"file:{STATE}?mode=ro", uri=True)
        with contextlib.closing(store):
            networks = frozenset(store.execute("SELECT id, parent, mode, phase FROM networks"))
            parents = frozenset((name, bool(made)) for name, made in store.execute("SELECT name, made FROM parents"))
            parent_of = {identity: parent for identity, parent, *_ in networks}
            addresses: dict[str, list[str]] = {}
            for identity, address in store.execute("SELECT endpoint_id, address FROM addresses"):
                addresses.setdefault(identity, []).append(address.partition("/")[0])
            endpoints = frozenset(
                (identity, parent_of[network], tuple(addresses.get(identity, ())), port)
                for identity, network, port in store.execute("SELECT id, network_id, port FROM endpoints")
            )
        links = links_of("ip -d -j link")
        ports = [link for link in links if kind_of(link) == "ipvlan"]
        inside: dict[str, int] = {}
        for one in json.loads(output("ip -j netns list") or "[]"):
            if one["name"].startswith("caller"):
                found = [link for link in links_of(f"ip -n {one['name']} -d -j link") if kind_of(link) == "ipvlan"]
                if found:
                    inside[f"/run/netns/{one['name']}"] = len(found)
        return Picture(
            networks,
            parents,
            endpoints,
            frozenset(link["ifname"] for link in links if link.get("ifalias") == "made by ipvl"),
            frozenset(link["ifname"] for link in ports),
            inside,
        )


def output(command: str) -> str:
    """Return what a program prints."""
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def links_of(command: str) -> list[dict[str, Any]]:
    """Return the links that `ip` lists."""
    return [link for link in json.loads(output(command) or "[]") if link]


def kind_of(link: dict[str, Any]) -> str | None:
    """Return the kind of a link."""
    return link.get("linkinfo", {}).get("info_kind")


def figures(process: int) -> dict[str, int]:
    """Return what the daemon holds: kibibytes of memory, open files; and what there is of links and rows."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    (memory,) = (int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    store = sqlite3.connect(f"file:{STATE}?mode=ro", uri=True)
    with contextlib.closing(store):
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        # The cursor of a network moves with every address, and is one row.
        rows = sum(store.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables)
    return {
        "memory": memory,
        "files": len(tuple(Path(f"/proc/{process}/fd").iterdir())),
        "links": len(links_of("ip -j link")),
        "rows": rows,
        "state": Path(STATE).stat().st_size,
    }


async def run_cycles(host: RealHost, cycles: int, process: int, namespace: str) -> list[dict[str, int]]:
    """Attach and detach so many times, by turns as Docker and as the command; return figures of five instants."""
    await host.ask("control", "/calls/network.create", {
        "name": "cycles", "subnets": ["10.78.0.0/16"], "options": {"parent": "eth0.50"},
    })  # fmt: skip
    network = "c" * 64
    await host.ask("docker", "/NetworkDriver.CreateNetwork", {
        "NetworkID": network, "Options": {"com.docker.network.generic": {"parent": "eth0.50"}},
        "IPv4Data": [{"Pool": "10.79.0.0/16", "Gateway": "10.79.0.1/16"}],
    })  # fmt: skip
    found = []
    for cycle in range(cycles):
        if cycle % 2:
            identity = f"{cycle:064x}"
            both = {"NetworkID": network, "EndpointID": identity}
            address = f"10.79.{cycle // 250 % 250 + 1}.{cycle % 250 + 1}/16"
            calls = [
                ("docker", "/NetworkDriver.CreateEndpoint", both | {"Interface": {"Address": address}}),
                ("docker", "/NetworkDriver.Join", both | {"SandboxKey": f"/var/run/docker/netns/{cycle:012x}"}),
                ("docker", "/NetworkDriver.Leave", both),
                ("docker", "/NetworkDriver.DeleteEndpoint", both),
            ]
        else:
            wish = {"attachment": {"network": "cycles"}, "namespace": namespace}
            calls = [("control", "/calls/attach", wish)]
            calls += [("control", "/calls/detach", {"network": "cycles", "namespace": namespace})]
        for door, target, body in calls:
            status, answer = await host.ask(door, target, body)
            if status != 200 or answer.get("Err"):
                raise BrokenPromiseError(f"cycle {cycle}: {target}: {status} {answer}")
        if (cycle + 1) % (cycles // 5) == 0:
            found.append(figures(process))
    await host.ask("control", "/calls/network.remove", {"network": "cycles"})
    await host.ask("docker", "/NetworkDriver.DeleteNetwork", {"NetworkID": network})
    return found


def main() -> int:
    """Print as JSON what was called how often, or the figures of the daemon; 1 with a sentence on a broken promise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["callers", "cycles"])
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--process", type=int, default=0)
    chosen = parser.parse_args()
    names = [f"caller{number}" for number in range(chosen.callers if chosen.what == "callers" else 1)]
    subprocess.run(["ip", "-batch", "-"], input="".join(f"netns add {name}\n" for name in names), text=True, check=True)
    try:
        host = RealHost()
        paths = [f"/run/netns/{name}" for name in names]
        if chosen.what == "cycles":
            found: object = asyncio.run(run_cycles(host, chosen.cycles, chosen.process, paths[0]))
        else:
            work = run_callers(
                host,
                callers=chosen.callers,
                rounds=chosen.rounds,
                seconds=chosen.seconds,
                seed=chosen.seed,
                namespaces=paths,
            )
            found = asyncio.run(work)
        json.dump(found, sys.stdout)
    except BrokenPromiseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        subprocess.run(
            ["ip", "-batch", "-"], input="".join(f"netns del {name}\n" for name in names), text=True, check=True
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
