"""`ipvl doctor`, from arguments to exit status, over the fake kernel."""

from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager, closing
from time import time

import pytest

import ipvl.__main__ as command
from ipvl.daemon import doctor_evidence
from ipvl.diagnosis.check_meanings import MEANINGS
from ipvl.doors.cli.parser import parser
from ipvl.errors import kernel_refused
from ipvl.model.host_facts import NetworkStack
from ipvl.model.networks import Mode
from ipvl.records.changes import Put, Record
from ipvl.store.state_file import open_store
from tests.contract.fake_kernel import FakeKernel
from tests.unit.builders import ENDPOINT_ID, OTHER_ID, SANDBOX, endpoint, network, parent
from tests.unit.diagnosis.cases import question

MAC = "00:50:56:39:45:01"
WEB = network(name="web")
GATEWAY = question("eth0", "192.168.20.1")


class Host:
    """A host with eth0 and a network on it, whose segment answers what it is told to."""

    def __init__(self, folder, monkeypatch, capsys) -> None:
        self.kernel = FakeKernel()
        self.kernel.add("eth0")
        self.folder = folder
        self.answers = {GATEWAY: (MAC,)}
        self.asked = []
        self.ended_early = []
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for name in ("open_host_kernel", "read_network_stack", "ask_neighbours"):
            monkeypatch.setattr(doctor_evidence, name, getattr(self, f"_{name}"))
        self.remember(parent(), WEB)

    def remember(self, *records: Record) -> None:
        with closing(open_store(self.folder / "state.db")) as store:
            store.commit(map(Put, records))

    def doctor(self, *words: str) -> tuple[int, list[str], str]:
        self._monkeypatch.setattr(sys, "argv", ["ipvl", "doctor", "--state-folder", str(self.folder), *words])
        code = command.main()
        printed = self._capsys.readouterr()
        return code, printed.out.splitlines(), printed.err

    @asynccontextmanager
    async def _open_host_kernel(self):
        yield self.kernel

    async def _read_network_stack(self, links):
        return NetworkStack()

    async def _ask_neighbours(self, questions, senders, *, one_answer_each):
        self.asked += questions
        self.ended_early.append(one_answer_each)
        return {one: self.answers.get(one, ()) for one in questions}


@pytest.fixture
def host(tmp_path, monkeypatch, capsys):
    return Host(tmp_path, monkeypatch, capsys)


def test_all_is_well(host):
    """One line that says what was looked at, and success."""
    assert (0, ["all is well: 19 checks on 1 network, 1 parent"], "") == host.doctor()
    assert [GATEWAY] == host.asked


def test_a_problem(host):
    """One line that says what is wrong and what to do, and status 1."""
    host.kernel.change("eth0", up=False)

    expected = ["problem: parent eth0 is down, so its containers reach nobody; bring it up with `ip link set eth0 up`"]
    assert (1, expected, "") == host.doctor()
    assert [] == host.asked, "a dead link hears nothing"


def test_a_warning(host):
    """Status 0: nothing is known to be wrong."""
    host.kernel.add("veth0", "ipvlan", on="eth0", up=False, mode=Mode.L2, flag=WEB.flag)

    code, lines, _ = host.doctor()

    assert 0 == code
    assert ["warning: ipvlan port veth0"] == [line[:26] for line in lines]


def test_json(host):
    """The same as data."""
    host.answers = {}

    code, lines, _ = host.doctor("--network", "web", "--json")

    answer = json.loads("\n".join(lines))
    assert 1 == code
    assert [("gateway", "problem", "web")] == [
        (finding["check"], finding["severity"], finding["subject"]) for finding in answer["findings"]
    ]
    assert ([], 19, 1, 1) == (answer["unchecked"], answer["checks"], answer["networks"], answer["parents"])


def test_where_nothing_has_run(host, tmp_path):
    """Without a state file there are no networks, and that is no finding; nothing is made either."""
    folder = tmp_path / "none"

    assert (0, ["all is well: 19 checks on 0 networks, 0 parents"], "") == host.doctor("--state-folder", str(folder))
    assert not folder.exists()


def test_a_parent_that_would_be_made(host):
    """`eth0.30` before there is a network on it."""
    assert (0, ["all is well: 19 checks on 0 networks, 1 parent"], "") == host.doctor("--parent", "eth0.30")


def test_a_state_file_that_cannot_be_read(host):
    """The rest is checked all the same, and nobody calls that well."""
    (host.folder / "state.db").write_text("garbage" * 1000)

    code, lines, _ = host.doctor("--parent", "eth0")

    assert 0 == code
    assert lines[0].startswith("not checked: networks and containers, because state file ")
    assert "nothing wrong was found: 19 checks on 0 networks, 1 parent" == lines[1]


