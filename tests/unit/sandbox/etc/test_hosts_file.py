"""Names in hosts files, beside what others wrote there."""

from __future__ import annotations

import os

import pytest

from ipvl.sandbox.etc.hosts_file import BEGIN_LINE, END_LINE, LOCALHOST_LINES, hosts_text, write_hosts

NAMES = "192.168.1.2 one\n"
OURS = BEGIN_LINE.decode() + NAMES + END_LINE.decode()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("")
    return path


def test_an_empty_file_gets_the_loopback_too(file):
    """A namespace's first hosts file is complete."""
    write_hosts(str(file), NAMES)

    assert LOCALHOST_LINES.decode() + OURS == file.read_text()


@pytest.mark.parametrize("end", ["", "\n"])
def test_what_others_wrote_stays(file, end):
    """Before and after ipvl's part, whatever becomes of that."""
    file.write_text(f"10.0.0.1 mine{end}")
    write_hosts(str(file), NAMES)
    assert f"10.0.0.1 mine\n{OURS}" == file.read_text()

    with file.open("a") as more:
        more.write("10.0.0.2 added\n")
    write_hosts(str(file), "192.168.1.3 two\n" * 3)
    assert "one" not in file.read_text()
    assert file.read_text().startswith("10.0.0.1 mine\n")
    assert file.read_text().endswith(f"{END_LINE.decode()}10.0.0.2 added\n")
    write_hosts(str(file), "")
    assert "10.0.0.1 mine\n10.0.0.2 added\n" == file.read_text()


def test_a_part_that_somebody_broke_is_made_anew():
    """Its end is missing: it is others' now."""
    broken = BEGIN_LINE + NAMES.encode()

    assert broken + OURS.encode() == hosts_text(broken, NAMES.encode())


def test_the_file_stays_the_same_file(file):
    """Sandboxes have it mounted."""
    before = file.stat().st_ino

    write_hosts(str(file), NAMES)

    assert before == file.stat().st_ino


def test_a_file_that_is_gone_is_no_trouble(tmp_path, caplog):
    """Its sandbox is, too; but one that cannot be written is told."""
    write_hosts(str(tmp_path / "none"), NAMES)
    assert "" == caplog.text

    write_hosts(str(tmp_path), NAMES)
    assert f"hosts file {tmp_path} cannot be written: {os.strerror(21)}" in caplog.text
