"""`python -m benchmarks.compare REVISION ...`: what changed since revisions of this repository, measured in one guest.

All versions take turns, block by block, so that a slow minute of the machine hits each alike. Beside what a user waits
for it shows the processor time of the daemon itself, which is the steadier figure.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import time
from io import BytesIO
from pathlib import Path

from benchmarks.measuring import Measured, Table, daemon_time
from benchmarks.report import table_text
from lab.guest import Guest

BLOCKS, ROUNDS = 4, 3
NOW = "now"
WORK = {
    "docker run --rm": "docker run --rm --net=ipvl alpine true",
    "docker network connect and disconnect": (
        "docker network connect ipvl bench && docker network disconnect ipvl bench"
    ),
    "ipvl run --rm": "ipvl run --rm --net=own alpine true",
    "ipvl attach and detach": "ipvl attach --net own --netns blue >/dev/null && ipvl detach --net own --netns blue",
}
TIME, PROCESSOR = "milliseconds", "milliseconds of the daemon's processor time"


def main(*revisions: str) -> int:
    """Boot a guest with all versions and print what each takes."""
    versions = (*revisions, NOW)
    with Guest.boot(cpus=1) as guest:
        guest.run("/work/lab/underlay.sh up", timeout=120)
        guest.run("mkdir -p /work/versions && mv /work/ipvl/lib /work/versions/now && ip netns add blue")
        for revision in revisions:
            with tempfile.TemporaryDirectory() as folder:
                guest.push(source_of(revision, Path(folder)), f"/work/versions/{revision}")
            guest.run(f"python3 -m compileall -q /work/versions/{revision}", timeout=300)
        switch(guest, versions[0])
        guest.run("/work/lab/services.sh docker start", timeout=180)
        prepare(guest)
        found: dict[tuple[str, str, str], list[float]] = {}
        for _ in range(BLOCKS):
            for version in versions:
                switch(guest, version)
                for name, command in WORK.items():
                    guest.run(command, timeout=120)  # what is done for the first time after a start
                    for _ in range(ROUNDS):
                        before = daemon_time(guest)
                        found.setdefault((name, TIME, version), []).append(1000 * seconds_of(guest, command))
                        found.setdefault((name, PROCESSOR, version), []).append(daemon_time(guest) - before)
    for name in WORK:
        for unit in (TIME, PROCESSOR):
            rows = [Measured(version, tuple(found[name, unit, version])) for version in versions]
            print(f"\n{table_text(Table(name, unit, rows))}", flush=True)
    return 0


def seconds_of(guest: Guest, command: str) -> float:
    """Return how long a command in the guest takes."""
    began = time.perf_counter()
    guest.run(command, timeout=120)
    return time.perf_counter() - began


def source_of(revision: str, folder: Path) -> Path:
    """Unpack the package as it was at a revision; return the folder it is in."""
    archive = subprocess.run(["git", "archive", revision, "src"], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder / "src"


def switch(guest: Guest, version: str) -> None:
    """Run the daemon and the command of a version."""
    guest.run("/work/lab/services.sh ipvl stop", timeout=60)
    guest.run(f"rm -rf /work/ipvl/lib && ln -s /work/versions/{version} /work/ipvl/lib")
    guest.run("/work/lab/services.sh ipvl start", timeout=180)


def prepare(guest: Guest) -> None:
    """Make the networks and the container that is connected."""
    network = "--subnet=192.168.{0}.0/24 --gateway=192.168.{0}.1 -o parent=eth0.{0}"
    guest.run(f"docker network create -d ipvl {network.format(20)} ipvl")
    guest.run(f"ipvl network create {network.format(40)} own")
    guest.run("ipvl rootfs add alpine /opt/lab/alpine.tar", timeout=120)
    guest.run("docker run --net=none --name=bench -d alpine sleep 100000", timeout=120)
    guest.run("docker network disconnect none bench", timeout=60)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
