"""What a user wanted to run, written down and read again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.errors import IpvlError
from ipvl.sandbox.etc.resolv_conf import Resolvers
from ipvl.sandbox.folders import SandboxFolders
from ipvl.sandbox.process import Program
from ipvl.sandbox.start_requests import SandboxRequest, read_start_request, write_start_request


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "layer").mkdir()
    return SandboxFolders(tmp_path / "layer", tmp_path / "run")


@pytest.mark.parametrize("root", [None, Path("/srv/alpine")])
def test_what_is_written_is_read_again(folders, root):
    """All of it."""
    program = Program(("sh", "-c", "é"), {"A": "1"}, "/tmp", frozenset({"NET_RAW"}), terminal=True)
    attachments = (NetworkAttachment("web", "192.168.1.9", aliases=("api",)), NetworkAttachment("db"))
    wish = SandboxRequest(
        id="1",
        name="one",
        hostname="uno",
        program=program,
        root_filesystem="alpine",
        root=root,
        folders=folders,
        sysctls={"net.a": "1"},
        removed_at_end=False,
        attachments=attachments,
        interactive=True,
        resolvers=Resolvers(("1.1.1.1",), ("corp.example",), ("ndots:1",)),
        extra_hosts=(("db", "192.168.1.9"), ("gate", "host-gateway")),
    )

    write_start_request(wish)

    assert wish == read_start_request(folders)

    written = json.loads(folders.request_file.read_text())
    folders.request_file.write_text(json.dumps({**written, "resolvers": {}, "extra_hosts": []}))
    plain = replace(wish, resolvers=Resolvers(), extra_hosts=())
    assert plain == read_start_request(folders)
    folders.request_file.write_text(
        json.dumps({key: written[key] for key in written.keys() - {"resolvers", "extra_hosts"}})
    )
    assert plain == read_start_request(folders), "by an earlier version"


@pytest.mark.parametrize(
    ("text", "expected"), [(None, "what it ran was not written down"), ("{", "layer/wish.json cannot be read")]
)
def test_what_cannot_be_read_is_said(folders, text, expected):
    """With the way out."""
    if text is not None:
        folders.request_file.write_text(text)

    with pytest.raises(IpvlError, match=f"{expected}.*; run it anew with `ipvl run`"):
        read_start_request(folders)
