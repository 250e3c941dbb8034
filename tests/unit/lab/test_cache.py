"""The cache of images."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cache import cache_folder, fingerprint, finished_folder, tree_parts


def test_a_fingerprint_is_of_content_not_of_order() -> None:
    """The same parts give the same fingerprint."""
    assert fingerprint([("a", b"1"), ("b", b"2")]) == fingerprint([("b", b"2"), ("a", b"1")])


@pytest.mark.parametrize(
    "other",
    [[("a", b"1")], [("a", b"1"), ("b", b"3")], [("a", b"1"), ("c", b"2")], [("a", b""), ("b", b"12")]],
)
def test_a_fingerprint_changes_with_every_part(other: list[tuple[str, bytes]]) -> None:
    """A part that is missing, renamed or different, or bytes that move between parts, count."""
    assert fingerprint([("a", b"1"), ("b", b"2")]) != fingerprint(other)


def test_a_folders_fingerprint_ignores_compiled_python_only(tmp_path: Path) -> None:
    """Running the code does not change it; editing it or making it executable does."""
    (tmp_path / "deep").mkdir()
    script = tmp_path / "deep/script.sh"
    script.write_text("true\n")
    before = fingerprint(tree_parts(tmp_path))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/module.pyc").write_bytes(b"\0")
    after_running = fingerprint(tree_parts(tmp_path))
    script.chmod(0o755)

    assert before == after_running
    assert before != fingerprint(tree_parts(tmp_path))


def test_the_cache_is_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab's own variable goes before the desktop's, and that before the home folder."""
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("IPVL_LAB_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    in_home = cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", "/desktop")
    of_desktop = cache_folder()
    monkeypatch.setenv("IPVL_LAB_CACHE", "/chosen")

    assert ["/home/someone/.cache/ipvl-lab", "/desktop/ipvl-lab", "/chosen"] == [
        str(folder) for folder in (in_home, of_desktop, cache_folder())
    ]


def test_a_folder_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    """A failure half way leaves nothing behind, and the next try starts afresh."""

    def fail_half_way() -> None:
        with finished_folder(tmp_path / "image") as partial:
            (partial / "half").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    nothing = list(tmp_path.iterdir())
    with finished_folder(tmp_path / "image") as partial:
        (partial / "whole").write_text("")

    assert [] == nothing
    assert [tmp_path / "image/whole"] == list((tmp_path / "image").iterdir())
