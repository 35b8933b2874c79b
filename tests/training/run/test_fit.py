"""A run is put together of its parts once, and counts its steps."""

from pathlib import Path

import numpy as np
import pytest

from embedtune.config.train import LossSection, TrainingSection
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import Fit, PreparedFit, Supervision, TrainingSetup, TrainingTask
from embedtune.training.step.objective import build_objective


def task(pairs, **section) -> TrainingTask:
    table = build_table(pairs, np.stack([pairs.anchor_ids, pairs.positive_ids], axis=1))
    return TrainingTask(rows=pairs, table=table, section=TrainingSection(**section), folder=Path("run"))


@pytest.mark.parametrize(("most", "steps"), [(None, 12), (5, 5), (100, 12)])
def test_steps_are_those_of_all_epochs_or_fewer(pairs, most, steps) -> None:
    one = task(pairs, epochs=3, batch_size=5, max_steps=most)
    assert (one.steps_per_epoch, one.steps) == (4, steps)


def test_a_run_has_the_fields_of_its_three_parts(pairs) -> None:
    one, setup = task(pairs), TrainingSetup(lr=0.5, queue=7)
    supervision = Supervision(objective=build_objective([LossSection(name="infonce")]), dev=dict)
    run = PreparedFit.of(one, setup).under(supervision)
    assert (run.rows, run.table, run.lr, run.queue) == (pairs, one.table, 0.5, 7)
    assert run.objective is supervision.objective and run.evaluates
    # A complete run may be supervised otherwise: what it had before is left out.
    assert not run.under(Supervision(objective=run.objective)).evaluates
    assert isinstance(run, Fit)
