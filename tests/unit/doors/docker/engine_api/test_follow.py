"""Names and lists from Docker's own API."""

from __future__ import annotations

import asyncio
import json

import h11
import msgspec
import pytest

from ipvl.doors.docker.engine_api import follow as engine_api
from ipvl.doors.docker.engine_api.follow import compare, follow_docker, learn_missing_names, learn_names
from ipvl.driver.endpoints.create_join_leave import create_endpoint, name_endpoint
from ipvl.driver.networks.create_remove import name_network
from ipvl.errors import IpvlError, unavailable
from tests.unit.builders import ENDPOINT_ID, ID, NOW, OTHER_ENDPOINT_ID, OTHER_ID, endpoint, network
from tests.unit.doors.docker.engine_api.fake_docker import FakeDocker

SECOND = endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.11/24",))
TRUNCATED = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{"
NOT_A_LIST = b'HTTP/1.1 500 Internal\r\nContent-Length: 17\r\n\r\n{"message": "no"}'
BROKEN = {
    "closed without an answer": b"",
    "cut off in the middle": TRUNCATED,
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "an error": NOT_A_LIST,
    "not JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n<>",
}


@pytest.fixture
def busy(world):
    """A world with network and endpoints that Docker made more than a minute ago."""
    world.create_network(network(parent="eth0.20"))
    world.create_endpoint(endpoint())
    world.create_endpoint(SECOND)
    world.now = NOW + 100
    return world


@pytest.fixture
def docker(tmp_path):
    """A Docker that has the same network and the first endpoint."""
    docker = FakeDocker(tmp_path / "docker.sock")
    docker.has(ID, "web", {ENDPOINT_ID: "shop"})
    return docker


def run(docker, work):
    """Run the work while Docker listens."""

    async def listening() -> object:
        async with docker.listening():
            return await work()

    return asyncio.run(listening())


def names(world) -> tuple[str | None, dict[str, str | None]]:
    return (world.engine.records.network(ID).name, {one.id: one.name for one in world.engine.records.endpoints()})


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_a_comparison_learns_names_and_forgets_what_is_gone(busy, docker, chunked):
    """However Docker frames its answers."""
    docker.chunked = chunked

    run(docker, lambda: compare(busy.engine, docker.socket))

    assert ("web", {ENDPOINT_ID: "shop"}) == names(busy)
    containers = ("/containers/json", {"network": [ID, "web"]})
    assert [("/info", {}), ("/networks", {}), (f"/networks/{ID}", {}), containers] == docker.asked


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
def test_a_long_list_is_read_to_its_end(busy, docker, chunked):
    """Far more than one read brings."""
    docker.chunked = chunked
    docker.networks = {"long": {"Name": "x" * 300_000, "Id": OTHER_ID}, **docker.networks}

    run(docker, lambda: compare(busy.engine, docker.socket))

    assert ("web", {ENDPOINT_ID: "shop"}) == names(busy)


def test_a_network_that_docker_had_and_has_no_longer_is_removed(busy, docker):
    """It was removed while ipvl was away, and Docker asks once only. ipvl remembers what it saw."""
    run(docker, lambda: compare(busy.engine, docker.socket))
    busy.restart()
    docker.networks = {}

    run(docker, lambda: compare(busy.engine, docker.socket))

    assert () == busy.store.load()
    assert None is busy.kernel.link("eth0.20")
    assert () == busy.engine.warnings


NAMED = (
    "network {0} was made by a Docker, but the Docker that ipvl asks (/run/docker.sock, unless it was told another)"
    " does not have it; if no other Docker on this host has it, remove it with `ipvl network forget {0}`"
)


def test_a_network_that_docker_was_never_seen_to_have_stays_and_is_named(busy, docker, caplog):
    """Another Docker on this host may have made it. It is logged once, and gone from the status with the network."""
    docker.networks = {}
    before = busy.picture()

    for _ in range(2):
        run(docker, lambda: compare(busy.engine, docker.socket))

    assert before == busy.picture()
    assert (NAMED.format(ID[:12]),) == busy.engine.warnings
    assert [NAMED.format(ID[:12])] == caplog.messages

    busy.delete_network(ID)

    assert () == busy.engine.warnings


@pytest.mark.parametrize(
    "other",
    [
        {"id": "another"},
        {"store": "another"},
        {"id": ""},
        {"store": ""},
        {"id": "", "store": ""},
    ],
    ids=["another Docker", "its data root was replaced", "no id", "it is starting", "Podman"],
)
def test_the_word_of_another_docker_removes_nothing(busy, docker, other):
    """Whoever answers at the socket now: only the Docker that had a network, in the same store, can have lost it."""
    run(docker, lambda: compare(busy.engine, docker.socket))
    before = busy.picture()
    docker.networks = {}
    for name, value in other.items():
        setattr(docker, name, value)

    run(docker, lambda: compare(busy.engine, docker.socket))

    assert before == busy.picture()
    assert (NAMED.format("web"),) == busy.engine.warnings


def test_a_network_is_known_by_its_id_whatever_the_plugin_is_called(busy, docker):
    """A managed plugin's networks are those of `NAME:latest`."""
    docker.networks[ID]["Driver"] = "mine:latest"

    run(docker, lambda: compare(busy.engine, docker.socket))

    assert ("web", {ENDPOINT_ID: "shop"}) == names(busy)
    assert docker.identity == busy.engine.records.network(ID).seen_by


def test_what_was_made_within_the_last_minute_stays(busy, docker):
    """Docker's list gets a network only after the driver has made it."""
    run(docker, lambda: compare(busy.engine, docker.socket))
    docker.networks = {}
    busy.now = NOW + 60
    before = busy.picture()

    run(docker, lambda: compare(busy.engine, docker.socket))

    assert before == busy.picture()
    assert () == busy.engine.warnings


def test_a_network_without_containers_has_none(busy, docker):
    """Docker may leave the map out."""
    del docker.networks[ID]["Containers"]

    run(docker, lambda: compare(busy.engine, docker.socket))

    assert ("web", {}) == names(busy)


def test_a_network_that_goes_between_two_answers_is_left_for_the_next_time(busy, docker):
    """It is in the list, but Docker does not know it any more."""
    docker.instead[f"/networks/{ID}"] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"

    run(docker, lambda: compare(busy.engine, docker.socket))

    assert None is not busy.engine.records.network(ID)


@pytest.mark.parametrize("path", ["/networks", f"/networks/{ID}"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_answer_forgets_nothing(busy, docker, how, path):
    """Only a whole and sensible answer is believed."""
    docker.instead[path] = BROKEN[how]
    before = busy.picture()

    with pytest.raises((h11.RemoteProtocolError, msgspec.DecodeError)):
        run(docker, lambda: compare(busy.engine, docker.socket))

    assert before == busy.picture()


def test_a_docker_that_is_away_is_an_error_that_forgets_nothing(busy, tmp_path):
    """No socket, no list."""
    before = busy.picture()

    with pytest.raises(FileNotFoundError):
        asyncio.run(compare(busy.engine, tmp_path / "missing.sock"))

    assert before == busy.picture()


def test_names_of_an_unknown_network_are_none(world, docker):
    """Docker does not have it: nothing is learnt."""
    assert None is run(docker, lambda: learn_names(world.engine, docker.socket, "a/b"))
    assert [("/networks/a%2Fb", {})] == docker.asked


def test_names_of_what_ipvl_does_not_have_are_passed_over(world, docker):
    """Docker's list may be ahead."""
    assert "web" == run(docker, lambda: learn_names(world.engine, docker.socket, ID)).name
    assert () == world.store.load()


def test_names_on_their_way_are_there_for_whoever_looks(busy, docker):
    """`ipvl status` right after `docker run`, before Docker's event has come; then nobody need be asked again."""
    docker.has(ID, "web", {ENDPOINT_ID: "shop", OTHER_ENDPOINT_ID: "bakery"})

    run(docker, lambda: learn_missing_names(busy.engine, docker.socket))
    run(docker, lambda: learn_missing_names(busy.engine, docker.socket))

    assert ("web", {ENDPOINT_ID: "shop", OTHER_ENDPOINT_ID: "bakery"}) == names(busy)
    assert [(f"/networks/{ID}", {})] == docker.asked


@pytest.mark.parametrize("how", BROKEN)
def test_a_docker_that_cannot_say_names_keeps_nobody_from_looking(busy, docker, how):
    """Names are a courtesy: the table is shown without."""
    docker.instead[f"/networks/{ID}"] = BROKEN[how]

    run(docker, lambda: learn_missing_names(busy.engine, docker.socket))

    assert (None, {ENDPOINT_ID: None, OTHER_ENDPOINT_ID: None}) == names(busy)


def test_a_docker_that_is_silent_keeps_nobody_waiting(busy, docker, monkeypatch):
    """It may be in the middle of something that holds its locks."""
    monkeypatch.setattr(engine_api, "NAMED_WITHIN", 0.01)
    hung_up = asyncio.Event()

    async def be_silent(reader, writer) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    async def look() -> None:
        await learn_missing_names(busy.engine, docker.socket)
        await hung_up.wait()

    monkeypatch.setattr(docker, "_serve", be_silent)

    run(docker, look)

    assert (None, {ENDPOINT_ID: None, OTHER_ENDPOINT_ID: None}) == names(busy)


def event(network_id: str, action: str = "connect", driver: str = "ipvl") -> bytes:
    actor = {"ID": network_id, "Attributes": {"container": "c", "name": "web", "type": driver}}
    return json.dumps({"Type": "network", "Action": action, "Actor": actor, "scope": "local"}).encode() + b"\n"


class Follower:
    """`follow_docker` at work, with a queue that tells what it has finished."""

    def __init__(self, monkeypatch) -> None:
        self.done: asyncio.Queue[str] = asyncio.Queue()
        monkeypatch.setattr(engine_api, "RETRY_AFTER", 0)
        monkeypatch.setattr(engine_api, "TOGETHER", 0)
        for name in ("learn_names", "compare"):
            monkeypatch.setattr(engine_api, name, self._reporting(name, getattr(engine_api, name)))

    def _reporting(self, name, function):
        async def report(*arguments: object) -> object:
            result = await function(*arguments)
            self.done.put_nowait(name)
            return result

        return report

    async def finishes(self, *expected: str) -> None:
        for name in expected:
            assert name == await self.done.get()

    def follow(self, world, docker, script) -> None:
        async def work() -> None:
            async with asyncio.timeout(20), docker.listening():
                following = asyncio.create_task(follow_docker(world.engine, docker.socket))
                await script()
                docker.events.put_nowait(b"")
                following.cancel()
                await asyncio.wait([following])
                assert following.cancelled()

        asyncio.run(work())


@pytest.fixture
def follower(monkeypatch):
    """A follower that tries again at once."""
    return Follower(monkeypatch)


def test_events_are_asked_for_before_the_lists_are_compared(busy, docker, follower):
    """Nothing can happen between the two."""

    async def script() -> None:
        await follower.finishes("learn_names", "compare")
        happenings = ["create", "connect", "disconnect", "rename", "destroy"]
        asked = {"type": ["network", "container"], "event": happenings}
        assert [("/events", asked), ("/info", {}), ("/networks", {})] == docker.asked[:3]

    follower.follow(busy, docker, script)

    assert ("web", {ENDPOINT_ID: "shop"}) == names(busy)


def test_an_event_brings_new_names(busy, docker, follower):
    """A container joined: its name is learnt at once, however the lines are cut."""

    async def script() -> None:
        await follower.finishes("learn_names", "compare")
        docker.has(ID, "web", {ENDPOINT_ID: "bakery"})
        line = event(ID)
        for start in range(0, len(line), 20):
            docker.events.put_nowait(line[start : start + 20])
        await follower.finishes("learn_names")

    follower.follow(busy, docker, script)

    assert ("web", {ENDPOINT_ID: "bakery"}) == names(busy)


def test_what_was_too_young_is_compared_again(busy, docker, follower, monkeypatch):
    """A minute later, while events go on: what Docker dropped just before ipvl reconnected is found then."""
    monkeypatch.setattr(engine_api, "AGAIN_AFTER", 0)
    busy.now = NOW + 30

    async def script() -> None:
        await follower.finishes("learn_names", "compare")
        busy.now = NOW + 100
        await follower.finishes("learn_names", "compare")
        docker.events.put_nowait(event(ID))
        await follower.finishes("learn_names")

    follower.follow(busy, docker, script)

    assert ("web", {ENDPOINT_ID: "shop"}) == names(busy)


def test_a_release_that_was_passed_over_has_docker_asked_again(busy, docker, follower, monkeypatch):
    """Not before there is a doubt, and then while events go on."""
    monkeypatch.setattr(engine_api, "AGAIN_AFTER", 0)

    async def script() -> None:
        for _ in range(2):
            await follower.finishes("learn_names", "compare")
        docker.networks.clear()
        busy.now = NOW + 100
        busy.engine.docker.comparison_due.set()
        await follower.finishes("compare")
        assert not busy.engine.docker.comparison_due.is_set()

    follower.follow(busy, docker, script)

    assert () == tuple(busy.engine.records.networks())


def test_a_container_that_is_renamed_has_its_new_name_at_once(busy, docker, follower):
    """Also while it runs; what it had on other networks, or is not on any, is passed over."""

    async def script() -> None:
        await follower.finishes("learn_names", "compare")
        docker.containers = {
            "c1": {
                "Id": "c1",
                "Names": ["/db/shop-link", "/bakery"],
                "NetworkSettings": {"Networks": {"web": {"EndpointID": ENDPOINT_ID}, "x": {"EndpointID": "other"}}},
            },
            "c2": {
                "Id": "c2",
                "Names": ["/idle"],
                "NetworkSettings": {"Networks": {"web": {"EndpointID": ""}, "none": None}},
            },
        }
        for identity in ("c2", "c1"):
            actor = {"ID": identity, "Attributes": {"name": "bakery", "oldName": "/shop"}}
            line = {"Type": "container", "Action": "rename", "Actor": actor}
            docker.events.put_nowait(json.dumps(line).encode() + b"\n")
        docker.events.put_nowait(event(ID, "create"))
        docker.has(ID, "web", {ENDPOINT_ID: "bakery"})
        await follower.finishes("learn_names")

    follower.follow(busy, docker, script)

    assert ("web", {ENDPOINT_ID: "bakery"}) == names(busy)


def test_a_refusal_has_the_names_that_are_on_their_way(busy, docker, follower):
    """A container just joined: whoever wants its address reads names and no ids, though no handler asks Docker."""
    late = endpoint("9" * 64)
    busy.attach(endpoint())

    async def script() -> None:
        await follower.finishes("learn_names", "compare")
        await name_network(busy.engine, ID, "old")
        await name_endpoint(busy.engine, ENDPOINT_ID, None)
        refused = asyncio.create_task(create_endpoint(busy.engine, late))
        await asyncio.sleep(0)
        docker.events.put_nowait(event(ID))
        with pytest.raises(IpvlError, match="by endpoint shop of network web"):
            await refused

    follower.follow(busy, docker, script)


def test_several_events_may_come_at_once(busy, docker, follower):
    """And those of other drivers, or that bring no name, are passed over."""

    async def script() -> None:
        await follower.finishes("learn_names", "compare")
        docker.asked.clear()
        ours = event(ID, "create") + event(OTHER_ID, driver="mine:latest")
        others = event("three", driver="bridge") + event(ID, "disconnect") + b"\n"
        docker.events.put_nowait(others + ours)
        await follower.finishes("learn_names", "learn_names")
        assert [f"/networks/{ID}", f"/networks/{OTHER_ID}"] == [path for path, _ in docker.asked]

    busy.create_network(network(OTHER_ID))
    follower.follow(busy, docker, script)


def test_containers_that_join_together_are_one_question(busy, docker, follower, monkeypatch):
    """A network's answer lists all of them; that of a new network is asked for at once."""
    monkeypatch.setattr(engine_api, "TOGETHER", 0.05)

    async def script() -> None:
        await follower.finishes("learn_names", "compare")
        docker.asked.clear()
        docker.events.put_nowait(event(ID))
        docker.events.put_nowait(event(OTHER_ID) + event(ID) + event(new, "create"))
        await follower.finishes("learn_names", "learn_names", "learn_names")
        assert [f"/networks/{one}" for one in (new, ID, OTHER_ID)] == [path for path, _ in docker.asked]

    new = "c" * 64
    busy.create_network(network(OTHER_ID))
    busy.create_network(network(new))
    follower.follow(busy, docker, script)


@pytest.mark.parametrize("path", ["/events", "/networks", f"/networks/{ID}"])
@pytest.mark.parametrize("how", BROKEN)
def test_following_goes_on_after_a_broken_answer(busy, docker, follower, how, path):
    """Docker was restarted, or something else listened there for a moment: ipvl tries again."""
    docker.instead[path] = BROKEN[how]

    async def script() -> None:
        while await follower.done.get() != "compare":
            pass

    follower.follow(busy, docker, script)

    assert ("web", {ENDPOINT_ID: "shop"}) == names(busy)


def test_following_goes_on_when_the_store_fails(busy, docker, follower, monkeypatch, caplog):
    """The disk was full for a moment."""
    remove_unlisted = engine_api.remove_unlisted
    failures = [unavailable("state file cannot be used: disk full")]

    async def fail_once(*arguments: object) -> None:
        if failures:
            raise failures.pop()
        await remove_unlisted(*arguments)

    monkeypatch.setattr(engine_api, "remove_unlisted", fail_once)

    async def script() -> None:
        await follower.finishes("learn_names", "learn_names", "compare")

    follower.follow(busy, docker, script)

    assert ("web", {ENDPOINT_ID: "shop"}) == names(busy)
    assert "what Docker no longer has could not be removed: state file cannot be used: disk full" in caplog.messages


def test_following_waits_for_docker(busy, docker, follower, monkeypatch):
    """Docker starts after ipvl."""
    tried = asyncio.Event()
    follow = engine_api._follow

    async def follow_and_tell(*arguments: object) -> None:
        try:
            await follow(*arguments)
        finally:
            tried.set()

    monkeypatch.setattr(engine_api, "_follow", follow_and_tell)

    async def work() -> None:
        following = asyncio.create_task(follow_docker(busy.engine, docker.socket))
        await tried.wait()
        async with asyncio.timeout(20), docker.listening():
            await follower.finishes("learn_names", "compare")
            docker.events.put_nowait(b"")
            following.cancel()
            await asyncio.wait([following])

    asyncio.run(work())

    assert ("web", {ENDPOINT_ID: "shop"}) == names(busy)
