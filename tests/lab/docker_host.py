"""The Docker host of the lab as scenarios see it: its command line, its containers, its links, its neighbours."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.errors import CommandFailed
from lab.guest import Guest
from lab.results import Result

IN_GUEST = Path(__file__).parent / "in_guest"
BUILT_IN = "ipvlan"
IPVL = "ipvl"
RUN_SECONDS = 90
INIT_PID = "/run/containerd/io.containerd.runtime.v2.task/moby/$id/init.pid"
CONFIGURATION = "/var/lib/docker/containers/$id/config.v2.json"
"""Where containerd and Docker keep a container's first process and its name; asking Docker's CLI takes a second."""


@dataclass(frozen=True)
class Place:
    """A network namespace of the lab and how to run a program in it."""

    guest: Guest
    enter: str

    def run(self, command: str, *, check: bool = True, timeout: float = 60) -> Result:
        """Run a program here, with the host's own tools."""
        return self.guest.run(f"{self.enter} {command}", check=check, timeout=timeout)

    def json(self, command: str) -> Any:
        """Return what a program printed as JSON."""
        return json.loads(self.run(command).stdout or "[]")

    def reaches(self, target: str) -> bool:
        """Tell whether `target` answers one of two pings within a second: for what must not."""
        return self.run(f"ping -n -q -c 2 -i 0.5 -w 1 {target}", check=False).status == 0

    def answers(self, target: str) -> bool:
        """Tell whether `target` answers one of up to eight pings: for what must, however slow ARP and peers are."""
        tries = f"for try in 1 2 3 4 5 6 7 8; do ping -n -q -c 1 -W 1 {target} && exit; done; exit 1"
        return self.run(f"bash -c '{tries}'", check=False).status == 0

    def http(self, address: str, path: str) -> str:
        """Return the body that a web server at a socat address answers; empty when it does not."""
        question = rf"printf 'GET {path} HTTP/1.0\r\n\r\n' | {self.enter} socat -T 20 -,ignoreeof {address}"
        _, _, body = self.guest.run(question, check=False).stdout.partition("\r\n\r\n")
        return body

    def links(self) -> dict[str, Any]:
        """Return the links here by name, in detail."""
        return {link["ifname"]: link for link in self.json("ip -d -j link")}

    def addresses(self, link: str = "eth0") -> list[str]:
        """Return the addresses of a link that are not link-local, in CIDR notation, IPv4 first."""
        found = [
            (one["family"], f"{one['local']}/{one['prefixlen']}")
            for entry in self.json(f"ip -j addr show dev {link}")
            for one in entry["addr_info"]
            if one["scope"] == "global"
        ]
        return [text for _, text in sorted(found, key=lambda one: one[0])]

    def address(self, link: str = "eth0") -> str:
        """Return the first of a link's addresses, without its prefix length."""
        return self.addresses(link)[0].partition("/")[0]

    def routes(self, family: int = 4) -> set[str]:
        """Return the routes here as the specification prints them, without what the kernel adds on its own."""
        routes = set()
        for route in self.json(f"ip -{family} -j route"):
            if route["dst"].startswith("fe80:") or route["dst"].startswith("ff00:"):
                continue
            via = f" via {route['gateway']}" if "gateway" in route else ""
            routes.add(f"{route['dst']}{via} dev {route['dev']}")
        return routes


@dataclass(frozen=True)
class Container(Place):
    """A running container; `run` uses the host's tools in its network namespace."""

    id: str
    pid: int
    name: str

    def inside(self, command: str, *, check: bool = True, timeout: float = 60) -> Result:
        """Run a program of the container's own, in all of its namespaces, as `docker exec` does."""
        return self.guest.run(
            f"nsenter -t {self.pid} -m -u -i -n -p -- /bin/sh -c {shlex.quote(command)}", check=check, timeout=timeout
        )

    def resolves_and_reaches(self, name: str) -> bool:
        """Tell whether a container answers a ping by its name, resolved by Docker's DNS in here."""
        return self.inside(f"ping -c 3 -W 2 {name}", check=False, timeout=30).status == 0


