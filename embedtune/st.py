"""The losses for sentence-transformers' own trainer: `from embedtune.st import GIST`.

Each loss of `embedtune.losses` has a name here, in any capitals and without underscores: `GIST`, `InfoNCE`, `Triplet`,
`MarginMSE`. It takes the model, its own arguments and, where it needs one, a guide, and is given to
`SentenceTransformerTrainer(loss=...)` or wrapped in `MatryoshkaLoss`:

    from embedtune.st import GIST

    trainer = SentenceTransformerTrainer(model=model, train_dataset=pairs, loss=GIST(model, guide=guide, margin=0.05))
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from embedtune.errors import ConfigError
from embedtune.identity import text_id
from embedtune.losses import EmbeddingBatch, build_loss, loss_class, loss_names

Features = Mapping[str, Any]
"""What a tokenizer makes of a column of texts: `input_ids` and more."""


class TrainerLoss(nn.Module):
    """One of our losses with the signature that sentence-transformers calls: columns of tokens in, a scalar () out.

    The columns are anchors, positives and any number of negatives. Equal texts are never each other's negatives. Labels
    are classes (B,) for a loss that needs them, or a teacher's scores (B, 1+N) of [positive, negatives...].

    Args:
        name: of the loss.
        model: the `SentenceTransformer` that is trained.
        guide: another one, left as it is, for a loss that needs a guide; it may have another tokenizer.
        args: the loss's own arguments; `embedtune losses NAME` explains them.

    Raises:
        ConfigError: unknown arguments, no guide where one is needed, or a loss that needs what only `embedtune train`
            makes (an averaged teacher, clusters, the vectors before training).
    """

    def __init__(self, name: str, model: nn.Module, guide: nn.Module | None = None, **args: Any) -> None:
        super().__init__()
        loss = build_loss(name, **args)
        if loss.companions or (loss.uses_queue and args.get("queue")):
            raise ConfigError(
                f"{name} needs what training makes on the way ({', '.join(loss.companions)})",
                where=f"embedtune.st.{name}",
                next=f"embedtune train --loss {name} --data ...",
            )
        if loss.needs_guide and guide is None:
            raise ConfigError(
                f"{name} needs a guide",
                where=f"embedtune.st.{name}",
                next="pass guide=SentenceTransformer(...), for example a copy of the model before training",
            )
        self.model, self.loss = model, loss
        # In a list, so that the guide's weights are none of this module's: they are not trained and not moved.
        self._guide = [] if guide is None else [guide.eval().requires_grad_(False)]

    def forward(self, sentence_features: Iterable[Features], labels: Tensor | None = None) -> Tensor:
        """The loss of one batch: ()."""
        columns = list(sentence_features)
        # The model writes into the features it is given; ids and the guide read them before.
        ids = [self._ids(column) for column in columns]
        guide = self._batch([self._guided(column) for column in columns]) if self._guide else None
        student = self._batch([self.model(dict(column))["sentence_embedding"] for column in columns], ids)
        return self.loss(self._told(student, guide, labels))

    @staticmethod
    def _batch(vectors: list[Tensor], ids: list[Tensor] | None = None) -> EmbeddingBatch:
        """A batch of these columns, each (B, D), with their text ids, each (B,)."""
        if len(vectors) < 2:
            raise ConfigError("a batch has one column", where="train_dataset", next="give anchors and positives")
        more: dict[str, Any] = {"negatives": torch.stack(vectors[2:], dim=1)} if len(vectors) > 2 else {}  # (B, N, D)
        if ids is not None:
            ids = [one.to(vectors[0].device) for one in ids]
            more |= {"anchor_ids": ids[0], "positive_ids": ids[1]}
            more |= {"negative_ids": torch.stack(ids[2:], dim=1)} if len(ids) > 2 else {}  # (B, N)
        return EmbeddingBatch(anchors=vectors[0], positives=vectors[1], **more)

    def _told(self, student: EmbeddingBatch, guide: EmbeddingBatch | None, labels: Tensor | None) -> EmbeddingBatch:
        """The batch with what is known besides: the guide's vectors, classes or a teacher's scores."""
        known: dict[str, Any] = {"guide": guide}
        if self.loss.needs_teacher:
            known["teacher_scores"] = labels
        elif self.loss.needs_labels:
            known["labels"] = labels
        return EmbeddingBatch(**{**vars(student), **known})

    @torch.no_grad()
    def _guided(self, column: Features) -> Tensor:
        """The guide's vectors of a column: (B, G)."""
        [guide] = self._guide
        device = next(guide.parameters()).device
        texts = self.model.tokenizer.batch_decode(  # type: ignore[operator, union-attr]
            list(_token_rows(column)), skip_special_tokens=True
        )
        if hasattr(guide, "preprocess"):
            tokens = guide.preprocess(texts)  # type: ignore[operator]
        else:
            tokens = guide.tokenize(texts)  # type: ignore[operator]
        there = {name: value.to(device) if isinstance(value, Tensor) else value for name, value in tokens.items()}
        vectors: Tensor = guide(there)["sentence_embedding"]
        return vectors.to(next(self.model.parameters()).device)

    @staticmethod
    def _ids(column: Features) -> Tensor:
        """One id for each text, by its tokens: int64 (B,)."""
        return torch.tensor([text_id(" ".join(map(str, row))) for row in _token_rows(column)])


def _token_rows(column: Features) -> Iterator[list[int]]:
    """The tokens of each text, without padding, however the tokenizer laid them out."""
    tokens: Tensor = column["input_ids"]
    if "offsets" in column:  # of a static encoder: one row after the other
        starts = column["offsets"].tolist()
        ends = [*starts[1:], len(tokens)]
        yield from (tokens[start:end].tolist() for start, end in zip(starts, ends, strict=True))
    elif "cu_seq_lens_q" in column:  # packed
        bounds = column["cu_seq_lens_q"].tolist()
        yield from (tokens[0, start:end].tolist() for start, end in pairwise(bounds))
    else:
        for row, mask in zip(tokens, column["attention_mask"], strict=True):
            yield row[mask.bool()].tolist()


def __getattr__(name: str) -> Any:
    for known in loss_names():
        if name.lower() == known.replace("_", ""):
            return partial(TrainerLoss, known)
    raise AttributeError(f"module 'embedtune.st' has no loss {name!r}; there are {', '.join(loss_names())}")


def __dir__() -> list[str]:
    return ["TrainerLoss", *(loss_class(name).__name__ for name in loss_names())]
