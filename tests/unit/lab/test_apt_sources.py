"""Where packages come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import SetupFailed
from lab.image.apt_sources import Source, as_list_line, parse_deb822, parse_one_line, sources_for, sources_of_machine

DEB822 = """\
# The archive.
Types: deb deb-src
URIs: http://archive.example/debian
# A comment between fields.
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://archive.example/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 abc

Types: deb
Enabled: no
URIs: http://other.example/debian
Suites: bookworm

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
"""


def test_sources_files_give_each_place_and_suite() -> None:
    """Every enabled binary source is found; one that is switched off or has sources only is not."""
    key = "/usr/share/keyrings/archive.gpg"

    assert [
        Source("http://archive.example/debian", "bookworm", key),
        Source("http://archive.example/debian", "bookworm-updates", key),
        Source("http://archive.example/security", "bookworm-security"),
    ] == parse_deb822(DEB822)


def test_one_line_files_are_understood_with_options_and_comments() -> None:
    """The older format gives the same."""
    text = """\
# deb http://no.example/ bookworm main
deb http://archive.example/debian bookworm main contrib # the archive
deb [arch=amd64 signed-by=/k.gpg] http://archive.example/security bookworm-security main
deb-src http://archive.example/debian bookworm main
"""

    assert [
        Source("http://archive.example/debian", "bookworm"),
        Source("http://archive.example/security", "bookworm-security", "/k.gpg"),
    ] == parse_one_line(text)


def test_a_machines_sources_come_from_all_its_files(tmp_path: Path) -> None:
    """Both formats count, other files beside them do not."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://one.example/ bookworm main\n")
    (tmp_path / "sources.list.d/two.sources").write_text("Types: deb\nURIs: http://two.example/\nSuites: bookworm\n")
    (tmp_path / "sources.list.d/three.list.off").write_text("deb http://three.example/ bookworm main\n")

    assert ["http://one.example/", "http://two.example/"] == [source.address for source in sources_of_machine(tmp_path)]


def test_the_machines_own_suite_comes_with_its_updates() -> None:
    """Security and updates belong to the release."""
    machine = parse_deb822(DEB822)

    assert machine == sources_for("bookworm", machine, "bookworm")


def test_another_suite_comes_from_the_same_archive() -> None:
    """The archive that has the machine's release has the others too."""
    (sid,) = sources_for("sid", parse_deb822(DEB822), "bookworm")

    assert "deb [signed-by=/usr/share/keyrings/archive.gpg] http://archive.example/debian sid main" == as_list_line(sid)


def test_a_machine_without_its_own_archive_is_refused() -> None:
    """Nothing is guessed when the archive is unknown."""
    with pytest.raises(SetupFailed, match="no apt source for this machine's release 'trixie'"):
        sources_for("sid", parse_deb822(DEB822), "trixie")
