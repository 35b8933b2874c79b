"""The start as a candidate: a run whose dev scores never rise above it gives it back."""

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.distributed import of_first
from embedtune.models.encoder import Encoder
from embedtune.training.run.loop import DevScores
from embedtune.training.run.watch import MetricsLog


class StartingPoint(TrainerCallback):
    """Scores the encoder on dev before the first step, as the model that later ones have to beat.

    Its learning weights are kept in main memory, since a checkpoint of them would be a second copy on disk of a model
    that exists there already. A resumed run has the score in its checkpoint, and its encoder was loaded as it began.

    Args:
        encoder: as it was loaded.
        scores: of its current state on dev.
        metric: the score that decides which model is best.
        log: receives the scores as those of step 0.
    """

    def __init__(self, encoder: Encoder, scores: DevScores, metric: str, log: MetricsLog) -> None:
        self._model, self._scores, self._metric, self._log = encoder.model, scores, metric, log
        fixed = {name for name, weight in encoder.model.named_parameters() if not weight.requires_grad}
        state = encoder.model.state_dict()
        self._kept = {name: value.to("cpu", copy=True) for name, value in state.items() if name not in fixed}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Score the start; must come after the log, which begins a new file here."""
        if state.global_step:
            return
        own = dict(self._scores())
        scores = of_first(lambda: own)
        line = {"step": 0, "epoch": 0.0, **{f"eval_{name}": value for name, value in scores.items()}}
        state.log_history.append(line)
        state.best_metric, state.best_global_step = scores[self._metric], 0
        self._log.add(line)

    def restore(self) -> None:
        """Make the encoder what it was when it was loaded."""
        with torch.no_grad():
            self._model.load_state_dict(self._kept, strict=False)
