"""Resolvers that a lease names, in a sandbox's resolv.conf."""

from __future__ import annotations

from ipvl.sandbox.resolvers import write_resolvers

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
