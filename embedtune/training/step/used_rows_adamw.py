"""AdamW of a large table, computed for the rows that some step has used: the same weights for a part of the work.

A row that no step has used yet has no gradient and no moments, so without weight decay AdamW leaves it as it is. All
others are updated at each step, as AdamW does: what is left of a token's momentum keeps moving it. So the moments
(U, D) take the memory of U rows instead of V, and a step their time, where a fine-tuning set uses some 10,000 tokens of
a multilingual vocabulary of 250,000.

Not `RowAdamW`, whose rows count their own steps and rest between them, which is another optimizer.

Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2, by torch's own kernel.
"""

from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from embedtune.training.step.sparse_adamw import RowAdamW


class UsedRowsAdamW(RowAdamW):
    """AdamW, where a parameter (V, D) with a sparse gradient is computed on the rows that any step has used.

    State of such a parameter: `rows` (U,), sorted; `step` (), as of every parameter; `exp_avg` and `exp_avg_sq` (U, D).
    """

    def _step_rows(self, group: dict[str, Any], weight: Tensor, grad: Tensor) -> None:
        if group["weight_decay"]:
            raise NotImplementedError("weight decay, which changes the rows that no step has used")
        state, used = self.state[weight], grad.indices()[0]  # (u,)
        _make_room(state, used, weight)
        rows = state["rows"].long()  # (U,); a checkpoint gives all state the type of the weights
        gradient = weight.new_zeros(len(rows), weight.shape[1])  # (U, D)
        gradient.index_copy_(0, torch.searchsorted(rows, used), grad.values())
        values = weight[rows]  # (U, D)
        beta1, beta2 = group["betas"]
        adamw(
            [values],
            [gradient],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            [],
            [state["step"]],
            fused=bool(group["fused"]),
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )
        weight.index_copy_(0, rows, values)


def _make_room(state: dict[str, Any], used: Tensor, weight: Tensor) -> None:
    """Add rows that are used for the first time, with moments of zero."""
    before = state["rows"].long() if state else used[:0]  # (U,)
    rows = torch.cat([before, used]).unique()  # (U',)
    if not state:
        state["step"] = torch.zeros((), device=weight.device)  # ()
    elif len(rows) == len(before):
        return
    places = torch.searchsorted(rows, before)  # (U,)
    state["rows"] = rows
    for name in ("exp_avg", "exp_avg_sq"):
        moments = weight.new_zeros(len(rows), weight.shape[1])  # (U', D)
        if len(before):
            moments.index_copy_(0, places, state[name])
        state[name] = moments
