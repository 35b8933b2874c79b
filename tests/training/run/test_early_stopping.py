"""How long a run has waited for dev to gain, read from what the trainer noted."""

import pytest
from transformers import TrainerState

from embedtune.training.run.watch import EarlyStopping, waited


def state(best: int | None, *evaluated: int) -> TrainerState:
    log = [{"step": step, "loss": 1.0} for step in range(1, 20)]
    return TrainerState(
        log_history=log + [{"step": step, "eval_ndcg@10": 0.5} for step in evaluated], best_global_step=best
    )


@pytest.mark.parametrize(
    ("best", "evaluated", "count"), [(4, (4,), 0), (4, (4, 8, 12), 2), (8, (4, 8, 12), 1), (None, (), 0)]
)
def test_evaluations_after_the_best_one_are_counted(best, evaluated, count):
    assert waited(state(best, *evaluated)) == count


def test_a_run_is_at_its_end_when_it_has_waited_long_enough(tmp_path):
    state(4, 4, 8, 12).save_to_json(str(tmp_path / "trainer_state.json"))
    assert EarlyStopping(2).at_end(tmp_path)
    assert not EarlyStopping(3).at_end(tmp_path)
