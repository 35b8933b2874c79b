"""dpo: the chosen text gains on the rejected one, compared with the student before training."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss, missing
from embedtune.losses.shared.distillation import own_list
from embedtune.losses.shared.vectors import weighted_mean

KINDS = ("sigmoid", "ipo")


class DPO(Loss):
    """Raises the similarity of the chosen text above that of the rejected one, relative to the student before training.

    When to use: rows that say "this answer was better than that one", such as clicks; it changes an encoder no more
    than the preferences require.
    Needs: anchors, positives (chosen), negatives (rejected), and the student's vectors of these rows before training
    (the start). Cost: (B, 1 + N) cosines; the start's vectors are computed once and kept in the store.

    With s = cosine / temperature, of the student and of the start, the margin is h = (s_chosen - s_rejected) - (the
    same of the start). `sigmoid`: -(1 - label_smoothing) ln sigmoid(beta h) - label_smoothing ln sigmoid(-beta h);
    `ipo`: (h - 1 / (2 beta))^2. Mean over all pairs of a chosen and a rejected text, each with the weight of its row. A
    rejected text that equals the chosen one or the anchor makes no pair; rows without a pair are counted.

    Source: Rafailov et al. 2023, arXiv:2305.18290, equation 7, with similarities for log probabilities; smoothing:
    Mitchell 2023, a note on DPO with noisy preferences; IPO: Azar et al. 2023, arXiv:2310.12036, equation 17.
    Bounds: >= 0; ln 2 (sigmoid) or 1 / (4 beta^2) (ipo) for the start itself.

    Args:
        temperature: divides cosines; > 0.
        beta: how strongly the student is kept near its start; > 0.
        label_smoothing: assumed share of reversed preferences; 0 to 0.5, sigmoid only.
        kind: "sigmoid" or "ipo".

    Raises:
        ConfigError: a value out of its range; by a call, the batch has no negatives or no reference.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> one = torch.ones(1, 2)
        >>> start = EmbeddingBatch(anchors=one, positives=one, negatives=one[:, None])
        >>> batch = EmbeddingBatch(anchors=one, positives=one, negatives=one[:, None], reference=start)
        >>> round(build_loss("dpo")(batch).item(), 4)  # ln(2), before anything has changed
        0.6931
    """

    needs_negatives = True
    companions = ("reference",)

    def __init__(
        self, *, temperature: float = 0.05, beta: float = 0.1, label_smoothing: float = 0.0, kind: str = "sigmoid"
    ) -> None:
        super().__init__()
        check = Arguments("dpo")
        self.temperature = check.number("temperature", temperature, above=0)
        self.beta = check.number("beta", beta, above=0)
        self.label_smoothing = check.number("label_smoothing", label_smoothing, at_least=0, at_most=0.5)
        self.kind = check.choice("kind", kind, KINDS)
        if self.kind == "ipo" and self.label_smoothing:
            raise check.error("label_smoothing", "applies to the kind sigmoid; leave it out with ipo")

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows, of shape ()."""
        if batch.reference is None:
            raise missing("the start's vectors of the same rows", "reference=...")
        student, valid = own_list(batch)  # (B, 1+N)
        with torch.no_grad():
            start, _ = own_list(replace(batch.reference, negatives_mask=batch.negatives_mask))
            start = start.to(student)  # (B, 1+N)
        real = valid[:, 1:] & ~_ties(batch, valid[:, 1:])  # (B, N)
        empty = ~real.any(dim=1)  # (B,)
        moved = (student - start) / self.temperature  # (B, 1+N)
        margins = moved[:, :1] - moved[:, 1:]  # (B, N)
        with torch.no_grad():
            self.count(
                reward_margin=weighted_mean(self.beta * margins, None, real),
                reward_accuracy=weighted_mean((margins > 0).to(margins), None, real),
                accuracy=weighted_mean((student[:, :1] > student[:, 1:]).to(margins), None, real),
                drift=weighted_mean((student - start).abs(), None, valid),
                empty_rows=empty.sum(),
                empty_share=empty.float().mean(),
            )
        return weighted_mean(self.of_margins(margins), batch.weights, real)

    def of_margins(self, margins: Tensor) -> Tensor:
        """The loss of each margin h, of any shape.

        >>> DPO().of_margins(torch.zeros(2))
        tensor([0.6931, 0.6931])
        """
        if self.kind == "ipo":
            return (margins - 1 / (2 * self.beta)).square()
        smoothing, logits = self.label_smoothing, self.beta * margins
        return -(1 - smoothing) * functional.logsigmoid(logits) - smoothing * functional.logsigmoid(-logits)


def _ties(batch: EmbeddingBatch, like: Tensor) -> Tensor:
    """Where a rejected text equals the chosen one or the anchor, so that there is no preference: bool (B, N)."""
    tied = torch.zeros_like(like)
    for ids in (batch.anchor_ids, batch.positive_ids):
        if ids is not None and batch.negative_ids is not None:
            tied |= (batch.negative_ids == ids[:, None]).to(tied.device, non_blocking=True)
    return tied
