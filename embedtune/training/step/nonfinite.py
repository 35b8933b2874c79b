"""NaN and infinity: what is broken, at which step and in which rows, before the optimizer spreads it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.errors import StoppedError
from embedtune.training.batch.row_table import RowTable
from embedtune.training.step.sparse_adamw import gradient_values

NAMED = 5
"""Rows that a message lists; it gives the number of the others."""
WAY_OUT = "lower the learning rate (--lr), or use --precision fp32; look at the rows named, if there are any"


class LastRows:
    """The rows of the last step, and which of them have a gradient that is not finite."""

    def __init__(self, table: RowTable) -> None:
        self._table = table
        self._numbers = torch.zeros(0, dtype=torch.long)  # (B,)
        self._bad: list[Tensor] = []

    def watch(self, numbers: Tensor, vectors: Sequence[Tensor]) -> None:
        """Check the gradients of these vectors, each (B, D), when they are computed."""
        self._numbers, self._bad = numbers, []
        for column in vectors:
            if column.requires_grad:
                column.register_hook(self._note)

    def _note(self, grad: Tensor | None) -> None:
        # None if no loss used the vectors.
        if grad is not None:
            self._bad.append(~grad.isfinite().all(dim=1))

    def refuse_losses(self, terms: Mapping[str, Tensor], vectors: Sequence[Tensor], step: int) -> None:
        """Stop if a term of the loss is not finite.

        Raises:
            StoppedError: one is NaN or infinite.
        """
        finite = torch.stack([value.detach().isfinite() for value in terms.values()]).tolist()  # one wait for all
        broken = [name for name, one in zip(terms, finite, strict=True) if not one]
        if not broken:
            return
        bad = torch.stack([~column.isfinite().all(dim=1) for column in vectors]).any(dim=0)  # (B,)
        culprits = f"vectors of {self._named(bad)} are not finite" if bad.any() else "all vectors are finite"
        raise StoppedError(
            f"the loss {', '.join(broken)} became NaN or infinite at step {step} ({culprits})",
            where=f"step {step}",
            next=WAY_OUT,
        )

    def refuse_gradients(self, step: int) -> None:
        """Stop because a gradient is not finite.

        Raises:
            StoppedError: always.
        """
        bad = torch.stack(self._bad).any(dim=0) if self._bad else torch.zeros(0, dtype=torch.bool)  # (B,)
        culprits = (
            f"in {self._named(bad)}" if bad.any() else "inside the encoder; all gradients of its vectors are finite"
        )
        raise StoppedError(
            f"the gradient became NaN or infinite at step {step} ({culprits})", where=f"step {step}", next=WAY_OUT
        )

    def _named(self, bad: Tensor) -> str:
        numbers = self._numbers[bad.to(self._numbers.device)].tolist()
        named = "; ".join(self._table.named(number) for number in numbers[:NAMED])
        more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
        return f"rows {named}{more}" if len(numbers) > 1 else f"row {named}"


class FiniteGradients(TrainerCallback):
    """Checks every gradient, of the encoder and of the losses, before the optimizer uses it."""

    def __init__(self, model: nn.Module, rows: LastRows) -> None:
        self._model = model
        self._rows = rows

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop if a gradient is not finite.

        Raises:
            StoppedError: names the rows, where they are known.
        """
        if args.fp16:
            return  # the loss scaler expects infinities and skips such a step
        gradients = gradient_values(self._model.parameters())
        # One norm is enough: clipping does not make values finite.
        if gradients and not bool(torch.nn.utils.get_total_norm(gradients).isfinite()):
            self._rows.refuse_gradients(state.global_step)


def all_finite(model: nn.Module) -> bool:
    """Whether every weight is finite."""
    return all(bool(one.isfinite().all()) for one in model.parameters())
