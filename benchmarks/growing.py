"""What grows with the number of endpoints: each size in processes of its own (`benchmarks.scale`), on this machine."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.measuring import ROUNDS, Measured, Table

SIZES = ((10, 1, 1), (100, 10, 10), (1_000, 100, 100), (10_000, 1, 1), (10_000, 1_000, 100))
TEN_TIMES = (100_000, 10_000, 1_000)
"""Endpoints, networks, parents."""
DOORS = ("docker", "embedded")


def measure() -> list[Table]:
    """Measure all sizes, in turns."""
    attach: dict[str, dict[str, list[float]]] = {door: {_name(*size): [] for size in SIZES} for door in DOORS}
    start: dict[str, list[float]] = {_name(*size): [] for size in SIZES}
    resident: dict[str, list[float]] = {_name(*size): [] for size in SIZES}
    addresses = []
    for _ in range(ROUNDS):
        for size in SIZES:
            for door in DOORS:
                attach[door][_name(*size)].append(_figures("attach", *size, door)["attach"])
            found = _figures("start", *size)
            start[_name(*size)].append(found["start"])
            resident[_name(*size)].append(found["resident"])
        addresses.append(_figures("addresses"))
    most = _figures("start", *TEN_TIMES)
    start_rows, resident_rows = _rows(start), _rows(resident)
    largest = max(max(row.rounds) for row in resident_rows)
    slowest = max(max(row.rounds) for row in start_rows)
    return [
        *(
            Table(
                f"One more endpoint, {'as Docker makes it' if door == 'docker' else 'with `ipvl attach`'}",
                "milliseconds",
                _rows(attach[door]),
                targets={_name(*size): 1.2 for size in SIZES[1:]},
                note="On this machine, the state on its disk and every commit synchronous; the kernel is instant.",
            )
            for door in DOORS
        ),
        Table(
            "Restart: open the state, compare it with the host, write what is due",
            "seconds",
            start_rows,
            note=f"The slowest of all took {slowest:.2f} s (target: at most 5 s). Ten times the most, "
            f"{_name(*TEN_TIMES)}: {most['start']:.1f} s, {most['resident']:.0f} MiB.",
        ),
        Table(
            "Memory after that",
            "MiB resident",
            resident_rows,
            note=f"At most {largest:.0f} MiB (target: at most 80 MB).",
        ),
        Table(
            "An address of a /16",
            "microseconds",
            [
                Measured("the first thousand", tuple(one["first"] for one in addresses)),
                Measured("the last thousand", tuple(one["last"] for one in addresses)),
            ],
            targets={"the last thousand": 1.2},
            note=f"All 65,534 of them: {sorted(one['seconds'] for one in addresses)[len(addresses) // 2]:.2f} s in the"
            f" median (target: below a second), kept as {addresses[0]['runs']:.0f} run.",
        ),
    ]


def _figures(*words: object) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scale", *map(str, words)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _rows(figures: dict[str, list[float]]) -> list[Measured]:
    return [Measured(name, tuple(values)) for name, values in figures.items()]


def _name(endpoints: int, networks: int, parents: int) -> str:
    many = f"{networks:,} network{'s' if networks > 1 else ''}"
    return f"{endpoints:,} endpoints, {many}, {parents:,} parent{'s' if parents > 1 else ''}"
