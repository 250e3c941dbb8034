"""A netlink socket that loses answers, as the kernel's do when they are full (netlink(7), ENOBUFS)."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest

from ipvl.errors import IpvlError, Kind
from ipvl.kernel.host_kernel import HostKernel
from ipvl.model.networks import Flag, Mode
from ipvl.model.steps import MakeDummy, MakePort, RemoveParent


class LosingSocket:
    """Whatever it is asked for, the answer is lost."""

    async def link(self, *_values: object, **_fields: object) -> object:
        raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

    def exchange(self, _request: object) -> tuple[object, ...]:
        raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

    ask = do = dump = exchange


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (lambda kernel: kernel.links(), "list links"),
        (lambda kernel: kernel.find_link("eth0"), "read link eth0"),
        (lambda kernel: kernel.link_kinds(), "make links"),
        (lambda kernel: kernel.apply(MakeDummy("di-1")), "make dummy di-1"),
        (lambda kernel: kernel.apply(RemoveParent("eth0.20")), "read link eth0.20"),
        (lambda kernel: kernel.apply(MakePort("ipvl1", "eth0", Mode.L2, Flag.BRIDGE)), "read link eth0"),
    ],
)
def test_a_lost_answer_is_one_sentence(ask, what):
    """It is a refusal like the kernel's own, so that whoever asked cleans up."""
    with pytest.raises(IpvlError) as refused:
        asyncio.run(ask(HostKernel(LosingSocket(), LosingSocket())))

    assert Kind.KERNEL is refused.value.kind
    assert f"the kernel refused to {what}: No buffer space available (ENOBUFS)" == str(refused.value)
