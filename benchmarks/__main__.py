"""`python -m benchmarks [--only GROUP]`: measure, side by side, and write docs/performance.md with its pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks import attaching, forwarding, growing, starting
from benchmarks.measuring import Table, push_programs
from benchmarks.report import Group, section, write
from lab.guest import Guest

IN_GUEST: dict[str, Callable[[Guest], list[Table]]] = {
    "start": starting.measure,
    "attach": attaching.measure,
    "forward": forwarding.measure,
}
NATIVE: dict[str, Callable[[], list[Table]]] = {"scale": growing.measure}


def main(words: list[str]) -> int:
    """Measure what is asked for, print it and write it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=(*NATIVE, *IN_GUEST), action="append", help="this group (repeatable)")
    parser.add_argument("--dry-run", action="store_true", help="print, and leave the document as it is")
    arguments = parser.parse_args(words)
    wanted = arguments.only or (*NATIVE, *IN_GUEST)
    with ExitStack() as kept:
        guest = None
        for name in wanted:
            if name in NATIVE:
                tables = NATIVE[name]()
            else:
                guest = guest or kept.enter_context(furnished())
                tables = IN_GUEST[name](guest)
            group = Group(name, tables)
            print(section(group), flush=True)
            if not arguments.dry_run:
                write(group)
    return 0


def furnished() -> Guest:
    """Boot a guest with the underlay, ipvl and Docker."""
    guest = Guest.boot(cpus=1)
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
