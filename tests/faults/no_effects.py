"""An engine's effects outside of store and kernel, done nowhere: for tests, which replace those that they look at."""

from __future__ import annotations

from ipvl.driver.interfaces import SandboxEffects

NO_EFFECTS = SandboxEffects(
    write_hosts=lambda _path, _text: None,
    write_resolvers=lambda _path, _text: None,
    remove_files=lambda _sandbox: None,
    announce=lambda _network, _endpoint: None,
)
