"""Sixty-four callers over both doors at once, over the fake kernel; the lab runs the same against the real one."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.lab.in_guest.callers import Picture, run_callers
from tests.unit.served_doors import Doors
from tests.unit.slow_kernel import SlowKernel

CALLERS = 64


class FakeHost:
    """The doors, and the fake kernel behind them."""

    def __init__(self, doors: Doors, namespaces: list[str]) -> None:
        self._doors = doors
        doors.world.engine.kernel = SlowKernel(doors.world.kernel)
        for path in namespaces:
            doors.world.kernel.open_sandbox(path)

    async def ask(self, door: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:
        answer = await self._doors.ask(door, "POST", target, json.dumps(body).encode())
        return answer.status, answer.body

    def picture(self) -> Picture:
        _, links = self._doors.world.picture()
        records = self._doors.world.engine.records
        return Picture(
            frozenset((one.id, one.parent, one.mode, one.phase) for one in records.networks()),
            frozenset((one.name, one.made) for one in records.parents()),
            frozenset(
                (
                    one.id,
                    records.network(one.network_id).parent,
                    tuple(str(each.ip) for each in one.addresses),
                    one.port,
                )
                for one in records.endpoints()
            ),
            frozenset(link.name for _, link, _ in links if link.made_by_ipvl),
            frozenset(link.name for where, link, _ in links if link.kind == "ipvlan" and where == "host"),
            Counter(where for where, link, _ in links if link.kind == "ipvlan" and where != "host"),
        )


def crowd(tmp_path, rounds: int, seed: int) -> Counter[str]:
    doors = Doors(tmp_path)
    namespaces = [f"/run/netns/caller{number}" for number in range(CALLERS)]
    host = FakeHost(doors, namespaces)
    try:
        calls = doors.run(
            run_callers(host, callers=CALLERS, rounds=rounds, seconds=3600, seed=seed, namespaces=namespaces)
        )
    finally:
        doors.close()
    assert [] == doors.complaints.found
    return calls


@pytest.mark.parametrize("seed", range(2))
def test_callers_do_not_get_in_each_others_way(tmp_path, seed):
    """After each round of calls everything granted is there, nothing else is, and at the end nothing is left."""
    calls = crowd(tmp_path, 12, seed)

    done = {name.partition(" ")[0] for name in calls if name.endswith(" done")}
    assert {"CreateNetwork", "DeleteNetwork", "CreateEndpoint", "Join", "Leave", "DeleteEndpoint"} <= done
    assert {"network.create", "network.remove", "attach", "detach"} <= done


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 20))
def test_callers_do_not_get_in_each_others_way_for_long(tmp_path, seed):
    """The same for two hundred rounds."""
    crowd(tmp_path, 200, seed)
