"""`python -m benchmarks.compare REVISION`: what changed since a revision of this repository, measured in one guest.

Both versions take turns, block by block, so that a slow minute of the machine hits each alike. Beside what a user waits
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

from benchmarks.measuring import Measured
from lab.guest import Guest

BLOCKS, ROUNDS = 5, 4
VERSIONS = ("before", "now")
TICK = 0.01
"""Seconds of a tick in /proc/PID/stat (USER_HZ)."""
WORK = {
    "docker run --rm": "docker run --rm --net=ipvl alpine true",
    "docker network connect": "docker network connect ipvl bench && docker network disconnect ipvl bench",
    "ipvl run --rm": "ipvl run --rm --net=own alpine true",
    "ipvl attach and detach": "ipvl attach --net own --netns blue >/dev/null && ipvl detach --net own --netns blue",
}


def main(revision: str) -> int:
    """Boot a guest with both versions and print what each takes."""
    with Guest.boot(cpus=1) as guest, tempfile.TemporaryDirectory() as folder:
        guest.run("/work/lab/underlay.sh up", timeout=120)
        guest.push(source_of(revision, Path(folder)), "/work/versions/before")
        guest.run("mv /work/ipvl/lib /work/versions/now && ip netns add blue")
        for version in VERSIONS:
            guest.run(f"python3 -m compileall -q /work/versions/{version}", timeout=120)
        switch(guest, VERSIONS[0])
        guest.run("/work/lab/services.sh docker start", timeout=180)
        prepare(guest)
        found: dict[tuple[str, str, str], list[float]] = {}
        for _ in range(BLOCKS):
            for version in VERSIONS:
                switch(guest, version)
                for name, command in WORK.items():
                    guest.run(command, timeout=120)  # what is done for the first time after a start
                    for _ in range(ROUNDS):
                        before = cpu_seconds(guest)
                        found.setdefault((name, "seconds", version), []).append(seconds_of(guest, command))
                        found.setdefault((name, "daemon's CPU", version), []).append(cpu_seconds(guest) - before)
    for name in WORK:
        print(f"\n{name}:")
        for what in ("seconds", "daemon's CPU"):
            base, now = (Measured(f"{what}, {one}", tuple(found[name, what, one])) for one in VERSIONS)
            print(line(base, base))
            print(line(now, base), flush=True)
    return 0


def seconds_of(guest: Guest, command: str) -> float:
    """Return how long a command in the guest takes."""
    began = time.perf_counter()
    guest.run(command, timeout=120)
    return time.perf_counter() - began


def line(row: Measured, base: Measured) -> str:
    """Return a row of text: the median with its spread, and the ratio to `base`."""
    low, high = row.spread
    return f"  {row.name:24} {row.median:7.3f} s  ({low:.3f} to {high:.3f})  {row.median / base.median:5.2f} x"


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


def cpu_seconds(guest: Guest) -> float:
    """Return the processor time that the daemon has had."""
    fields = guest.run("cat /proc/$(cat /run/lab/ipvl.pid)/stat").stdout.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
