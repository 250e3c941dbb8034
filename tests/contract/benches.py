"""Kernels to be tested, and the way to put links on them that ipvl did not make."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import AsyncIPRoute, netns

from ipvl.errors import IpvlError, Kind
from ipvl.kernel.host_kernel import HostKernel, open_host_kernel
from ipvl.model.links import Link
from ipvl.model.steps import Step
from tests.contract.fake_kernel import FakeKernel
from tests.contract.own_namespace import in_own_namespace


class FakeBench:
    """The fake kernel."""

    def __init__(self, kinds: frozenset[str] | None = None) -> None:
        self.kernel = FakeKernel() if kinds is None else FakeKernel(kinds=kinds)

    async def add(self, name: str, kind: str, on: str | None = None, **fields: Any) -> None:
        self.kernel.add(name, kind, on, **{"up": False, **fields})

    async def change(self, name: str, **fields: Any) -> None:
        self.kernel.change(name, **fields)

    async def also_call(self, name: str, *names: str) -> None:
        self.kernel.change(name, altnames=names)

    async def add_address(self, name: str, address: str) -> None:
        self.kernel.add_address(address, name)

    async def add_segment(self, name: str, mac: str, *addresses: str) -> None:
        self.kernel.add(name)
        for address in addresses:
            self.kernel.add_neighbour(name, address, mac)

    async def add_route(self, name: str, destination: str, metric: int = 0) -> None:
        self.kernel.add_route(destination, name, connected=True, metric=metric)

    async def join(self, name: str, master: str) -> None:
        self.kernel.change(name, master_kind=self.kernel.link(master).kind)

    async def open(self, sandbox: str) -> str:
        path = f"/run/netns/{sandbox}"
        self.kernel.open_sandbox(path)
        return path

    async def move(self, name: str, sandbox: str) -> str:
        path = await self.open(sandbox)
        self.kernel.take(name, path, name)
        return path

    async def bring_up(self, name: str, path: str) -> None:
        self.kernel.change(name, path, up=True)


class HostBench:
    """The kernel of the machine, in a namespace of this test's own."""

    def __init__(self, kernel: HostKernel, socket: AsyncIPRoute) -> None:
        self.kernel = kernel
        self._socket = socket

    async def add(self, name: str, kind: str, on: str | None = None, **fields: Any) -> None:
        attributes = {} if on is None else {"link": (await self._existing(on)).index}
        if kind == "macvlan":
            attributes["macvlan_mode"] = "bridge"
        await self._socket.link("add", ifname=name, kind=kind, **attributes)
        if fields:
            await self.change(name, **fields)

    async def change(self, name: str, **fields: Any) -> None:
        attributes = {"alias": "ifalias", "up": "state", "mtu": "mtu"}
        values = {True: "up", False: "down"}
        await self._socket.link(
            "set",
            index=(await self._existing(name)).index,
            **{attributes[key]: values[value] if key == "up" else value for key, value in fields.items()},
        )

    async def also_call(self, name: str, *names: str) -> None:
        for one in names:
            ip(f"link property add dev {name} altname {one}")

    async def add_address(self, name: str, address: str) -> None:
        interface = ip_interface(address)
        await self._socket.addr(
            "add",
            index=(await self._existing(name)).index,
            address=str(interface.ip),
            prefixlen=interface.network.prefixlen,
        )

    async def add_segment(self, name: str, mac: str, *addresses: str) -> None:
        """Make a link with a machine at its other end that has these addresses."""
        lines = [
            "netns add beyond",
            f"link add {name} type veth peer name far address {mac} netns beyond",
            f"link set {name} up",
            "-n beyond link set far up",
            *(
                f"-n beyond address add {address}" + ("/64 dev far nodad" if ":" in address else "/24 dev far")
                for address in addresses
            ),
        ]
        for line in lines:
            ip(line)

    async def add_route(self, name: str, destination: str, metric: int = 0) -> None:
        link = await self._existing(name)
        await self._socket.route("add", dst=destination, oif=link.index, priority=metric)

    async def join(self, name: str, master: str) -> None:
        member, head = await self._existing(name), await self._existing(master)
        await self._socket.link("set", index=member.index, master=head.index)

    async def open(self, sandbox: str) -> str:
        netns.create(sandbox)
        return str(Path("/run/netns", sandbox))

    async def move(self, name: str, sandbox: str) -> str:
        path = await self.open(sandbox)
        await self._socket.link("set", index=(await self._existing(name)).index, net_ns_fd=sandbox)
        return path

    async def bring_up(self, name: str, path: str) -> None:
        ip(f"-n {Path(path).name} link set {name} up")

    async def _existing(self, name: str) -> Link:
        link = await self.kernel.find_link(name)
        assert link is not None, f"{name} does not exist"
        return link


def ip(line: str) -> None:
    """Run `ip` as it is typed."""
    subprocess.run(["ip", *line.split()], check=True)


Bench = FakeBench | HostBench
Promise = Callable[[Bench], Awaitable[None]]


def on_fake(promise: Promise) -> None:
    """Hold the fake kernel to a promise."""
    asyncio.run(promise(FakeBench()))


def on_host(promise: Promise) -> None:
    """Hold this machine's kernel to a promise."""

    async def check() -> None:
        # An announcement that never comes must not stop the tests for ever.
        async with (
            asyncio.timeout(30),
            open_host_kernel() as kernel,
            AsyncIPRoute(ext_ack=True, strict_check=True) as socket,
        ):
            await promise(HostBench(kernel, socket))

    in_own_namespace(lambda: asyncio.run(check()))


async def refusal(bench: Bench, kind: Kind, step: Step) -> str:
    """Apply a step that must be refused, check that no link changed, and return the sentence."""
    before = await bench.kernel.links()
    with pytest.raises(IpvlError) as refused:
        await bench.kernel.apply(step)
    assert kind is refused.value.kind
    assert before == await bench.kernel.links()
    return str(refused.value)
