"""Modules that others import and hardly ever use."""

import sys
from types import ModuleType


class _Deferred(ModuleType):
    """Stands for a module until something in it is looked at; whoever keeps it is given what the module has."""

    def __getattr__(self, name: str) -> object:
        from importlib import import_module

        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def import_when_used(name: str) -> None:
    """Have a module imported when something in it is first looked at, instead of when it is asked for.

    Not importlib's LazyLoader: there an import statement is such a look.
    """
    sys.modules.setdefault(name, _Deferred(name))