def test_what_only_root_may_do(host, monkeypatch):
    """Each thing that could not be found out is said, and missing knowledge is no finding."""

    async def refuse(*_: object, **__: object) -> None:
        raise kernel_refused("ipvl may not do that (EPERM)", "run it as root")

    def unreadable(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/run/docker/netns")

    monkeypatch.setattr(host.kernel, "link_kinds", refuse)
    monkeypatch.setattr(host.kernel, "ports_in_other_namespaces", unreadable)
    monkeypatch.setattr(doctor_evidence, "ask_neighbours", refuse)
    host.remember(endpoint(ENDPOINT_ID, sandbox="/run/docker/netns/x"))
    host.kernel.open_sandbox("/run/docker/netns/x")

    code, lines, _ = host.doctor()

    assert 0 == code
    assert lines == [
        "not checked: gateways and duplicate addresses, because ipvl may not do that (EPERM); run it as root",
        "not checked: what kinds of links the kernel can make, because ipvl may not do that (EPERM); run it as root",
        "not checked: ports inside containers, because /run/docker/netns may not be read; run it as root",
        "nothing wrong was found: 19 checks on 1 network, 1 parent",
    ]


def test_docker_does_not_answer(host):
    """Then nobody can tell whether it needs its dummies; without any it is not asked."""
    host.kernel.add("di-0123456789ab", "dummy")

    code, lines, _ = host.doctor()

    assert 0 == code
    assert "not checked: whether Docker still needs di-0123456789ab, because Docker does not answer" == lines[0]


def test_more_addresses_than_are_asked_for(host):
    """What is left out is said."""
    host.remember(
        network(name="web", subnets=("10.0.0.0/16",)),
        *(
            endpoint(f"{number:064x}", addresses=(f"10.0.{number // 250}.{number % 250 + 2}/16",), changed=time())
            for number in range(300)
        ),
    )
    host.answers = {question("eth0", "10.0.0.1"): (MAC,)}

    _, lines, _ = host.doctor()

    assert "not checked: whether others have the addresses of 44 more containers of network web" == lines[0]


def test_what_comes_and_goes_meanwhile_is_no_finding(host, monkeypatch):
    """A port that a container takes, and a parent's half-made name, are there at one of two looks only."""
    ask = doctor_evidence.ask_neighbours

    async def make_meanwhile(questions, senders, **how):
        host.kernel.add("ipvl+0011223344", "dummy")
        host.kernel.add("ipvl0123456789a", "ipvlan", on="eth0", mode=WEB.mode, flag=WEB.flag)
        return await ask(questions, senders, **how)

    monkeypatch.setattr(doctor_evidence, "ask_neighbours", make_meanwhile)

    assert (0, ["all is well: 19 checks on 1 network, 1 parent"], "") == host.doctor()


@pytest.mark.parametrize("held", [False, True])
def test_the_wait_ends_with_the_last_gateway_unless_somebody_must_stay_silent(host, held):
    """Only addresses that containers hold are listened for until the end."""
    if held:
        host.remember(endpoint(sandbox=SANDBOX))
        host.kernel.open_sandbox(SANDBOX)
        host.kernel.add("p", "ipvlan", on="eth0", mode=WEB.mode, flag=WEB.flag)
        host.kernel.take("p", SANDBOX)

    assert (0, ["all is well: 19 checks on 1 network, 1 parent"], "") == host.doctor()
    assert [not held] == host.ended_early


def test_a_port_inside_a_sandbox_of_ipvls_own(host):
    """Its namespace has no name on the host, but ipvl knows where it is; the way out is ipvl's own as well."""
    namespace = "/proc/4711/ns/net"
    host.kernel.open_sandbox(namespace)
    own = network(OTHER_ID, name="shop", door="embedded", mode=Mode.L3, subnets=("192.168.30.0/24",), parent="eth1")
    addresses = ("192.168.30.10/24",)
    inode = host.kernel.namespace_inode(namespace)
    host.kernel.add("eth1")
    host.kernel.add_route("10.0.0.0/8", "eth1")
    host.remember(parent("eth1"), own)
    host.remember(endpoint(network_id=OTHER_ID, addresses=addresses, name="db", sandbox=namespace, inode=inode))
    host.kernel.add("p", "ipvlan", on="eth1", mode=own.mode, flag=own.flag)
    host.kernel.take("p", namespace)
    assert (0, ["all is well: 19 checks on 2 networks, 2 parents"], "") == host.doctor()
    host.kernel.give_back("p", namespace)
    host.kernel.remove("p")

    code, lines, _ = host.doctor()

    assert 1 == code
    assert lines == [
        "problem: member db has no port on eth1 any more, though ipvl gave it one in network shop;"
        " `ipvl attach --net shop --netns /proc/4711/ns/net --ip 192.168.30.10 --name db` gives it one again"
    ]


def test_what_is_set_right_between_the_looks_is_no_finding(host, monkeypatch):
    """A container whose port is moved at the first look and there at the second."""
    host.remember(endpoint(sandbox=SANDBOX))
    host.kernel.open_sandbox(SANDBOX)
    diagnose = doctor_evidence.diagnose

    def diagnose_and_give(evidence, unchecked):
        found = diagnose(evidence, unchecked)
        if not host.kernel.link("eth0", SANDBOX):
            host.kernel.add("p", "ipvlan", on="eth0", mode=WEB.mode, flag=WEB.flag)
            host.kernel.take("p", SANDBOX)
        return found

    monkeypatch.setattr(doctor_evidence, "diagnose", diagnose_and_give)

    assert (0, ["all is well: 19 checks on 1 network, 1 parent"], "") == host.doctor()


def test_an_unknown_network(host):
    """An error, with the status of things that are missing."""
    assert (4, [], "ipvl: network spellt is not known to ipvl; networks that are: web\n") == host.doctor(
        "--network", "spellt"
    )


def test_the_help_names_every_check():
    """With its meaning."""
    doctor = next(
        action.choices["doctor"] for action in parser()._actions if isinstance(action.choices, dict) and action.choices
    )

    for name, meaning in MEANINGS.items():
        assert f"  {name:9}  {meaning}\n" in doctor.format_help()
