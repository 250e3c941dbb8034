"""The documents against the code they describe."""

from __future__ import annotations

import re
import signal
import tomllib
from pathlib import Path

import pytest

from ipvl.doors.cli.exit_statuses import EXIT_STATUS
from ipvl.doors.cli.parser import parser
from ipvl.doors.cli.topology.svg_picture import topology_svg
from ipvl.options.driver_options import IPAM_OPTIONS, NETWORK_OPTIONS
from ipvl.sandbox.process import FAILED_STATUS, NOT_EXECUTABLE_STATUS, NOT_FOUND_STATUS
from ipvl.startup.configuration import Configuration
from manual.example import example
from manual.help_tree import help_tree
from manual.man_pages import EXIT_STATUSES
from manual.markdown import commands_page

STATUSES = {0, 1, *EXIT_STATUS.values(), FAILED_STATUS, NOT_EXECUTABLE_STATUS, NOT_FOUND_STATUS, 128 + signal.SIGINT}
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "ipvl"
GUEST_SIDE = ROOT / "lab" / "guest_side"
DOCUMENTS = [path for folder in (".", "docs", "lab", "examples") for path in (ROOT / folder).glob("*.md")]


def test_every_option_is_documented_as_the_table_has_it() -> None:
    """docs/options.md has one row an option, with the table's own words."""
    text = (DOCS / "options.md").read_text()

    for flag, option in [*(("-o", one) for one in NETWORK_OPTIONS), *(("--ipam-opt", one) for one in IPAM_OPTIONS)]:
        aliases = ", ".join(f"`{alias}`" for alias in option.aliases)
        example = f"`{flag} {option.example}`"
        cells = (f"`{option.key}`", aliases, option.values, option.default, option.meaning, example)
        assert f"| {' | '.join(cells)} |" in text


def test_each_wish_in_the_readme_names_a_scenario() -> None:
    """What the README says that users can have is what a scenario of the lab shows."""
    scenarios = "".join(path.read_text() for path in (ROOT / "tests" / "lab").glob("test_*.py"))
    _, _, table = (ROOT / "README.md").read_text().partition("| I want | I add | shown by |\n| --- | --- | --- |\n")
    rows = table.partition("\n\n")[0].splitlines()

    assert len(rows) > 5
    for row in rows:
        named = re.fullmatch(r"\| .+ \| .+ \| `(test_\w+)` \|", row)
        assert named, row
        assert f"def {named[1]}(" in scenarios, row


def test_exit_statuses_are_documented() -> None:
    """docs/installation.md lists every status that the command can end with."""
    text = (DOCS / "installation.md").read_text()

    for status in STATUSES:
        assert re.search(rf"^\| {status} \| ", text, re.MULTILINE), status


def test_paths_are_documented_and_match_the_units() -> None:
    """Where the daemon listens is where docs and systemd units say."""
    defaults = Configuration()
    socket_unit = (ROOT / "packaging" / "systemd" / "ipvl.socket").read_text()

    for path in (defaults.docker_socket, defaults.control_socket):
        assert f"ListenStream={path}\n" in socket_unit
        assert f"`{path}`" in (DOCS / "installation.md").read_text()
    assert f"`{defaults.state_file}`" in (DOCS / "installation.md").read_text()


def test_the_commands_page_is_what_the_help_says() -> None:
    """docs/commands.md is made from the help: `make docs`."""
    assert commands_page(help_tree(parser())) == (DOCS / "commands.md").read_text()


def test_the_picture_of_the_topology_is_what_ipvl_draws() -> None:
    """docs/topology.svg is made: `make docs`."""
    assert f"{topology_svg(example())}\n" == (DOCS / "topology.svg").read_text()


