"""Find the link that the parent of a pool is, whatever it was called."""

from __future__ import annotations

import logging

from ipvl.driver.engine import Engine
from ipvl.options.link_names import check_link_name
from ipvl.options.parent_selectors import parse_parent_selector
from ipvl.planning.parents.parent_selection import find_parent_name

log = logging.getLogger(__name__)


async def find_parent(engine: Engine, text: str) -> str:
    """Return the own name of the parent that a text names or describes; the lock need not be held.

    Raises:
        IpvlError: it describes no link or several, a sub-interface has too long a name, or it is no link's name.
    """
    selector = parse_parent_selector(text)
    host = await engine.host(routing=selector is not None and selector.by_routing)
    name = check_link_name(find_parent_name(text, selector, engine.records, host))
    if name != text:
        log.info("parent %s is %s", text, name)
    return name
