"""`python -m benchmarks.profile`: where the time goes, function by function, in a guest with real Docker.

Every call is watched (cProfile), which triples the time of what consists of many small ones: the shares count.
"""

from __future__ import annotations

import json
import sys

from benchmarks.__main__ import furnished
from benchmarks.attaching import prepare
from benchmarks.measuring import PROGRAMS
from lab.guest import Guest

RUNS = 10
SHARE_ROUNDS = 20
LINES = 60
WATCHED = """\
import cProfile
import sys

sys.path[3:3] = ["/work/ipvl/lib", "/opt/ipvl/deps"]
words = sys.argv[2:]
sys.argv = ["ipvl", *words]


def run() -> int:
    from ipvl.__main__ import main

    return main()


profile = cProfile.Profile()
try:
    profile.runcall(run)
finally:
    profile.dump_stats(f"/tmp/{words[0]}.profile")
"""
SHOWN = (
    "python3 -c \"import pstats; pstats.Stats('/tmp/{0}.profile').sort_stats('cumulative').print_stats({1})\""
    " | sed 's#/opt/ipvl/deps/##; s#/work/ipvl/lib/##; s#/usr/lib/python3.11/##'"
)


def main() -> int:
    """Share out what Docker's commands take, then profile the daemon under Docker's calls and two commands."""
    with furnished(user_mode=True) as guest:
        prepare(guest)
        shares(guest)
        guest.run("cat > /tmp/watched.py", input=WATCHED)
        daemon(guest)
        for words in ("run --rm --net=own alpine true", "attach --net own --netns blue"):
            guest.run(f"python3 -sE /tmp/watched.py ipvl {words}")
            show(guest, words)
    return 0


def shares(guest: Guest) -> None:
    """Print who takes how much of connecting a container and disconnecting it, with either driver."""
    found = json.loads(guest.run(f"python3 -sE {PROGRAMS}/shares.py {SHARE_ROUNDS}", timeout=300).stdout)
    for network, times in found.items():
        print(f"{network:8}" + "".join(f"{what} {milliseconds:.0f} ms   " for what, milliseconds in times.items()))


def daemon(guest: Guest) -> None:
    """Profile the daemon while containers come and go, and leave an ordinary one."""
    guest.run("services.sh ipvl stop")
    background = guest.start("python3 -sE /tmp/watched.py ipvl serve")
    guest.run("until ipvl network ls 2>/dev/null | grep -q own; do sleep 0.2; done", timeout=60)
    for _ in range(RUNS):
        guest.run("docker run --rm --net=ipvl alpine true", timeout=120)
    guest.run("kill -TERM $(cat /var/lib/ipvl/lock)")
    background.wait(60)
    show(guest, f"serve ({RUNS} times docker run --rm)")
    guest.run("services.sh ipvl start", timeout=120)


def show(guest: Guest, words: str) -> None:
    """Print the functions that took the most, with what they called."""
    print(f"ipvl {words}\n")
    print(guest.run(SHOWN.format(words.split(maxsplit=1)[0], LINES)).stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
