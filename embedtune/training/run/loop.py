"""sentence-transformers' trainer with our batches and dev scores, by the methods it offers for overriding."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sentence_transformers import SentenceTransformerTrainer
from sentence_transformers.base.evaluation import BaseEvaluator
from transformers import TrainerControl

from embedtune.distributed import average_gradients, is_first, of_first, rank, ranks
from embedtune.training.batch.batches import DistinctBatchSampler, TextIds
from embedtune.training.batch.set_batches import SetBatchSampler, SetMixing
from embedtune.training.run.rate import rates
from embedtune.training.step.sparse_adamw import RowAdamW, clip_gradients

DevScores = Callable[[], Mapping[str, float]]
"""Scores the model in its current state on the dev split: metric name -> value."""


class DevEvaluator(BaseEvaluator):
    """Gives our dev scores to the trainer, under the names by which it selects the best model."""

    def __init__(self, scores: DevScores, metric: str) -> None:
        super().__init__()
        self._scores = scores
        self.primary_metric = metric

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        scores = dict(self._scores())  # by all processes, since all encode a part of the texts
        return of_first(lambda: scores)


class Loop(SentenceTransformerTrainer):
    """The trainer with our batches and without its model card.

    Args:
        rows: of training data.
        text_ids: epoch -> ids of each row's texts.
        groups: the group of each row, where a batch draws from few groups.
        row_optimizer: for token vectors with a sparse gradient, which torch's own AdamW and clipping cannot handle;
            None where every gradient is dense.
        sources: the set of each row, where there are several.
        mixing: how these sets share batches.
        options: of the trainer.
    """

    def __init__(
        self,
        *,
        rows: int,
        text_ids: TextIds,
        groups: Sequence[str] | None = None,
        row_optimizer: type[RowAdamW] | None = None,
        sources: Sequence[int] | None = None,
        mixing: SetMixing | None = None,
        **options: Any,
    ) -> None:
        self._rows, self._groups = rows, groups if rows else None
        self._text_ids = text_ids
        self._row_optimizer = row_optimizer
        self._sources, self._mixing = sources if rows else (), mixing
        super().__init__(**options)

    def get_batch_sampler(
        self, dataset: Any, batch_size: int, *_: Any, seed: int = 0, **__: Any
    ) -> DistinctBatchSampler | SetBatchSampler:
        """Our sampler, whatever the arguments say."""
        if self._mixing is not None and self._sources is not None:
            return SetBatchSampler(self._sources, self._text_ids, batch_size, seed, self._mixing, (rank(), ranks()))
        return DistinctBatchSampler(self._rows, self._text_ids, batch_size, seed, self._groups, (rank(), ranks()))

    def get_optimizer_cls_and_kwargs(self, args: Any, model: Any = None) -> tuple[Any, dict[str, Any]]:
        """AdamW by rows where gradients are sparse."""
        kind, options = super().get_optimizer_cls_and_kwargs(args, model)
        return self._row_optimizer or kind, options

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Our learning rates, which have no step at zero."""
        self.lr_scheduler = rates(
            self.optimizer if optimizer is None else optimizer,
            schedule=str(self.args.lr_scheduler_type.value),
            warmup=self.args.get_warmup_steps(num_training_steps),
            steps=num_training_steps,
        )
        return self.lr_scheduler

    def evaluate(self, *args: Any, **options: Any) -> dict[str, float]:
        """Dev scores; several processes share the work our way, since sentence-transformers would let all but the first
        wait for texts to encode."""
        if ranks() == 1 or self.evaluator is None:
            found: dict[str, float] = super().evaluate(*args, **options)
            return found
        metrics = {f"eval_{name}": value for name, value in self.evaluator(self.model).items()}
        self.log(metrics)
        self.control: TrainerControl = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def training_step(self, *args: Any, **options: Any) -> Any:
        """One forward and backward pass; afterwards each process has the gradient of the whole batch."""
        loss = super().training_step(*args, **options)
        average_gradients(self.loss.parameters())
        return loss

    # Private, and kept: of several processes the first writes checkpoints, and each of them takes itself for the first.
    def _save_checkpoint(self, *args: Any, **options: Any) -> None:
        if is_first():
            super()._save_checkpoint(*args, **options)

    # Private, and kept: clipping happens between backward and step, where transformers offers no public hook that may
    # replace it; its own clipping raises on sparse gradients. A test with a sparse run fails should it be renamed.
    def _clip_grad_norm(self, model: Any) -> Any:
        if self._row_optimizer is not None:
            return clip_gradients(model.parameters(), self.args.max_grad_norm)
        return super()._clip_grad_norm(model)

    def keep_state(self) -> None:
        """Write a checkpoint of the last step now, while the next one fails, before that state is lost."""
        # Private, and kept: `control.should_save` is read only at the end of a step, and this one has no end.
        self._save_checkpoint(self.model, None)
        self.callback_handler.on_save(self.args, self.state, self.control)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none: the automatic card copies the user's texts, and is slow."""
