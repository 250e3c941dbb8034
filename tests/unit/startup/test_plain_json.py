"""JSON without msgspec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ipvl.embedded.sandbox_messages import CheckSandbox, NetworkAttachment, StartSandbox
from ipvl.startup.plain_json import plain_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ATTACHMENTS = st.lists(
    st.builds(NetworkAttachment, TEXT, aliases=st.lists(TEXT, max_size=2).map(tuple)), max_size=2
).map(tuple)


@dataclass(frozen=True, slots=True)
class Odd:
    """What else is written down."""

    where: Path
    which: frozenset[str]


@given(st.one_of(st.builds(CheckSandbox, TEXT, ATTACHMENTS), st.builds(StartSandbox, attachments=ATTACHMENTS)))
def test_a_message_arrives_as_it_was_sent(message):
    """The daemon reads it with msgspec."""
    assert message == msgspec.json.decode(plain_json(message), type=type(message))


def test_paths_are_text_and_sets_are_in_order():
    """So that the same wish is the same file."""
    assert b'{"where":"/srv/d\xc3\xbcb","which":["a","b"]}' == plain_json(Odd(Path("/srv/düb"), frozenset({"b", "a"})))
