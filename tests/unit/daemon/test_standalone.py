"""Commands without a daemon: the same calls, in a process that ends with them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from ipvl.daemon import standalone
from ipvl.embedded.call_messages import Attach, CreateNetwork
from ipvl.embedded.sandbox_messages import NetworkAttachment
from ipvl.startup.configuration import Configuration
from tests.contract.fake_kernel import FakeKernel

BLUE = "/run/netns/blue"
NONE = {"com.docker.network.advertise_addr_nmsgs": "0"}


@pytest.fixture
def kernel(monkeypatch):
    """The kernel that commands find, with eth0 and a namespace."""
    fake = FakeKernel()
    fake.add("eth0")
    fake.open_sandbox(BLUE)

    @asynccontextmanager
    async def open_host_kernel():
        yield fake

    monkeypatch.setattr(standalone, "open_host_kernel", open_host_kernel)
    return fake


@pytest.mark.parametrize(
    ("options", "times"), [({}, 1), ({"com.docker.network.advertise_addr_nmsgs": "3"}, 1), (NONE, 0)]
)
def test_what_is_attached_is_announced_once(kernel, tmp_path, options, times):
    """At once, and never again, since nobody is there to do it; not at all where nobody should."""
    settings = Configuration(state_folder=tmp_path)
    request = CreateNetwork("web", ("192.168.1.0/24",), options={"parent": "eth0", **options})
    for name, question in (("network.create", request), ("attach", Attach(NetworkAttachment("web"), BLUE))):
        asyncio.run(standalone.perform(settings, name, question))

    assert [("eth0", (ip_address("192.168.1.2"),))] * times == kernel.announced
