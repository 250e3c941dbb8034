"""What `ipvl run` makes of its words before anything starts."""

from __future__ import annotations

import io
import tarfile

import pytest

from ipvl.clock.host_clocks import rfc3339
from ipvl.doors.cli.commands import rootfs, run
from ipvl.doors.cli.parser import parser
from ipvl.embedded.call_messages import Sandboxes, SandboxView
from ipvl.embedded.sandbox_messages import CheckSandbox, NetworkAttachment
from ipvl.errors import IpvlError
from ipvl.sandbox.etc.resolv_conf import Resolvers
from ipvl.startup.configuration import Configuration


@pytest.fixture
def settings(tmp_path):
    """Where everything is, with a root filesystem of a known name."""
    (tmp_path / "state" / "rootfs" / "alpine").mkdir(parents=True)
    return Configuration(state_folder=tmp_path / "state", control_socket=tmp_path / "run" / "control.sock")


def wish(settings, *words):
    asked = []
    made = run._request(parser().parse_args(["run", *words]), lambda *call: asked.append(call), settings)
    ((name, request),) = asked
    assert "sandbox.check" == name
    assert CheckSandbox(made.name, made.attachments) == request
    return made


def test_addresses_are_for_the_first_network(settings):
    """And none is a network that is none."""
    flags = ("--net", "none", "--net", "web", "--net", "db", "--ip", "10.0.0.9", "--mac-address", "02:00:00:00:00:01")
    made = wish(settings, *flags, "alpine", "true")

    assert (NetworkAttachment("web", "10.0.0.9", mac="02:00:00:00:00:01"), NetworkAttachment("db")) == made.attachments
    assert settings.root_filesystems / "alpine" == made.root


def test_resolvers_and_names_are_kept_with_the_wish(settings):
    """As Docker's flags of the same names; what cannot be is refused before anything is asked."""
    flags = ("--dns", "1.1.1.1", "--dns=[2001:db8::53]", "--dns-search", ".", "--dns-opt", "ndots:1")
    made = wish(settings, *flags, "--add-host", "db=192.168.1.9", "--add-host", "a:host-gateway", "alpine", "true")

    assert Resolvers(("1.1.1.1", "2001:db8::53"), (".",), ("ndots:1",)) == made.resolvers
    assert (("db", "192.168.1.9"), ("a", "host-gateway")) == made.extra_hosts
    for bad in (("--dns", "x"), ("--dns-search", "a b"), ("--dns-option", " "), ("--add-host", "db")):
        with pytest.raises(IpvlError, match=f"^{bad[0]} .* is not"):
            wish(settings, *bad, "alpine", "true")


def test_an_address_without_a_network_is_refused(settings):
    """It would be passed over."""
    with pytest.raises(IpvlError, match="an address or alias needs a network"):
        wish(settings, "--ip", "10.0.0.9", "alpine", "true")


def test_a_root_filesystem_that_is_given_is_a_path_and_one_that_is_named_a_name(settings, tmp_path, monkeypatch):
    """Whatever else is in the folder where the command is typed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alpine").write_text("no archive")
    (tmp_path / "own").mkdir()

    assert settings.root_filesystems / "alpine" == wish(settings, "alpine", "true").root
    assert tmp_path / "own" == wish(settings, "--rootfs", "own", "true").root


def test_an_archive_that_cannot_be_unpacked_leaves_nothing(settings, tmp_path):
    """And is refused in one line."""
    (tmp_path / "text").write_text("no archive")

    with pytest.raises(IpvlError) as refused:
        wish(settings, "--rootfs", str(tmp_path / "text"), "true")

    assert f"{tmp_path}/text is not a tar archive" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [] == list(settings.state_folder.glob("sandboxes/*"))


def test_an_archive_is_unpacked_into_the_sandboxs_own_files(settings, tmp_path):
    """So it goes with them."""
    with tarfile.open(tmp_path / "one.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("hello"), io.BytesIO())

    made = wish(settings, "--rootfs", str(tmp_path / "one.tar"), "true")

    assert (made.folders.layer / "rootfs", True) == (made.root, (made.root / "hello").exists())


def test_a_root_filesystem_stays_while_a_sandbox_is_on_it(settings):
    """It sees its files below a layer of its own, also when it is started again."""
    one = SandboxView(
        "1",
        "one",
        "one",
        (),
        "alpine:latest",
        1,
        1,
        1,
        running=False,
        started=rfc3339(0.0),
        ended=rfc3339(1.0),
        exit_status=0,
        members=(),
    )
    arguments = parser().parse_args(["rootfs", "rm", "alpine"])

    with pytest.raises(IpvlError, match="sandbox one"):
        rootfs.run(arguments, lambda *_: Sandboxes((one,)), settings)
    assert 0 == rootfs.run(arguments, lambda *_: Sandboxes(()), settings)
    assert not (settings.root_filesystems / "alpine").exists()
