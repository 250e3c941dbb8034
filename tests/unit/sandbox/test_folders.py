"""The files of a sandbox, and their end."""

from __future__ import annotations

from ipvl.sandbox.folders import remove_tree


def test_a_tree_is_removed_and_what_links_lead_to_stays(tmp_path):
    """Files, folders, links to either and links to nothing."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/b/file").touch()
    (tree / "a/folder").symlink_to(elsewhere)
    (tree / "a/b/file link").symlink_to(elsewhere / "kept")
    (tree / "dangling").symlink_to("nowhere")

    remove_tree(tree)

    assert [elsewhere] == list(tmp_path.iterdir())
    assert [elsewhere / "kept"] == list(elsewhere.iterdir())


def test_what_is_gone_is_done(tmp_path):
    """Twice is as good as once."""
    remove_tree(tmp_path / "missing")

    assert [] == list(tmp_path.iterdir())


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path):
    """Neither it nor what is behind it is touched."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/kept").touch()
    (tmp_path / "link").symlink_to("real")

    remove_tree(tmp_path / "link")

    assert (tmp_path / "real/kept").exists()
