"""Docker's API on a unix socket, as far as ipvl reads it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class FakeDocker:
    """Networks by id, and how to answer.

    `id` is its own, and `store` that of its network `none`; without a text it is none that a Docker has.
    `chunked` cuts bodies into small chunks instead of giving their length. `instead` replaces the whole answer to a
    path by these bytes, after which the connection is closed. Lines put into `events` go to whoever listens.
    """

    socket: Path
    chunked: bool = False
    id: str = "engine"
    store: str = "none-id"
    networks: dict[str, dict[str, object]] = field(default_factory=dict)
    instead: dict[str, bytes] = field(default_factory=dict)
    containers: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    events: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    @property
    def identity(self) -> str:
        """Which Docker it is, as records of what it has say it."""
        return f"{self.id} {self.store}"

    def has(self, network_id: str, name: str, containers: dict[str, str] | None = None) -> None:
        """Have a network with containers, endpoint id to name."""
        self.networks[network_id] = {
            "Name": name,
            "Id": network_id,
            "Driver": "ipvl",
            "Containers": {
                f"container-{endpoint}": {"Name": one, "EndpointID": endpoint, "IPv4Address": "192.168.20.10/24"}
                for endpoint, one in (containers or {}).items()
            },
        }

    def has_pool(self, network_id: str, subnet: str, containers: tuple[str, ...] = (), **config: object) -> None:
        """Have a network of any driver with addresses from ipvl's IPAM; `config` is in Docker's spelling."""
        options = config.pop("Options", None)
        self.networks[network_id] = {
            "Name": network_id,
            "Id": network_id,
            "Driver": config.pop("Driver", "macvlan"),
            "IPAM": {"Driver": "ipvl", "Options": options, "Config": [{"Subnet": subnet, **config}]},
            "Containers": {
                f"container-{address}": {"Name": "web", "EndpointID": f"of{address}", key: address}
                for address in containers
                for key in ["IPv6Address" if ":" in address else "IPv4Address"]
            },
        }

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._serve, self.socket)
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = request.split(" ", 2)
            assert method == "GET"
            assert "\r\nhost: docker\r\n" in request.lower()
            await self._answer(target, writer)
        finally:
            writer.close()

    async def _answer(self, target: str, writer: asyncio.StreamWriter) -> None:
        url = urlsplit(target)
        filters = json.loads(parse_qs(url.query).get("filters", ["{}"])[0])
        self.asked.append((url.path, filters))
        network_id = unquote(url.path.removeprefix("/networks/"))
        if url.path in self.instead:
            writer.write(self.instead.pop(url.path))
        elif url.path == "/events":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while piece := await self.events.get():
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        elif url.path == "/info":
            self._send(writer, 200, {"ID": self.id, "Containers": 3})
        elif url.path == "/containers/json":
            self._send(writer, 200, self._containers(filters))
        elif url.path == "/networks":
            built_in = [{"Name": "none", "Id": self.store, "Driver": "null"}] if self.store else []
            self._send(writer, 200, [*built_in, *self.networks.values()])
        elif network_id in self.networks:
            self._send(writer, 200, self.networks[network_id])
        else:
            self._send(writer, 404, {"message": f"network {network_id} not found"})

    def _containers(self, filters: dict[str, object]) -> list[dict[str, object]]:
        if "id" in filters:
            return [one for identity, one in self.containers.items() if identity in filters["id"]]
        networks = set(filters["network"])
        return [
            one
            for one in self.containers.values()
            if any(
                name in networks or (on and on.get("NetworkID") in networks)
                for name, on in one["NetworkSettings"]["Networks"].items()
            )
        ]

    def _send(self, writer: asyncio.StreamWriter, status: int, message: object) -> None:
        body = json.dumps(message).encode()
        writer.write(b"HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n" % status)
        if not self.chunked:
            writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            return
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 7):
            piece = body[start : start + 7]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")
