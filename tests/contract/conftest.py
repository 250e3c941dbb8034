"""What every contract test has at hand."""

from __future__ import annotations

import pytest

from tests.contract.benches import on_fake, on_host


@pytest.fixture(params=[on_fake, on_host], ids=["fake", "host"])
def on_kernel(request):
    """Call it with a promise to hold each kernel to it in turn."""
    return request.param
