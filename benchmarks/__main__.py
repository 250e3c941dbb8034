"""`python -m benchmarks`: measure in one lab run, side by side, and print ratios."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab.guest import Guest

ROUNDS = 10
DRIVERS = ("ipvl", "ipvlan")


@dataclass(frozen=True)
class Measured:
    """The seconds of each round of one thing."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.seconds)

    def line(self, base: Measured) -> str:
        """Return the median with its spread, and the ratio to `base`."""
        low, high = min(self.seconds), max(self.seconds)
        return f"  {self.name:32} {self.median:6.2f} s  ({low:.2f} to {high:.2f})  {self.median / base.median:5.2f} x"


def main() -> int:
    """Boot a guest, measure, print."""
    with Guest.boot() as guest:
        guest.run("/work/lab/underlay.sh up", timeout=120)
        for service in ("ipvl", "docker"):
            guest.run(f"/work/lab/services.sh {service} start", timeout=180)
        networks(guest)
        print(f"medians of {ROUNDS} rounds in one guest, spread in brackets, ratio to the first line of each group")
        print("\ndocker run --rm, network of each driver:")
        show(alternate({name: run_in(guest, name) for name in ("none", *DRIVERS)}))
        print("\ndocker network connect and disconnect:")
        guest.run("docker run --net=none --name=bench -d alpine sleep 100000", timeout=120)
        guest.run("docker network disconnect none bench", timeout=60)
        show(alternate({name: connect(guest, name) for name in reversed(DRIVERS)}))
        print("\na program on a network of ipvl's, with Docker and without:")
        guest.run("ipvl rootfs add alpine /opt/lab/alpine.tar")
        guest.run("ipvl network create --subnet=192.168.40.0/24 -o parent=eth0.40 own")
        show(
            alternate(
                {
                    "docker run --rm": run_in(guest, "ipvl"),
                    "ipvl run --rm": timed(guest, "ipvl run --rm --net=own alpine true"),
                }
            )
        )
        print("\nthe command line, one start:")
        show(
            alternate(
                {
                    "python3 -c pass": timed(guest, "python3 -c pass"),
                    "ipvl --help": timed(guest, "ipvl --help >/dev/null"),
                    "ipvl network ls": timed(guest, "ipvl network ls >/dev/null"),
                    "ipvl status": timed(guest, "ipvl status >/dev/null"),
                }
            )
        )
        resident = guest.run("grep VmRSS /proc/$(cat /run/lab/ipvl.pid)/status").stdout.split()[1]
        print(f"\nthe daemon's memory after that: {int(resident) / 1024:.0f} MiB resident")
    return 0


def networks(guest: Guest) -> None:
    """Make a network of each driver on a VLAN of its own."""
    for driver, vlan in zip(DRIVERS, (20, 30), strict=True):
        guest.run(
            f"docker network create -d {driver} --subnet=192.168.{vlan}.0/24 --gateway=192.168.{vlan}.1"
            f" -o parent=eth0.{vlan} {driver}"
        )


def run_in(guest: Guest, network: str) -> Callable[[], float]:
    """Return the measurement of one `docker run --rm`."""
    return timed(guest, f"docker run --rm --net={network} alpine true")


def connect(guest: Guest, network: str) -> Callable[[], float]:
    """Return the measurement of one connect and disconnect of a running container."""
    return timed(guest, f"docker network connect {network} bench && docker network disconnect {network} bench")


def timed(guest: Guest, command: str) -> Callable[[], float]:
    """Return a function that runs a command and returns its seconds."""

    def measure() -> float:
        began = time.perf_counter()
        guest.run(command, timeout=120)
        return time.perf_counter() - began

    return measure


def alternate(measurements: dict[str, Callable[[], float]]) -> list[Measured]:
    """Run all measurements in turn, round by round, so that a slow minute of the machine hits each alike."""
    seconds: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(ROUNDS):
        for name, measure in measurements.items():
            seconds[name].append(measure())
    return [Measured(name, tuple(rounds)) for name, rounds in seconds.items()]


def show(results: list[Measured]) -> None:
    """Print each result beside the first."""
    for result in results:
        print(result.line(results[0]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
