"""Runs of the host's kernel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Boot:
    """A run of the host's kernel, and how ipvl counts time in it: see `ipvl.clock.steady_clock`.

    `id` is the kernel's own. `began` is when ipvl first ran in it. `offset` is what is added to the seconds since the
    boot, and `ahead` by how many seconds the wall clock was before ipvl's count when it was looked at last.
    """

    id: str
    began: float
    offset: float
    ahead: float = 0.0
