"""A host without Docker: the specification's lines with the word `docker` replaced by `ipvl`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from lab.guest import Guest
from tests.lab.docker_host import RUN_SECONDS, Container, DockerHost

EMBEDDED = "embedded"
SQLITE = "sqlite3 -readonly -separator ' ' /var/lib/ipvl/state.db"
HIDE_DOCKER = (
    "for name in docker dockerd containerd; do"
    " for path in /usr/bin/$name /usr/sbin/$name; do [ ! -e $path ] || mv $path /root/; done; done"
)


def without_docker(guest: Guest) -> None:
    """Take Docker off a guest and start ipvl there."""
    guest.run(HIDE_DOCKER)
    guest.run("/work/lab/services.sh ipvl start", timeout=180)


@dataclass(frozen=True)
class EmbeddedHost(DockerHost):
    """The root namespace of a guest that has no Docker."""

    driver: str = EMBEDDED
    refusal = "ipvl: "

    def as_written(self, line: str) -> str:
        """Return the specification's line with `ipvl` in place of `docker`; there are no restart policies."""
        joined = re.sub(r"\\[ ]*\n\s*", "", line.strip())
        return re.sub(r"(?<![.])\bdocker\b", "ipvl", joined).replace(" --restart=always", "")

    def service(self, name: str, action: str, *flags: str) -> None:
        """Do the same to ipvl, which is all there is of an engine."""
        super().service("ipvl", action, *flags)

    def sync(self) -> None:
        """Do nothing: ipvl's files get no help."""

    def come_back(self, *names: str) -> None:
        """Start sandboxes again that went with the host."""
        self.guest.run(f"ipvl start {' '.join(names)}", timeout=RUN_SECONDS)

    def network(self, name: str) -> Any:
        """Return what `ipvl network inspect` says, by Docker's key for the id."""
        view = json.loads(self.docker(f"docker network inspect {name}").stdout)[0]
        return {**view, "Id": view["id"]}

    def take_first_pool(self) -> None:
        """Give the host an address of the first default pool, as Docker's bridge would have it."""
        self.run("ip link add pool0 type dummy && ip link set pool0 up && ip addr add 172.17.0.1/16 dev pool0")

    def assigned_subnet(self, name: str) -> str:
        """Return the first default pool that is free here, whatever was given before."""
        return "172.18.0.0/16"

    def reset(self) -> None:
        """Remove every sandbox and network, and what scenarios may have left on the host."""
        self.guest.run(
            f"ids=$({SQLITE} 'SELECT id FROM sandboxes');"
            ' [ -z "$ids" ] || ipvl rm -f $ids;'
            f" [ -z \"$({SQLITE} 'SELECT id FROM networks')\" ] || ipvl network prune --force;"
            " ip link del pool0 2>/dev/null || true",
            timeout=120,
        )
        self.started.clear()

    def _run_detached(self, line: str) -> Container:
        result = self.guest.run(
            f"id=$({line}) && {SQLITE}"
            """ "SELECT process, name FROM sandboxes WHERE id = '$id'" && echo $id""",
            timeout=RUN_SECONDS,
        )
        pid, name, identity = result.stdout.split()
        return Container(self.guest, f"nsenter -t {pid} -n --", id=identity, pid=int(pid), name=name)
