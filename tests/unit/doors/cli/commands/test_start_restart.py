"""Sandboxes that have ended run again, or it is said why not."""

from __future__ import annotations

import pytest

from ipvl.clock.host_clocks import rfc3339
from ipvl.doors.cli.commands import start_restart
from ipvl.doors.cli.parser import parser
from ipvl.embedded.call_messages import SandboxView
from ipvl.errors import IpvlError
from ipvl.sandbox.process import ProgramError
from ipvl.startup.configuration import Configuration


def test_sandboxes_that_cannot_start_are_named_and_the_others_go_on(monkeypatch, capsys):
    """The supervisor is another process, so what it was refused comes back as a program's failure."""
    at = rfc3339(0)
    views = [
        SandboxView(
            one * 12, one, one, ("true",), "", 1, 1, 1, running=False, started=at, ended=at, exit_status=0, members=()
        )
        for one in "abc"
    ]
    started = []

    def start(request, _call):
        if request in "ac":
            raise ProgramError(f"address 192.168.1.7{request} is this host's own, on eth0; choose another address", 125)
        started.append(request)

    monkeypatch.setattr("ipvl.sandbox.supervisor.run_in_background", start)
    monkeypatch.setattr("ipvl.sandbox.start_requests.read_start_request", lambda folders: folders.layer.name[0])
    with pytest.raises(IpvlError, match=r"sandbox c cannot start: address 192\.168\.1\.7c is this host's own"):
        start_restart.run(
            parser().parse_args(["start", "a", "b", "c"]),
            lambda _name, request: next(one for one in views if one.name == request.sandbox),
            Configuration(),
        )

    assert ["b"] == started
    shown = capsys.readouterr()
    assert ("b\n", True) == (shown.out, shown.err.startswith("ipvl: sandbox a cannot start: address 192.168.1.7a is"))
