"""Time how long ports take to come back with their parent: 200 namespaces on one link that is deleted and made anew.

    python3 restoring.py NAMESPACES ROUNDS

It needs a daemon, and a network `back` on eth1.7 that has none of these namespaces yet. Prints JSON: for each round the
seconds from the deletion to the last port, and those that an `ipvl attach` of another namespace took meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

PARENT = "eth1.7"
STATE = "/var/lib/ipvl/state.db"
KNOWN = "SELECT count(*) FROM endpoints WHERE seen LIKE '%\"routes\"%'"
PAUSE = 0.01


def run(line: str) -> str:
    """Run a command line and return what it printed."""
    return subprocess.run(line.split(), check=True, capture_output=True, text=True).stdout


def main(namespaces: int, rounds: int) -> None:
    """Attach the namespaces, wait until their ports were looked at, and measure."""
    for number in range(namespaces):
        run(f"ip netns add back{number}")
        run(f"ipvl attach --net back --netns back{number}")
    run("ip netns add beside")
    while int(run_query(KNOWN)) < namespaces:
        time.sleep(1)
    back: list[float] = []
    beside: list[float] = []
    for _ in range(rounds):
        began = time.monotonic()
        run(f"ip link del {PARENT}")
        while PARENT not in run("ip -br link"):
            time.sleep(PAUSE)
        asked = time.monotonic()
        run("ipvl attach --net back --netns beside")
        beside.append(time.monotonic() - asked)
        index = Path(f"/sys/class/net/{PARENT}/ifindex").read_text().strip()
        while (
            int(run_query(f"{KNOWN} AND seen LIKE '{{\"parent\": {index},%' AND sandbox NOT LIKE '%beside'"))
            < namespaces
        ):
            time.sleep(PAUSE)
        back.append(time.monotonic() - began)
        run("ipvl detach --net back --netns beside")
        time.sleep(2)
    for number in range(namespaces):
        run(f"ipvl detach --net back --netns back{number}")
        run(f"ip netns del back{number}")
    print(json.dumps({"back": back, "beside": beside}))


def run_query(query: str) -> str:
    """Return what a query of the state file gives."""
    return subprocess.run(["sqlite3", STATE, query], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
