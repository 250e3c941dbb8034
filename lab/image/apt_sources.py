"""Where this machine gets Debian packages from, so that a guest is built from the same places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.errors import SetupFailed

SOURCES_FOLDER = Path("/etc/apt")


@dataclass(frozen=True, slots=True)
class Source:
    """One place that has one suite."""

    address: str
    suite: str
    signed_by: str = ""


def parse_deb822(text: str) -> list[Source]:
    """Return the enabled binary sources in a `.sources` file."""
    sources = []
    for paragraph in text.split("\n\n"):
        fields = _fields(paragraph)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        # An inline key is lost here: it would start with a line of its own, and no path does.
        key = fields.get("signed-by", "").strip()
        sources += [
            Source(address, suite, key if key.startswith("/") else "")
            for address in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return sources


def parse_one_line(text: str) -> list[Source]:
    """Return the binary sources in a `sources.list` file."""
    sources = []
    for line in text.splitlines():
        kind, _, rest = line.partition("#")[0].strip().partition(" ")
        if kind != "deb":
            continue
        options, rest = rest.lstrip().removeprefix("[").split("]", 1) if rest.lstrip().startswith("[") else ("", rest)
        address, suite, *_ = rest.split()
        keys = [option.partition("=")[2] for option in options.split() if option.startswith("signed-by=")]
        sources.append(Source(address, suite, keys[0] if keys else ""))
    return sources


def sources_of_machine(folder: Path = SOURCES_FOLDER) -> list[Source]:
    """Return every source this machine's apt reads from `folder`."""
    sources: list[Source] = []
    for path in sorted([folder / "sources.list", *folder.glob("sources.list.d/*")]):
        if path.is_file() and path.suffix == ".sources":
            sources += parse_deb822(path.read_text())
        elif path.is_file() and path.suffix == ".list":
            sources += parse_one_line(path.read_text())
    return sources


def sources_for(suite: str, machine: list[Source], codename: str) -> list[Source]:
    """Return the sources to build `suite` from, on a machine that runs `codename` and has the sources `machine`.

    The machine's own suite is taken with its updates and security suites, another one from the same archive alone.

    Raises:
        SetupFailed: the machine has no source for its own release, so the archive is unknown.
    """
    own = [source for source in machine if source.suite in {codename, "stable", "testing", "unstable"}]
    if not own:
        raise SetupFailed(f"no apt source for this machine's release {codename!r} under {SOURCES_FOLDER}: add one")
    if suite == codename:
        return [source for source in machine if source.suite.split("-")[0].split("/")[0] == codename]
    return [Source(own[0].address, suite, own[0].signed_by)]


def as_list_line(source: Source) -> str:
    """Return `source` as one line of a `sources.list` file; only packages of the section main are used."""
    options = f"[signed-by={source.signed_by}] " if source.signed_by else ""
    return f"deb {options}{source.address} {source.suite} main"


def _fields(paragraph: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
