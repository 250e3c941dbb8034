"""A kernel that takes its time, so that others come in between."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from tests.contract.fake_kernel import FakeKernel


class SlowKernel:
    """A kernel that lets others go on whenever it is asked, as a real one does while it is waited for."""

    def __init__(self, kernel: FakeKernel) -> None:
        self._kernel = kernel

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._kernel, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def slowly(*arguments: Any) -> Any:
            for _ in range(3):
                await asyncio.sleep(0)
            return await found(*arguments)

        return slowly
