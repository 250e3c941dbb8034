"""Measures paths between two ends, in turns: `{"rounds": N, "paths": {NAME: {"client", "server", "address"}}}` in.

The ends are network namespaces by their names, empty for the host's own. Out come, by measure and path, bits per second
of one stream and of four, and of many small packets there and back how many there are a second, and their times.
"""

import json
import re
import statistics
import subprocess
import sys
import time

SECONDS = 1
STREAMS = 4
PACKETS = 400


def inside(namespace: str, *words: str) -> list[str]:
    """Return a command as it runs in a namespace."""
    return ["ip", "netns", "exec", namespace, *words] if namespace else list(words)


def rate(path: dict[str, str], streams: int) -> float:
    """Return the bits per second that arrive."""
    words = ("iperf3", "-c", path["address"], "-t", str(SECONDS), "-P", str(streams), "-J")
    done = subprocess.run(inside(path["client"], *words), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{words} from {path['client']}: {done.stdout[-500:]}{done.stderr}")
    return float(json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"])


def round_trips(path: dict[str, str]) -> tuple[float, list[float]]:
    """Return how many there are in a second when each waits for the one before, and the milliseconds of each."""
    words = ("ping", "-n", "-c", str(PACKETS), "-i", "0", path["address"])
    began = time.perf_counter()
    done = subprocess.run(inside(path["client"], *words), capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    times = [float(one) for one in re.findall(r"time=([\d.]+) ms", done.stdout)]
    if done.returncode or len(times) < PACKETS:
        sys.exit(f"{words} from {path['client']}: {done.stdout[-500:]}{done.stderr}")
    return PACKETS / took, times


def main() -> None:
    """Read, measure and print."""
    wanted = json.load(sys.stdin)
    paths = wanted["paths"]
    names = ("one stream", "four streams", "round trips", "median", "99th percentile")
    found: dict[str, dict[str, list[float]]] = {name: {path: [] for path in paths} for name in names}
    servers = [
        subprocess.Popen(
            inside(path["server"], "iperf3", "-s", "-B", path["address"]), stdout=subprocess.DEVNULL, stderr=sys.stderr
        )
        for path in paths.values()
    ]
    time.sleep(1)
    for _ in range(wanted["rounds"]):
        for name, path in paths.items():
            found["one stream"][name].append(rate(path, 1))
            found["four streams"][name].append(rate(path, STREAMS))
            often, times = round_trips(path)
            found["round trips"][name].append(often)
            found["median"][name].append(statistics.median(times))
            found["99th percentile"][name].append(statistics.quantiles(times, n=100)[98])
    for server in servers:
        server.terminate()
    json.dump(found, sys.stdout)


main()
