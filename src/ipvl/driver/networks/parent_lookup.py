"""Find the links that parents are described by."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ipvl.driver.engine import Engine
from ipvl.model.links import HostRouting
from ipvl.model.networks import VlanProtocol
from ipvl.options.driver_options import PARENT, VLAN_PROTOCOL
from ipvl.options.parent_selectors import parent_selector
from ipvl.planning.host import Host
from ipvl.planning.parent_selection import parent_called

log = logging.getLogger(__name__)


async def with_named_parent(
    engine: Engine, options: Mapping[str, object], *, isolated: bool = False
) -> dict[str, object]:
    """Return the options of a network or pool with its parent's own name where that was described or called otherwise.

    Args:
        engine: what to work on.
        options: as the user wrote them.
        isolated: the parent is not used, so it is not looked for.

    Raises:
        IpvlError: the description is wrong, or true of no link or of several, or a sub-interface has too long a name.
    """
    named = dict(options)
    for key in (PARENT.key, *PARENT.aliases):
        text = options.get(key)
        if not isinstance(text, str) or not text.strip():
            continue
        selector = parent_selector(text.strip())
        if isolated:
            continue
        routing = HostRouting() if selector is None else await engine.kernel.host_routing()
        host = Host(await engine.kernel.links(), engine.kernel.release, frozenset(), routing=routing)
        name = parent_called(text.strip(), selector, engine.records, host, _protocol(options))
        if name != text.strip():
            named[key] = name
            log.info("parent %s is %s", text.strip(), name)
    return named


def _protocol(options: Mapping[str, object]) -> VlanProtocol | None:
    """Return how the outer tag is to be written; what is no protocol is refused when the options are read."""
    text = options.get(VLAN_PROTOCOL.key)
    return next((one for one in VlanProtocol if one == text), None)
