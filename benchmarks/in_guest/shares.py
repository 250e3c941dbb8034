"""Who takes how much of `docker network connect` and `disconnect`, by driver: JSON out, milliseconds of one of each.

"After" is processor time within the second after both have returned. Usage: python3 shares.py ROUNDS
"""

import json
import subprocess
import sys
import time
from pathlib import Path

TICK = 10
"""Milliseconds of a tick in /proc/PID/stat (USER_HZ)."""
DAEMONS = ("ipvl", "docker")
NETWORKS = ("ipvlan", "ipvl")
SETTLED = 1.0


def main(rounds: int) -> None:
    """Measure both networks in turns, there and back, and print."""
    found: dict[str, dict[str, float]] = {network: {} for network in NETWORKS}
    for number in range(rounds):
        for network in NETWORKS[:: -1 if number % 2 else 1]:
            for what, milliseconds in shares(network).items():
                found[network][what] = found[network].get(what, 0) + milliseconds / rounds
    json.dump(found, sys.stdout)


def shares(network: str) -> dict[str, float]:
    """Return what connecting and disconnecting takes, and the daemons' processor time in it and after it."""
    taken = {}
    before = processor_times()
    for what in ("connect", "disconnect"):
        began = time.perf_counter()
        subprocess.run(["docker", "network", what, network, "bench"], check=True)
        taken[what] = 1000 * (time.perf_counter() - began)
    done = processor_times()
    time.sleep(SETTLED)
    after = processor_times()
    for name in DAEMONS:
        taken[name] = done[name] - before[name]
        taken[f"{name}, after"] = after[name] - done[name]
    return taken


def processor_times() -> dict[str, float]:
    """Return the milliseconds of processor time that each daemon has had."""
    times: dict[str, float] = {}
    for name in DAEMONS:
        process = Path(f"/run/lab/{name}.pid").read_text().strip()
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        times[name] = TICK * (int(fields[11]) + int(fields[12]))
    return times


main(int(sys.argv[1]))
