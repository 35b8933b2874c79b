"""A run is put together in stages, and counts its steps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import Fit, PreparedFit, TrainingTask
from embedtune.training.step.objective import build_objective


def task(pairs, **section) -> TrainingTask:
    table = build_table(pairs, np.stack([pairs.anchor_ids, pairs.positive_ids], axis=1))
    return TrainingTask(rows=pairs, table=table, section=TrainingSection(**section), folder=Path("run"))


@pytest.mark.parametrize(("most", "steps"), [(None, 12), (5, 5), (100, 12)])
def test_steps_are_those_of_all_epochs_or_fewer(pairs, most, steps) -> None:
    one = task(pairs, epochs=3, batch_size=5, max_steps=most)
    assert (one.steps_per_epoch, one.steps) == (4, steps)


def test_each_stage_has_the_fields_of_those_before_it(pairs) -> None:
    objective = build_objective([LossSection(name="infonce")])
    one = task(pairs)
    run = Fit(**vars(PreparedFit(**vars(one), lr=0.5, queue=7)), objective=objective, dev=dict)
    assert (run.rows, run.table, run.lr, run.queue) == (pairs, one.table, 0.5, 7)
    assert run.objective is objective and run.evaluates
    assert not replace(run, trial=True).evaluates