@dataclass(frozen=True)
class DockerHost(Place):
    """The root namespace of the guest, where Docker runs with ipvl or, as the control, its own driver."""

    driver: str = IPVL
    started: list[Container] = field(default_factory=list)
    refusal = "Error response from daemon: remote: "
    """What comes before ipvl's own sentence when a command is refused."""

    def docker(self, line: str, *, check: bool = True, timeout: float = RUN_SECONDS) -> Result:
        """Run a `docker` line as the specification prints it; only the driver's name is exchanged."""
        return self.guest.run(self.as_written(line), check=check, timeout=timeout)

    def as_written(self, line: str) -> str:
        """Return the specification's line with the driver's name exchanged."""
        joined = re.sub(r"\\[ ]*\n\s*", "", line.strip())
        return re.sub(r"-d\s+ipvlan\b", f"-d {self.driver}", joined)

    def refused(self, line: str) -> str:
        """Run a `docker` line that must fail, and return what Docker showed the user."""
        result = self.docker(line, check=False)
        assert result.status != 0, f"{line} was not refused: {result.stdout}"
        return result.stderr.strip()

    def container(self, line: str) -> Container:
        """Start a container by a `docker run` line of the specification, left running in the background.

        An interactive line (`-it … /bin/sh`) becomes a detached one with the same terminal and shell (`-itd`).
        """
        return self.containers(line)[0]

    def containers(self, *lines: str) -> list[Container]:
        """Start several containers at once."""
        if len(lines) == 1:
            return [self._start(lines[0])]
        with ThreadPoolExecutor(len(lines)) as pool:
            return list(pool.map(self._start, lines))

    def _start(self, line: str) -> Container:
        detached = re.sub(r" -it(?= )", " -itd", self.as_written(line), count=1)
        if not re.search(r" -(itd|d)(?= )", detached):
            detached = re.sub(r"(docker|ipvl) +run", r"\1 run -d", detached, count=1)
        container = self._run_detached(detached)
        self.started.append(container)
        return container

    def _run_detached(self, line: str) -> Container:
        result = self.guest.run(
            f'id=$({line}) && cat {INIT_PID} && echo && grep -o \'"Name":"/[^"]*\' {CONFIGURATION} && echo $id',
            timeout=RUN_SECONDS,
        )
        pid, name, identity = result.stdout.split()
        name = name.rpartition("/")[2]
        return Container(self.guest, f"nsenter -t {pid} -n --", id=identity, pid=int(pid), name=name)

    def take_first_pool(self) -> None:
        """Use up the first default pool, which on other hosts is that of Docker's default bridge."""
        self.docker("docker network create -d bridge as_docker0_has_172_17")

    def namespace(self, name: str) -> Place:
        """Return another machine of the underlay: `router`, `host2`, `remote` or `switch`."""
        return Place(self.guest, f"ip netns exec {name}")

    def network(self, name: str) -> Any:
        """Return what `docker network inspect` says."""
        return json.loads(self.docker(f"docker network inspect {name}").stdout)[0]

    def assigned_subnet(self, name: str) -> str:
        """Return the default pool that a network got: 172.18.0.0/16 in a fresh daemon, as the document shows.

        Docker 20.10 goes on after the pool it gave last, so which one it is depends on the scenarios before.
        """
        (pool,) = (one["Subnet"] for one in self.network(name)["IPAM"]["Config"])
        assert re.fullmatch(r"172\.(1[89]|2\d|3[01])\.0\.0/16|192\.168\.\d+\.0/20", pool), "one of the default pools"
        return str(pool)

    def inspect(self, container: Container | str) -> Any:
        """Return what `docker inspect` says of a container."""
        identity = container if isinstance(container, str) else container.id
        return json.loads(self.docker(f"docker inspect {identity}").stdout)[0]

    def status(self) -> Any:
        """Return what `ipvl status --json` prints, asked of the daemon without a slow Python start."""
        return json.loads(self.http("UNIX-CONNECT:/run/ipvl/control.sock", "/status"))

    def service(self, name: str, action: str, *flags: str) -> None:
        """Start, stop, restart or kill `ipvl` or `docker`, and wait until that is done."""
        self.guest.run(f"/work/lab/services.sh {name} {action} {shlex.join(flags)}", timeout=120)

    def records(self, query: str) -> list[str]:
        """Return the rows of a query on ipvl's state file, columns joined by `|`."""
        return self.run(f"sqlite3 -readonly /var/lib/ipvl/state.db {shlex.quote(query)}").stdout.splitlines()

    def sync(self) -> None:
        """Have Docker's files on the disk: it does not sync all that it writes. ipvl does, so its own get no help."""
        self.run("find /var/lib/docker/containers /var/lib/docker/network -type f -exec sync {} +")

    def come_back(self, *names: str) -> None:
        """Wait for what a reboot ended; containers with a restart policy need nobody's help."""

    def log(self, service: str = IPVL) -> str:
        """Return the log of `ipvl` or `dockerd`."""
        return self.run(f"cat /var/log/lab/{service}.log").stdout

    def reset(self) -> None:
        """Remove every container and network of Docker's, and what scenarios may have left on the host."""
        self.guest.run("python3 -I -S /work/scenario/reset_docker.py", timeout=120)
        self.started.clear()

    @contextmanager
    def frames(self, link: str, expression: str, place: Place | None = None) -> Iterator[Callable[[], list[str]]]:
        """Capture frames on a link while the block runs; the yielded function returns tcpdump's lines so far."""
        enter = (place or self).enter
        capture = self.guest.start(f"{enter} tcpdump --immediate-mode -l -n -e -i {link} {shlex.quote(expression)}")
        capture.wait_for("listening on", 20)
        try:
            yield lambda: [line for line in capture.output().splitlines() if " > " in line]
        finally:
            capture.kill(2)
            capture.wait(10)


def prepare(guest: Guest) -> None:
    """Lay out the underlay and what scenarios need in a guest that has just booted."""
    guest.push(IN_GUEST, "/work/scenario")
    guest.run("/work/lab/underlay.sh up", timeout=180)


def eventually(check: Callable[[], bool], what: str, *, within: float = 30) -> None:
    """Wait until `check` holds, asking again and again; for what the system does on its own time.

    Raises:
        AssertionError: it did not hold within the time.
    """
    end = time.monotonic() + within
    while not check():
        assert time.monotonic() < end, f"{what}: not within {within} s"
        time.sleep(0.2)


__all__ = ["BUILT_IN", "IPVL", "CommandFailed", "Container", "DockerHost", "Place", "eventually", "prepare"]
