"""Namespaces and sandboxes that tests put on networks."""

from __future__ import annotations

from ipvl.embedded import attach_detach, sandboxes
from ipvl.embedded.call_messages import Attach
from ipvl.embedded.sandbox_messages import NetworkAttachment, StartSandbox

BLUE, RED = "/run/netns/blue", "/run/netns/red"


def attach(world, path=BLUE, network="web", name="", hosts="", **wish):
    return world.run(attach_detach.attach(world.engine, Attach(NetworkAttachment(network, **wish), path, name, hosts)))


def started(process, name, *networks, **fields):
    """Return what the supervisor of a sandbox asks when its first process is there."""
    return StartSandbox(
        **{
            "id": f"{process:064x}",
            "name": name,
            "hostname": name,
            "command": ("sh",),
            "root_filesystem": "alpine",
            "process": process,
            "supervisor": process - 1,
            "removed_at_end": False,
            "attachments": tuple(NetworkAttachment(network) for network in networks),
            "hosts": f"/run/ipvl/sandboxes/{process}/hosts",
            **fields,
        }
    )


def start(world, process, name, *networks, **fields):
    world.kernel.open_sandbox(f"/proc/{process}/ns/net")
    return world.run(sandboxes.start(world.engine, started(process, name, *networks, **fields)))
