"""Find the links that parents are described by."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ipvl.driver.engine import Engine
from ipvl.options.parent_selectors import parent_selector
from ipvl.options.table import PARENT
from ipvl.planning.parent_selection import select_parent

log = logging.getLogger(__name__)


async def with_named_parent(
    engine: Engine, options: Mapping[str, object], *, isolated: bool = False
) -> dict[str, object]:
    """Return the options of a network or pool with the name of its parent where that was described.

    Args:
        engine: what to work on.
        options: as the user wrote them.
        isolated: the parent is not used, so it is not looked for.

    Raises:
        IpvlError: the description is wrong, or true of no link or of several.
    """
    named = dict(options)
    for key in (PARENT.key, *PARENT.aliases):
        text = options.get(key)
        selector = parent_selector(text.strip()) if isinstance(text, str) else None
        if selector is None:
            continue
        if isolated:
            continue
        named[key] = select_parent(selector, await engine.host(ways=True))
        log.info("parent %s is %s", selector.text, named[key])
    return named
