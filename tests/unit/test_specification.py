"""The mapping in docs/specification.md against the scenarios that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| (?P<claim>.+?) \| `(?P<test>test_\w+)`(?P<unit> \(unit\))?"
    r" \|(?P<old>[^|]*)\|(?P<new>[^|]*)\|(?P<own>[^|]*)\|$"
)


def rows() -> list[re.Match[str]]:
    """Return the rows of the mapping."""
    lines = (ROOT / "docs" / "specification.md").read_text().splitlines()
    return [match for line in lines if (match := ROW.match(line))]


def functions(folder: str) -> dict[str, set[str]]:
    """Return every test function under a folder of tests with the names of its pytest marks."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests" / folder).rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found[node.name] = {
                    part.attr
                    for decorator in node.decorator_list
                    for part in ast.walk(decorator)
                    if isinstance(part, ast.Attribute)
                }
    return found


def test_every_row_of_a_table_is_read() -> None:
    """No row of the claims' tables is written in a way that this test would pass over."""
    text = (ROOT / "docs" / "specification.md").read_text().split("## What Docker's own driver does differently")[0]
    written = [
        line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| claim", "| ---"))
    ]

    assert len(written) == len(rows())
    assert len(written) > 60


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["claim"][:60])
def test_each_claim_names_a_scenario_that_runs_where_it_says(row: re.Match[str]) -> None:
    """Each claim is proven by a test that exists and runs in the Docker versions that are ticked."""
    marks = functions("unit" if row["unit"] else "lab").get(row["test"])

    assert marks is not None, f"{row['test']} does not exist"
    if not row["unit"]:
        assert (row["old"].strip() == "✓") == ("newest_only" not in marks)
        assert (row["new"].strip() == "✓") == bool(marks & {"newest", "newest_only"})
        assert (row["own"].strip() == "✓") == ("embedded" in marks)


def test_the_differences_to_dockers_own_driver_are_those_of_the_scenarios() -> None:
    """The list at the end is what the scenarios' control marks say, no more and no less."""
    _, _, listed = (
        (ROOT / "docs" / "specification.md").read_text().partition("## What Docker's own driver does differently")
    )
    marked = {
        (node.name, str(ast.literal_eval(decorator.keywords[0].value)))
        for path in (ROOT / "tests" / "lab").glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.control"
    }

    assert marked == set(re.findall(r"^\| `(test_\w+)` \| (.+) \|$", listed, re.MULTILINE))
    assert marked
