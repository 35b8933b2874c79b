"""The bootstrap of anything that is no mean."""

import numpy as np
import pytest

from embedtune.evaluation.tasks.items import bootstrap, interval_of
from embedtune.evaluation.verdicts.paired_tests import bootstrap_interval


def test_of_a_mean_it_is_the_interval_that_means_have() -> None:
    values = np.random.default_rng(0).random(200)
    drawn = bootstrap(200, lambda counts: counts @ values / 200, seed=1, draws=10_000)
    assert interval_of(drawn) == pytest.approx(bootstrap_interval(values, seed=2), abs=0.003)


def test_blocks_change_nothing_and_every_draw_holds_as_many_items() -> None:
    values = np.arange(10.0)
    at_once, by_blocks = (
        bootstrap(10, lambda counts: counts @ values, seed=3, draws=50, at_once=size) for size in (2**21, 70)
    )
    assert at_once.tolist() == by_blocks.tolist()
    assert set(bootstrap(10, lambda counts: counts.sum(axis=1), seed=0, draws=50)) == {10}
