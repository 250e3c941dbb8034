"""The files by which a sandbox's programs find names, and what the user is told when there is no resolver."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from ipvl.embedded.call_messages import NamedNetwork
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.errors import Kind
from ipvl.sandbox.etc.etc_files import missing_resolver_notice, write_etc_files
from ipvl.sandbox.etc.resolv_conf import Resolvers, parse_resolv_conf
from ipvl.sandbox.folders import SandboxFolders
from ipvl.sandbox.process import Program
from ipvl.sandbox.start_requests import SandboxRequest
from tests.unit.refusals import refusal

LOCAL = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


@pytest.fixture
def host(tmp_path, monkeypatch):
    """What the host's resolv.conf says; none to begin with."""

    def say(text: str) -> None:
        monkeypatch.setattr("ipvl.sandbox.etc.resolv_conf.read_host_resolvers", lambda: parse_resolv_conf(text))

    say("")
    (tmp_path / "host").touch()
    monkeypatch.setattr("ipvl.sandbox.etc.etc_files.HOST_RESOLV_CONF", tmp_path / "host")
    return say


@pytest.fixture
def wish(tmp_path, host):
    return SandboxRequest(
        id="a" * 64,
        name="one",
        hostname="uno",
        program=Program(("true",), {}, "/", frozenset()),
        root_filesystem="alpine",
        root=tmp_path,
        folders=SandboxFolders(tmp_path / "layer", tmp_path / "run"),
        sysctls={},
        removed_at_end=False,
        attachments=(NetworkAttachment("web"), NetworkAttachment("db")),
        interactive=False,
    )


def networks(**addresses):
    """Return the engine's answers on networks whose hosts have these addresses."""

    def call(name: str, request: NamedNetwork) -> object:
        assert "network.inspect" == name
        return view(host_access=addresses.get(request.network, ()))

    return call


def view(*subnets, **fields):
    """Return what the engine says of a network."""
    subnets = [SimpleNamespace(subnet=one) for one in subnets or ("192.168.1.0/24", "2001:db8::/64")]
    usual = {"host_access": (), "parent": "eth0", "mode": "l2", "addressing": "pool", "subnets": subnets}
    return SimpleNamespace(**{**usual, **fields})


FOUR, SIX = view("192.168.1.0/24"), view("2001:db8::/64", parent="eth1")


@pytest.mark.parametrize(
    ("said", "on", "asked"),
    [
        ("192.168.1.1", [FOUR], "192.168.1.1"),
        ("2001:db8::1", [FOUR], ""),
        ("2001:db8::1", [FOUR, SIX], "2001:db8::1"),
        ("192.168.1.1", [SIX], ""),
        ("2001:db8::1", [view(addressing="none", subnets=[])], "2001:db8::1"),
        ("2001:db8::1", [view(addressing="dhcp", subnets=[])], ""),
        ("fe80::1%eth1", [FOUR, SIX], "fe80::1%eth1"),
        ("fe80::1%enp3s0", [view(parent="enp3s0")], "fe80::1%eth0"),
        ("fe80::1%eth1", [FOUR], ""),
        ("fe80::1%eth0", [FOUR], ""),
        ("fe80::1%eth0", [view(mode="l3")], ""),
        ("fe80::1", [view()], ""),
    ],
)
def test_only_those_of_the_hosts_resolvers_are_asked_that_can_be(wish, monkeypatch, said, on, asked):
    """By family, by segment, and called as the sandbox has to call them."""
    monkeypatch.setattr(
        "ipvl.sandbox.etc.resolv_conf.read_host_resolvers", lambda: parse_resolv_conf(f"nameserver {said}\n")
    )
    views = iter(on)
    write_etc_files(replace(wish, attachments=wish.attachments[: len(on)]), lambda _name, _request: next(views))

    assert (f"nameserver {asked}\n" if asked else "") == wish.folders.name_file("resolv.conf").read_text()


@pytest.mark.parametrize(
    ("subnet", "access", "asked"),
    [("127.0.0.0/8", (), ""), ("127.0.0.0/8", ("127.9.9.9",), "127.0.0.1"), ("192.168.1.0/24", (), "127.0.0.1")],
)
def test_a_resolver_at_the_hosts_own_address_is_out_of_reach_on_its_segment(wish, monkeypatch, subnet, access, asked):
    """Elsewhere a router leads there; 127.0.0.1 stands for any address of this host's."""
    monkeypatch.setattr(
        "ipvl.sandbox.etc.resolv_conf.read_host_resolvers", lambda: parse_resolv_conf("nameserver 127.0.0.1\n")
    )
    write_etc_files(wish, lambda _name, _request: view(subnet, host_access=access))

    assert (f"nameserver {asked}\n" if asked else "") == wish.folders.name_file("resolv.conf").read_text()


def test_a_sandbox_without_a_resolver_is_told_of(wish, host):
    """In one sentence with the way out; with a resolver, or without a network, there is nothing to say."""
    write_etc_files(wish, networks())
    assert missing_resolver_notice(wish) == (
        f"ipvl: sandbox one has no resolver: the host's {wish.folders.run.parent}/host names none that is within its"
        " reach; give it one with --dns ADDRESS\n"
    )
    assert "" == missing_resolver_notice(replace(wish, attachments=()))

    given = replace(wish, resolvers=Resolvers(nameservers=("1.1.1.1",)))
    write_etc_files(given, networks())
    assert "" == missing_resolver_notice(given)

    host("nameserver 10.0.0.1\n")
    write_etc_files(wish, networks())
    assert "" == missing_resolver_notice(wish)


def test_a_program_on_the_hosts_own_files_needs_one_to_cover(wish, tmp_path):
    """What cannot be given is refused, and what comes from elsewhere is not silently lost."""
    (tmp_path / "host").unlink()
    own = replace(wish, root=None)
    given = replace(own, resolvers=Resolvers(options=("rotate",)))

    assert refusal(Kind.MISSING, write_etc_files, given, networks()) == (
        f"the host has no {tmp_path}/host, so a program on the host's own files cannot be given another;"
        " make that file, an empty one will do, or run it on a root filesystem"
    )
    (tmp_path / "host").mkdir()
    said = refusal(Kind.MISSING, write_etc_files, given, networks())
    assert said.startswith(f"the host's {tmp_path}/host is a directory, so a program on the host's own files cannot")
    write_etc_files(own, networks())
    assert missing_resolver_notice(own) == (
        f"ipvl: sandbox one has no resolver: the host has no {tmp_path}/host that could be covered; make that file\n"
    )


def test_names_that_are_given_come_first(wish):
    """Before those of the members, which ipvl adds; without any the file is left to that."""
    write_etc_files(wish, networks())
    assert "" == wish.folders.name_file("hosts").read_text()

    known = (("db", "192.168.1.9"), ("db", "2001:db8::9"), ("gate", "host-gateway"))
    write_etc_files(replace(wish, extra_hosts=known), networks(db=("192.168.1.254", "2001:db8::254")))

    assert f"{LOCAL}192.168.1.9 db\n2001:db8::9 db\n192.168.1.254 gate\n2001:db8::254 gate\n" == (
        wish.folders.name_file("hosts").read_text()
    )


def test_host_gateway_without_host_access_is_refused(wish):
    """On ipvlan the host is not reached by its own address."""
    gate = replace(wish, extra_hosts=(("host.docker.internal", "host-gateway"),))

    assert refusal(Kind.INVALID, write_etc_files, gate, networks()) == (
        "--add-host host.docker.internal:host-gateway needs an address of the host's on a network of the sandbox's;"
        " make that network with -o host_access=true, or give an address"
    )
