"""How long commands and the daemon take to start, and what the daemon takes while nothing happens."""

from __future__ import annotations

from benchmarks.measuring import ROUNDS, Table, alternate, daemon_time
from lab.guest import Guest

IDLE_SECONDS = 10
ANSWERS = "until ipvl network ls >/dev/null 2>&1; do :; done"


def measure(guest: Guest) -> list[Table]:
    """Measure it in a guest in which ipvl runs."""
    commands = alternate(
        guest,
        {
            "python3 -c pass": "python3 -c pass",
            "ipvl --help": "ipvl --help",
            "ipvl network ls": "ipvl network ls",
            "ipvl status": "ipvl status",
        },
        2 * ROUNDS,
    )
    daemon_time(guest)  # what is called for the first time
    before = daemon_time(guest)
    guest.run(f"sleep {IDLE_SECONDS}")
    used = daemon_time(guest) - before
    resident = int(guest.run("grep VmRSS /proc/$(cat /run/lab/ipvl.pid)/status").stdout.split()[1]) / 1024
    daemon = alternate(
        guest,
        {
            "python3 -c pass": "python3 -c pass",
            "ipvl serve, to its first answer": "services.sh ipvl restart",
        },
    )
    return [
        Table("Commands", "seconds", commands, targets={"ipvl network ls": 2.0}),
        Table(
            "The daemon, from its end to its first answer",
            "seconds",
            daemon,
            note=f"While nothing happens it used {used} ms of processor time in {IDLE_SECONDS} seconds, and it has"
            f" {resident:.0f} MiB resident.",
        ),
    ]
