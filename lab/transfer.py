"""Copies files between host and guest, as tar streams through a channel."""

from __future__ import annotations

import io
import shlex
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from .channel import Channel
from .errors import CommandFailed

TRANSFER_SECONDS = 300


def push(channel: Channel, local: Path, remote: str) -> None:
    """Copy the file or folder `local` to `remote` in the guest, in place of what is there.

    Raises:
        FileNotFoundError: there is nothing at `local`.
        CommandFailed, CommandTimeout, GuestLost: the guest did not take it.
    """
    place = PurePosixPath("/work") / remote
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(local, arcname=place.name)
    parent, target = shlex.quote(str(place.parent)), shlex.quote(str(place))
    background = channel.start(
        f"mkdir -p {parent} && rm -rf {target} && tar -x --no-same-owner -C {parent}", stdin=True
    )
    background.feed(stream.getvalue())
    background.end_input()
    result = background.wait(TRANSFER_SECONDS)
    if result.status != 0:
        raise CommandFailed(result)


def pull(channel: Channel, remote: str, local: Path) -> None:
    """Copy the file or folder `remote` of the guest to `local`, in place of what is there.

    Raises:
        CommandFailed, CommandTimeout, GuestLost: the guest did not give it.
    """
    place = PurePosixPath("/work") / remote
    background = channel.start(f"tar -c -C {shlex.quote(str(place.parent))} -- {shlex.quote(place.name)}")
    result = background.wait(TRANSFER_SECONDS)
    if result.status != 0:
        raise CommandFailed(result)
    with TemporaryDirectory(prefix="ipvl-lab-") as scratch:
        with tarfile.open(fileobj=io.BytesIO(background.bytes_of("stdout"))) as archive:
            archive.extractall(scratch, filter="tar")
        if local.is_dir() and not local.is_symlink():
            shutil.rmtree(local)
        else:
            local.unlink(missing_ok=True)
        local.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(scratch) / place.name, local)
