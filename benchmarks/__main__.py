"""`python -m benchmarks [--only GROUP]`: measure, side by side, and write docs/performance.md with its pictures."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Collection, Iterator

from benchmarks import attaching, forwarding, growing, restoring, starting
from benchmarks.measuring import Table, also_emulated, push_programs
from benchmarks.report import Group, section, write
from lab.guest import Guest

NATIVE: dict[str, Callable[[], list[Table]]] = {"scale": growing.measure}
IN_BOTH_GUESTS: dict[str, Callable[[Guest], list[Table]]] = {"start": starting.measure, "attach": attaching.measure}
USER_MODE: dict[str, Callable[[Guest], list[Table]]] = {
    "flags": forwarding.measure_flags,
    "ports": restoring.measure,
}
EMULATED: dict[str, Callable[[Guest], list[Table]]] = {"forward": forwarding.measure}
"""The kernel in user mode has no netfilter, which L3S and NAT need."""


def main(words: list[str]) -> int:
    """Measure what is asked for, print it and write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = (*NATIVE, *IN_BOTH_GUESTS, *USER_MODE, *EMULATED)
    parser.add_argument("--only", choices=names, action="append", help="this group (repeatable)")
    parser.add_argument("--dry-run", action="store_true", help="print, and leave the document as it is")
    arguments = parser.parse_args(words)
    wanted = arguments.only or names
    for group in measured(wanted):
        # One at a time: what a later group runs into loses no earlier one.
        print(section(group), flush=True)
        if not arguments.dry_run:
            write(group)
    return 0


def measured(wanted: Collection[str]) -> Iterator[Group]:
    """Yield each group that is wanted as soon as it is whole."""
    for name, measure in NATIVE.items():
        if name in wanted:
            yield Group(name, measure())
    twice: dict[str, list[Table]] = {}
    for name, tables in in_guest(USER_MODE | IN_BOTH_GUESTS, wanted, user_mode=True):
        if name in IN_BOTH_GUESTS:
            twice[name] = tables
        else:
            yield Group(name, tables)
    for name, tables in in_guest(IN_BOTH_GUESTS | EMULATED, wanted, user_mode=False):
        yield Group(name, also_emulated(twice[name], tables) if name in twice else tables)


def in_guest(
    groups: dict[str, Callable[[Guest], list[Table]]], wanted: Collection[str], *, user_mode: bool
) -> Iterator[tuple[str, list[Table]]]:
    """Measure those groups that are wanted, in one guest that nothing runs beside."""
    chosen = {name: measure for name, measure in groups.items() if name in wanted}
    if not chosen:
        return
    with furnished(user_mode=user_mode) as guest:
        for name, measure in chosen.items():
            print(f"{name}, {'a kernel in user mode' if user_mode else 'emulated'} …", file=sys.stderr, flush=True)
            yield name, measure(guest)


def furnished(*, user_mode: bool) -> Guest:
    """Boot a guest with the underlay, ipvl and Docker."""
    guest = Guest.boot(cpus=1, user_mode=user_mode, processor=max(os.sched_getaffinity(0)) if user_mode else None)
    try:
        guest.run("/work/lab/underlay.sh up", timeout=120)
        for service in ("ipvl", "docker"):
            guest.run(f"/work/lab/services.sh {service} start", timeout=180)
        push_programs(guest)
    except BaseException:
        guest.close()
        raise
    return guest


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
