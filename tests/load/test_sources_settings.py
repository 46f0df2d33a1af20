"""Settings of a published dataset: they reach what it publishes, and are refused where another layout lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinfolk.core.errors import RequestError
from kinfolk.load.sources import open_dataset


def test_a_setting_that_the_layout_has_not_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINFOLK_DATA", str(tmp_path))
    pixels = np.zeros((4, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "cifar100.npz", images=pixels, labels=np.arange(4))
    assert len(open_dataset("cifar100", {"labels": "fine"}).open("train")) == 4
    with pytest.raises(RequestError, match="is read as npz, which has no setting labels of 'cifar100'"):
        open_dataset("cifar100", {"labels": "coarse"})
