"""The HTTP side: bodies that are not what Docker sends, and methods that are none."""

from __future__ import annotations

import json

import pytest

from ipvl.doors.docker.plugin_requests import CALLS, docker_door
from ipvl.driver.networks import create_remove
from tests.unit.doors.door_calls import DOCKERS_MEDIA_TYPE, call

WITHOUT_A_BODY = {
    "Plugin.Activate",
    "NetworkDriver.GetCapabilities",
    "IpamDriver.GetCapabilities",
    "IpamDriver.GetDefaultAddressSpaces",
}
WITH_A_BODY = sorted(set(CALLS) - WITHOUT_A_BODY)


def failure(world, path: str, body: bytes = b"", method: str = "POST") -> tuple[int, str]:
    """Return status and sentence of an answer that Docker shows as an error; nothing may have changed."""
    before = world.picture()
    answer = call(docker_door(world.engine), path, body, method)
    assert DOCKERS_MEDIA_TYPE == answer.media_type
    assert {"Err": answer.body["Err"], "Error": answer.body["Err"]} == answer.body
    assert before == world.picture()
    return answer.status, answer.body["Err"]


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("/NetworkDriver.Fly", "POST", "ipvl has no method '/NetworkDriver.Fly' by POST"),
        ("/IpamDriver.Fly", "POST", "ipvl has no method '/IpamDriver.Fly' by POST"),
        ("/", "POST", "ipvl has no method '/' by POST"),
        ("/NetworkDriver.Join/", "POST", "ipvl has no method '/NetworkDriver.Join/' by POST"),
        ("/networkdriver.join", "POST", "ipvl has no method '/networkdriver.join' by POST"),
        ("/Plugin.Activate", "GET", "ipvl has no method '/Plugin.Activate' by GET"),
        ("/NetworkDriver.Join", "PUT", "ipvl has no method '/NetworkDriver.Join' by PUT"),
        ("/" + "x" * 200, "DELETE", f"ipvl has no method '/{'x' * 79}' by DELETE"),
    ],
)
def test_a_method_that_is_none_is_not_found(world, path, method, expected):
    """Docker takes 404 for "not supported" where it can do without."""
    assert (404, expected) == failure(world, path, b"", method)


@pytest.mark.parametrize("method", WITH_A_BODY)
def test_an_empty_body_where_one_is_due_is_an_error(world, method):
    """Docker's retry may send a drained buffer; ipvl must not take that for a wish."""
    status, sentence = failure(world, f"/{method}")

    assert (400, f"{method}: the body is not what Docker sends: Input data was truncated") == (status, sentence)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'"x"', b"1", b'{"NetworkID": "\xff"}', b"\x00", b"[" * 100_000]
)
def test_a_body_that_is_no_object_is_an_error(world, body):
    """Whatever it is, the answer says whose body it was."""
    status, sentence = failure(world, "/NetworkDriver.DeleteNetwork", body)

    assert 400 == status
    assert sentence.startswith("NetworkDriver.DeleteNetwork: the body is not what Docker sends: ")


@pytest.mark.parametrize(
    ("method", "body", "reason"),
    [
        ("DeleteNetwork", {}, "Object missing required field `NetworkID`"),
        ("DeleteNetwork", {"NetworkID": 7}, "Expected `str`, got `int` - at `$.NetworkID`"),
        ("Join", {"NetworkID": "a", "EndpointID": "b"}, "Object missing required field `SandboxKey`"),
        ("CreateNetwork", {"NetworkID": "a", "Options": []}, "Expected `object | null`, got `array` - at `$.Options`"),
        (
            "CreateNetwork",
            {"NetworkID": "a", "IPv4Data": [{"Pool": 1}]},
            "Expected `str`, got `int` - at `$.IPv4Data[0].Pool`",
        ),
    ],
)
def test_a_field_of_another_type_is_an_error(world, method, body, reason):
    """The answer says which."""
    expected = f"NetworkDriver.{method}: the body is not what Docker sends: {reason}"

    assert (400, expected) == failure(world, f"/NetworkDriver.{method}", json.dumps(body).encode())


@pytest.mark.parametrize("method", sorted(WITHOUT_A_BODY))
def test_a_body_where_none_is_due_is_passed_over(world, method):
    """Docker sends none; another client may."""
    assert 200 == call(docker_door(world.engine), f"/{method}", b"not even JSON").status


def test_a_bug_is_an_answer_too(world, monkeypatch):
    """Docker, which waits without a limit, hears that something broke and where to look."""

    async def broken(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(create_remove, "delete_network", broken)
    expected = "ipvl failed at /NetworkDriver.DeleteNetwork (ZeroDivisionError); its log has the details"

    assert (500, expected) == failure(world, "/NetworkDriver.DeleteNetwork", b'{"NetworkID": "a"}')
