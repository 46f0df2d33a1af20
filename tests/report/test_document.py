"""The document: places survive their 16 bits, scripts cannot end early, modules are joined whole."""

from __future__ import annotations

import re

import numpy as np
from page import unpack

from kinfolk.report.document import MODULES, inert, pack, page_script, quantised


def test_places_come_back_to_a_65000th_of_the_side() -> None:
    xy = np.random.default_rng(0).normal(3, 2, (500, 2)).astype(np.float32)
    xy[7] = np.nan
    values, frame = quantised(xy)
    back = np.stack([frame["x"] + frame["step"] * values[:, 0], frame["y"] + frame["step"] * values[:, 1]], 1)
    known = np.isfinite(xy[:, 0])
    side = np.ptp(xy[known], axis=0).max()
    assert np.abs(back - xy)[known].max() <= side / 65534
    assert (values[7] == 65535).all()
    assert not (values[known] == 65535).any()


def test_degenerate_places_are_kept() -> None:
    values, frame = quantised(np.full((4, 2), 2.5, np.float32))
    assert (values == 0).all()
    assert frame["x"] == 2.5
    assert (quantised(np.full((2, 2), np.nan))[0] == 65535).all()


def test_arrays_come_back() -> None:
    for array in (np.arange(5), np.array([1.5, np.inf]), np.array([3], np.uint16)):
        assert (unpack(pack(array)) == array).all()


def test_scripts_cannot_end_or_nest_early() -> None:
    assert inert('"</script><!--"') == '"<\\/script><\\!--"'


def test_modules_are_joined_without_imports_and_without_clashes() -> None:
    script = page_script()
    assert not re.search(r"^import\b", script, re.MULTILINE)
    declared = re.findall(r"^(?:export )?(?:async )?(?:const|class|function|let) (\w+)", script, re.MULTILINE)
    assert len(declared) == len(set(declared)) > len(MODULES)
