"""Times commands in the guest, round by round: `{"rounds": N, "commands": {NAME: LINE}}` in, `{NAME: [SECONDS]}` out.

Each line is a shell's, started once before it counts. What it prints is thrown away; a line that fails ends all.
"""

import json
import subprocess
import sys
import time


def seconds(line: str) -> float:
    """Return how long a line takes."""
    began = time.perf_counter()
    done = subprocess.run(
        ["/bin/sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{line}: status {done.returncode}: {done.stderr}{done.stdout}")
    return took


def main() -> None:
    """Read, measure and print."""
    wanted = json.load(sys.stdin)
    commands = wanted["commands"]
    for line in commands.values():
        seconds(line)
    found: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(wanted["rounds"]):
        # There and back, so that what one leaves to be cleaned up behind it falls to each of them.
        for name in list(commands)[:: -1 if number % 2 else 1]:
            found[name].append(seconds(commands[name]))
    json.dump(found, sys.stdout)


main()
