"""What a sandbox's resolv.conf says: its flags, its leases, and what of the host's file is of use to it."""

from __future__ import annotations

import os

import pytest

from ipvl.sandbox.etc.resolv_conf import (
    Resolvers,
    parse_resolv_conf,
    read_host_resolvers,
    write_first_resolvers,
    write_resolvers,
)

TEXT = "search lan.example\nnameserver 192.168.20.1\n"


def test_resolvers_replace_what_was_there(tmp_path):
    """In place, since the file itself is mounted in the sandbox, and to the end, whatever was longer."""
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 9.9.9.9\n" * 10)
    inode = file.stat().st_ino

    for _ in range(2):
        write_resolvers(str(tmp_path / "hosts"), TEXT)

        assert (inode, TEXT) == (file.stat().st_ino, file.read_text())


def test_a_file_that_is_gone_is_not_made(tmp_path):
    """Its sandbox is gone as well."""
    write_resolvers(str(tmp_path / "hosts"), TEXT)

    assert [] == list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_logged(tmp_path, caplog):
    """The sandbox starts all the same."""
    (tmp_path / "resolv.conf").mkdir()

    write_resolvers(str(tmp_path / "hosts"), TEXT)

    assert "cannot be written: Is a directory" in caplog.text


UPSTREAM = "nameserver 192.168.1.1\nnameserver fe80::1%eth0\nsearch lan.example\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n", UPSTREAM),
        ("# made by systemd-resolved\nnameserver 127.0.0.54\n", UPSTREAM),
        ("nameserver 127.0.0.53\nnameserver 10.0.0.1\n", "nameserver 10.0.0.1\n"),
        ("nameserver 127.0.0.1\nsearch corp.example\n", "search corp.example\n"),
        ("nameserver ::1\nnameserver 0.0.0.0\nnameserver ::\nnameserver ::ffff:127.0.0.1\n", ""),
        ("nameserver 127.1.2.3\nnameserver 2001:db8::53\n", "nameserver 2001:db8::53\n"),
        ("nameserver fe80::1%wlan0\n", "nameserver fe80::1%wlan0\n"),
        ("nameserver\nnameserver dns.example\nnameserver 1.1.1\n", ""),
        ("\tnameserver\t10.0.0.1 # the router\r\n;nameserver 10.0.0.2\n", "nameserver 10.0.0.1\n"),
        ("domain a.example\nsearch b.example c.example\nsearch\n", "search b.example c.example\n"),
        ("options ndots:2\noptions rotate\nsortlist 10.0.0.0\n", "options ndots:2 rotate\nsortlist 10.0.0.0\n"),
        ("# nothing\n\n", ""),
        ("", ""),
        ("nameserver 10.0.0.1\n" + "#" * (1 << 17) + "\nnameserver 10.0.0.2\n", "nameserver 10.0.0.1\n"),
    ],
)
def test_of_the_hosts_file_what_a_sandbox_can_reach(tmp_path, text, expected):
    """By Docker's rules: no loopback, and where systemd-resolved answers there its own resolvers."""
    (tmp_path / "resolv.conf").write_text(text)
    (tmp_path / "resolved").write_text(UPSTREAM)

    found = read_host_resolvers(tmp_path / "resolv.conf", tmp_path / "resolved")

    assert parse_resolv_conf(expected) == found
    assert sorted(expected.splitlines()) == sorted(found.lines().splitlines())


@pytest.mark.parametrize("upstream", [None, "", "nameserver 127.0.0.1\n"])
def test_without_what_resolved_asks_nothing_is_made_up(tmp_path, upstream):
    """Nor is anything that was said beside lost."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\nsearch lan.example\n")
    if upstream is not None:
        (tmp_path / "resolved").write_text(upstream)

    found = read_host_resolvers(tmp_path / "resolv.conf", tmp_path / "resolved")

    assert "search lan.example\n" == found.lines()


def test_a_file_that_is_none_says_nothing(tmp_path):
    """A link that leads nowhere, a folder, a FIFO that nobody writes to."""
    link, fifo = tmp_path / "link", tmp_path / "fifo"
    link.symlink_to("nowhere")
    os.mkfifo(fifo)

    for file in (tmp_path / "none", link, fifo, tmp_path):
        assert Resolvers() == read_host_resolvers(file, file)


@pytest.mark.parametrize(
    ("given", "first", "leased"),
    [
        (
            Resolvers(),
            "search host.example\nnameserver 10.0.0.1\noptions rotate\n",
            "search lan.example\nnameserver 192.168.20.1\noptions rotate\n",
        ),
        (
            Resolvers(nameservers=("1.1.1.1",)),
            "search host.example\nnameserver 1.1.1.1\noptions rotate\n",
            "search lan.example\nnameserver 1.1.1.1\noptions rotate\n",
        ),
        (
            Resolvers(search=(".",), options=("ndots:1",)),
            "nameserver 10.0.0.1\noptions ndots:1\n",
            "nameserver 192.168.20.1\noptions ndots:1\n",
        ),
        (
            Resolvers(search=("a.example", ".", "b.example")),
            "search a.example b.example\nnameserver 10.0.0.1\noptions rotate\n",
            "search a.example b.example\nnameserver 192.168.20.1\noptions rotate\n",
        ),
    ],
)
def test_flags_go_before_leases_and_these_before_the_host(tmp_path, monkeypatch, given, first, leased):
    """Each kind of line by itself, whenever the lease comes; without it the host's are back."""
    host = parse_resolv_conf("search host.example\nnameserver 10.0.0.1\noptions rotate\n")
    monkeypatch.setattr("ipvl.sandbox.etc.resolv_conf.read_host_resolvers", lambda: host)
    file = tmp_path / "resolv.conf"

    write_first_resolvers(tmp_path, given)
    assert first == file.read_text()

    write_resolvers(str(tmp_path / "hosts"), TEXT)
    assert leased == file.read_text()

    write_resolvers(str(tmp_path / "hosts"), "")
    assert first == file.read_text()
