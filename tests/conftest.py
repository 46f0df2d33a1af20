"""Fixtures shared by the suite: the real data beside the checkout, a private cache, small runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images; without it the test skips, except on CI, where it fails."""
    if not SHARED.is_dir():
        reason = f"no real images at {SHARED}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def private_cache(tmp_path_factory: pytest.TempPathFactory):
    """Point the cache of decoded images away from the user's own."""
    before = os.environ.get("KINFOLK_CACHE")
    os.environ["KINFOLK_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        os.environ.pop("KINFOLK_CACHE")
    else:
        os.environ["KINFOLK_CACHE"] = before