def test_man_pages_know_every_exit_status() -> None:
    """With the words of docs/installation.md."""
    text = (DOCS / "installation.md").read_text()

    assert {code for code, _ in EXIT_STATUSES} == STATUSES
    for code, meaning in EXIT_STATUSES:
        assert f"| {code} | {meaning[0].lower()}{meaning[1:-1]} |" in text


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link of the documents names a file of the repository."""
    for document in DOCUMENTS:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", document.read_text()):
            led_to = document.parent / target if target else document
            assert led_to.exists(), f"{document.name}: {target}"
            assert not anchor or anchor in anchors(led_to), f"{document.name}: {target}#{anchor}"


def test_the_readme_lists_every_page() -> None:
    """Each reader finds theirs in the table at its end."""
    _, _, listed = (ROOT / "README.md").read_text().partition("## The documents")

    for page in (*DOCS.glob("*.md"), *(one for one in ROOT.glob("*.md") if one.name != "README.md")):
        assert f"({page.relative_to(ROOT)})" in listed, page.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_documents_name_exist(document: Path) -> None:
    """A file in backquotes is there: from the root, from src/ipvl, beside the document, or on a guest's PATH."""
    for name in re.findall(r"`([\w./*-]+\.(?:py|sh|yml|sql|toml|md))`", document.read_text()):
        found = [place / name for place in (ROOT, SOURCE, document.parent, GUEST_SIDE) if (place / name).exists()]
        assert found or name.startswith("/"), f"{document.name}: {name}"


@pytest.mark.parametrize("document", ["design.md", "performance.md"])
def test_names_of_code_that_documents_name_exist(document: str) -> None:
    """A class, function or constant in backquotes is somewhere in src/ipvl."""
    words = set(re.findall(r"\w+", "".join(path.read_text() for path in SOURCE.rglob("*.py"))))
    for name in re.findall(r"`([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)`", (DOCS / document).read_text()):
        is_code = "_" in name or name != name.lower()
        assert not is_code or set(name.split(".")) <= words, name


def test_the_tree_is_the_one_that_is_there() -> None:
    """docs/design.md draws every folder of src/ipvl that holds modules, and no other."""
    drawn, above = set(), [SOURCE]
    for indent, name in re.findall(r"^ {6}( *)(\w+)/ ", (DOCS / "design.md").read_text(), re.MULTILINE):
        above[len(indent) // 2 + 1 :] = [above[len(indent) // 2] / name]
        drawn.add(above[-1])

    assert {path.parent for path in SOURCE.glob("*/**/*.py")} - {SOURCE / "doors"} <= drawn
    assert all(path.is_dir() for path in drawn)


def test_the_order_of_imports_is_the_one_that_is_checked() -> None:
    """docs/design.md has the layers of the import contract, from above to below."""
    _, _, text = (DOCS / "design.md").read_text().partition("## Who may import whom")
    block = re.search(r"(?:^ {4}.+\n)+", text, re.MULTILINE)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")

    assert block
    drawn = [set(re.split(r", ", line[4:].split("   ")[0].strip())) for line in block[0].splitlines()]
    checked = [set(layer.replace("ipvl.", "").split(" | ")) for layer in layers]
    assert checked == [{"__main__"}, *drawn]


def test_no_sentence_is_explained_twice() -> None:
    """Whoever looks for a sentence in docs/troubleshooting.md finds one row."""
    rows = [line for line in (DOCS / "troubleshooting.md").read_text().splitlines() if re.match(r"\| (?!---)", line)]
    cells = [row.strip("| ").split(" | ") for row in rows]
    sentences = [next((cell for cell in row[:2] if "`" in cell), row[0]) for row in cells]
    without_heads = [one for one in sentences if one not in {"what you see", "check"}]

    assert len(without_heads) > 60
    assert sorted(set(without_heads)) == sorted(without_heads)


def test_tests_stand_where_what_they_test_does() -> None:
    """As CONTRIBUTING.md says: src/ipvl/X/Y.py has its tests in tests/unit/X/test_Y*.py."""
    about_all_of_a_room = {"options/test_hostile_values.py"}
    for path in (ROOT / "tests" / "unit").glob("*/**/test_*.py"):
        place = path.relative_to(ROOT / "tests" / "unit")
        modules = [f"test_{module.stem}" for module in (SOURCE / place).parent.glob("*.py")]
        named_after_one = any(f"{path.stem}_".startswith(f"{module}_") for module in modules)
        assert named_after_one or place.parts[0] == "lab" or str(place) in about_all_of_a_room, place


def anchors(document: Path) -> set[str]:
    """Return what GitHub makes of a document's headings."""
    heads = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
