"""Tell systemd how far the daemon is."""

from __future__ import annotations

import logging
import os
import socket

import pytest

from ipvl.daemon.systemd_notify import notify_systemd


@pytest.mark.parametrize("state", ["READY=1", "STOPPING=1"])
def test_systemd_is_told_over_its_socket(tmp_path, state):
    """One datagram with the state."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.settimeout(10)

        notify_systemd({"NOTIFY_SOCKET": path}, state)

        assert state.encode() == systemd.recv(100)


def test_a_socket_without_a_file_is_told_too():
    """`@` stands for the abstract namespace (sdnotify_systemd(3))."""
    name = f"ipvl-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name)
        systemd.settimeout(10)

        notify_systemd({"NOTIFY_SOCKET": "@" + name}, "READY=1")

        assert b"READY=1" == systemd.recv(100)


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}])
def test_without_systemd_nobody_is_told(environment, caplog):
    """And nothing is said about it."""
    notify_systemd(environment, "READY=1")

    assert [] == caplog.messages


def test_a_systemd_that_is_away_is_a_warning(tmp_path, caplog):
    """The daemon serves all the same."""
    caplog.set_level(logging.WARNING)

    notify_systemd({"NOTIFY_SOCKET": str(tmp_path / "missing")}, "READY=1")

    assert ["systemd could not be told READY=1: No such file or directory"] == caplog.messages
