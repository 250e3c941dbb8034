"""What a user wanted to run, kept with the sandbox's files so that it can be started again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.errors import missing, unavailable
from ipvl.sandbox.etc.resolv_conf import Resolvers
from ipvl.sandbox.folders import SandboxFolders
from ipvl.sandbox.process import Program
from ipvl.startup.plain_json import plain_json


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """What the user wants to run; `root` is the folder of its root filesystem, None for the host's own files."""

    id: str
    name: str
    hostname: str
    program: Program
    root_filesystem: str
    root: Path | None
    folders: SandboxFolders
    sysctls: Mapping[str, str]
    removed_at_end: bool
    attachments: tuple[NetworkAttachment, ...]
    interactive: bool
    resolvers: Resolvers = field(default_factory=Resolvers)
    """What its flags say of resolvers; these and the next were not yet written down by the first versions."""
    extra_hosts: tuple[tuple[str, str], ...] = ()
    """Names and their addresses, or `host-gateway` in place of one."""


def write_start_request(request: SandboxRequest) -> None:
    """Write a request beside the sandbox's layer, which is there; it is on the disk before this returns.

    Raises:
        OSError: the disk is full, or the like.
    """
    partial = request.folders.request_file.with_suffix(".new")
    with partial.open("wb") as file:
        file.write(plain_json(request))
        file.flush()
        os.fsync(file.fileno())
    partial.rename(request.folders.request_file)


def read_start_request(folders: SandboxFolders) -> SandboxRequest:
    """Return what a sandbox with these folders was wanted for.

    Raises:
        IpvlError: that was not written, or cannot be read.
    """
    import msgspec

    try:
        return msgspec.json.decode(folders.request_file.read_bytes(), type=SandboxRequest, dec_hook=_path)
    except FileNotFoundError:
        raise missing("what it ran was not written down", "run it anew with `ipvl run`") from None
    except (OSError, msgspec.DecodeError) as error:
        raise unavailable(f"{folders.request_file} cannot be read: {error}", "run it anew with `ipvl run`") from error


def _path(kind: type, value: Any) -> Any:
    return kind(value)
