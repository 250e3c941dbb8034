"""Docker's bodies as it sends them, and ipvl's answers to the letter: `testfiles`, one file a method."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ipvl.doors.docker.plugin_requests import CALLS
from ipvl.options.endpoint import port_name

FILES = {path.stem: json.loads(path.read_text()) for path in Path(__file__).parent.joinpath("testfiles").glob("*.json")}
# What Docker asks for before it can ask for the method.
LIFE = {
    "NetworkDriver.CreateEndpoint": ["CreateNetwork"],
    "NetworkDriver.EndpointOperInfo": ["CreateNetwork", "CreateEndpoint"],
    "NetworkDriver.Join": ["CreateNetwork", "CreateEndpoint"],
    "NetworkDriver.ProgramExternalConnectivity": ["CreateNetwork", "CreateEndpoint", "Join"],
    "NetworkDriver.RevokeExternalConnectivity": ["CreateNetwork", "CreateEndpoint", "Join"],
    "NetworkDriver.Leave": ["CreateNetwork", "CreateEndpoint", "Join"],
    "NetworkDriver.DeleteEndpoint": ["CreateNetwork", "CreateEndpoint", "Join", "Leave"],
    "NetworkDriver.DeleteNetwork": ["CreateNetwork"],
    "IpamDriver.ReleasePool": ["RequestPool"],
    "IpamDriver.RequestAddress": ["RequestPool"],
    "IpamDriver.ReleaseAddress": ["RequestPool", "RequestAddress"],
}


def live_until(ask, method: str) -> None:
    """Ask for what comes before the method."""
    kind, _, _ = method.partition(".")
    for earlier in LIFE.get(method, []):
        ask(f"{kind}.{earlier}", FILES[f"{kind}.{earlier}"]["request"])


def test_every_method_has_a_file():
    """No method is answered untested."""
    assert set(CALLS) == set(FILES)


@pytest.mark.parametrize("method", sorted(FILES))
def test_every_method_is_answered_to_the_letter(ask, method):
    """Keys, spelling and types are those that Docker reads; a repeated call has the same answer."""
    live_until(ask, method)

    answer = ask(method, FILES[method]["request"])

    assert 200 == answer.status
    assert FILES[method]["answer"] == answer.body
    assert answer == ask(method, FILES[method]["request"])


@pytest.mark.parametrize("method", sorted(name for name, file in FILES.items() if file["request"] is not None))
def test_fields_that_ipvl_does_not_know_are_passed_over(ask, method):
    """The next Docker may send more."""
    live_until(ask, method)
    request = FILES[method]["request"]
    future = {**request, "Future": {"a": [1]}}
    if method.startswith("NetworkDriver."):
        future["Options"] = {**(request.get("Options") or {}), "com.docker.future": [1]}
    if "Interface" in request:
        future["Interface"] = {**request["Interface"], "Future": 1}
    if request.get("IPv4Data"):
        future["IPv4Data"] = [{**pool, "Future": 1} for pool in request["IPv4Data"]]

    assert FILES[method]["answer"] == ask(method, future).body


def test_a_containers_whole_life_leaves_nothing(world, ask):
    """The calls of `docker network create`, `run`, `rm` and `network rm`, in Docker's order."""
    before = world.picture()
    join = FILES["NetworkDriver.Join"]["request"]
    for method in ("Plugin.Activate", "NetworkDriver.GetCapabilities", "NetworkDriver.GwAllocCheck"):
        ask(method, FILES[method]["request"])
    for method in ("CreateNetwork", "CreateEndpoint", "Join"):
        ask(f"NetworkDriver.{method}", FILES[f"NetworkDriver.{method}"]["request"])
    world.kernel.open_sandbox(join["SandboxKey"])
    world.kernel.take(port_name(join["EndpointID"]), join["SandboxKey"])

    assert [join["EndpointID"]] == [one.id for one in world.engine.records.endpoints()]
    assert None is not world.kernel.link("eth0", join["SandboxKey"])

    world.kernel.give_back(port_name(join["EndpointID"]), join["SandboxKey"])
    for method in ("Leave", "DeleteEndpoint", "DeleteNetwork"):
        answer = ask(f"NetworkDriver.{method}", FILES[f"NetworkDriver.{method}"]["request"])
        assert {} == answer.body
    assert before == world.picture()
