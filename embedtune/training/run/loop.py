"""sentence-transformers' trainer with our batches and dev scores, by the methods it offers for overriding."""

from collections.abc import Callable, Mapping
from typing import Any

from sentence_transformers import SentenceTransformerTrainer
from sentence_transformers.base.evaluation import BaseEvaluator

from embedtune.training.batch.batches import DistinctBatchSampler, TextIds
from embedtune.training.step.sparse_adamw import RowAdamW, clip_gradients

DevScores = Callable[[], Mapping[str, float]]
"""Scores the model in its present state on the dev split: metric name -> value."""


class DevEvaluator(BaseEvaluator):
    """Hands our dev scores to the trainer under the names it keeps its best model by."""

    def __init__(self, scores: DevScores, metric: str) -> None:
        super().__init__()
        self._scores = scores
        self.primary_metric = metric

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        return dict(self._scores())


class Loop(SentenceTransformerTrainer):
    """The trainer with our batches and without its model card, by the methods it offers for overriding.

    Args:
        rows: of training data.
        text_ids: of each row's texts, by epoch.
        sparse: whether the token vectors have a sparse gradient, which torch's own AdamW and clipping do not take.
        options: of the trainer.
    """

    def __init__(self, *, rows: int, text_ids: TextIds, sparse: bool = False, **options: Any) -> None:
        self._rows = rows
        self._text_ids = text_ids
        self._sparse = sparse
        super().__init__(**options)

    def get_batch_sampler(
        self, dataset: Any, batch_size: int, *_: Any, seed: int = 0, **__: Any
    ) -> DistinctBatchSampler:
        return DistinctBatchSampler(self._rows, self._text_ids, batch_size, seed)

    def get_optimizer_cls_and_kwargs(self, args: Any, model: Any = None) -> tuple[Any, dict[str, Any]]:
        kind, options = super().get_optimizer_cls_and_kwargs(args, model)
        return (RowAdamW if self._sparse else kind), options

    def _clip_grad_norm(self, model: Any) -> Any:
        if self._sparse:
            return clip_gradients(model.parameters(), self.args.max_grad_norm)
        return super()._clip_grad_norm(model)

    def keep_state(self) -> None:
        """Write a checkpoint of the last step now, in the midst of the next one, before that is lost."""
        self._save_checkpoint(self.model, None)
        self.callback_handler.on_save(self.args, self.state, self.control)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: the automatic card copies the user's texts, and is slow."""
