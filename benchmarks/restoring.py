"""How long ports take to come back with their parent, and how long others wait meanwhile."""

from __future__ import annotations

import json

from benchmarks.measuring import PROGRAMS, Measured, Table
from lab.guest import Guest

NAMESPACES, ROUNDS = 200, 5
NETWORK = "--subnet=192.168.68.0/22 -o parent=eth1.7"
WITHIN = 2.0
"""Seconds within which all ports are to be back."""


def measure(guest: Guest) -> list[Table]:
    """Measure it in a guest in which ipvl runs."""
    guest.run(f"ipvl network create {NETWORK} back")
    command = f"python3 -sE {PROGRAMS}/restoring.py {NAMESPACES} {ROUNDS}"
    found = json.loads(guest.run(command, timeout=900).stdout)
    slowest = max(found["back"])
    return [
        Table(
            f"{NAMESPACES} ports on one parent that was deleted",
            "seconds",
            [
                Measured("until the last has its port again", tuple(found["back"])),
                Measured("`ipvl attach` of another namespace meanwhile", tuple(found["beside"])),
            ],
            note="From `ip link del` until the last is on record as restored, the wait of 0.2 s for a burst's end and"
            f" the parent's own making with it. The slowest round took {slowest:.2f} s (target: at most {WITHIN:g} s)."
            " Names, addresses, routes and sysctls of each port are set, and its record is on the disk. The lock is"
            " held for one port at a time: the other row has the command's own start in it.",
        )
    ]
