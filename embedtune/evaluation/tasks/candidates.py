"""One query against N candidates: texts are given one of several labels, each described in several wordings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from embedtune.evaluation.metrics import share_of
from embedtune.evaluation.ranking import id_ranks, rank
from embedtune.evaluation.tasks.items import ItemScores, ItemSet, bootstrap, interval_of
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.signals import is_signal

Pool = Literal["best", "mean"]
TOP = (3, 5)
CONFUSED = 10


@dataclass(frozen=True)
class CandidateSet(ItemSet):
    """Labelled texts and the wordings of L labels. Ties between labels go by name, in descending order.

    Args:
        queries: (n,) texts.
        documents: (W,) wordings, grouped by label, in the order of the labels.
        truth: (n,) int64, the label of each text.
        labels: (L,) distinct names.
        label_of: (W,) int64 ascending, the label of each wording; every label has one.
        pool: a label's score is that of its best wording, or the mean over its wordings.
    """

    kind: ClassVar[str] = "candidates"
    items: ClassVar[str] = "texts"

    truth: np.ndarray
    labels: Sequence[str]
    label_of: np.ndarray
    pool: Pool = "best"

    @classmethod
    def of(
        cls,
        queries: Sequence[str],
        labels: Sequence[str],
        wordings: Mapping[str, Sequence[str]],
        *,
        pool: Pool = "best",
        groups: QueryGroups | None = None,
    ) -> "CandidateSet":
        """Queries with a label each, to be chosen among labels with their wordings."""
        names = sorted(wordings)
        number = {label: place for place, label in enumerate(names)}
        kind = SignalCandidates if any(map(is_signal, queries)) else cls
        return kind(
            queries=queries,
            truth=np.array([number[label] for label in labels]),  # (n,)
            labels=names,
            documents=[wording for label in names for wording in wordings[label]],
            label_of=np.array([number[label] for label in names for _ in wordings[label]]),  # (W,)
            pool=pool,
            groups=groups,
        )

    @property
    def expected(self) -> Sequence[float | str]:
        """The label of each text."""
        return [self.labels[label] for label in self.truth]

    @property
    def positions(self) -> np.ndarray:
        """(n, W): each with all wordings."""
        return np.broadcast_to(np.arange(len(self.documents)), (len(self.queries), len(self.documents)))

    def judge(self, scores: np.ndarray, *, seed: int) -> ItemScores:
        """Accuracy, macro F1 and how often the right label is among the first few, of scores (n, W)."""
        order = self._order(scores)  # (n, L)
        chosen, values = order[:, 0], self._right(order)  # (n,), (n,) each
        drawn = bootstrap(len(chosen), lambda counts: self._macro_f1(chosen, counts), seed=seed, groups=self.groups)
        every = np.ones((1, len(chosen)), dtype=np.int64)  # (1, n)
        means = {name: float(one.mean()) for name, one in values.items()}
        intervals = {name: self.interval_of_mean(one, seed=seed) for name, one in values.items()}
        return ItemScores(
            metrics={"accuracy": means.pop("accuracy"), "macro_f1": float(self._macro_f1(chosen, every)[0]), **means},
            intervals={**intervals, "macro_f1": interval_of(drawn, self.groups)},
            values=values,
            answers=[self.labels[label] for label in chosen],
            detail=self._detail(chosen),
        )

    def values(self, scores: np.ndarray) -> dict[str, np.ndarray]:
        """Whether the right label of each text comes first, or among the first few: name -> (n,), of scores (n, W)."""
        return self._right(self._order(scores))

    def _order(self, scores: np.ndarray) -> np.ndarray:
        """The labels of each text, the best one first: (n, L)."""
        return rank(self._pooled(scores), id_ranks(list(self.labels)))

    def _right(self, order: np.ndarray) -> dict[str, np.ndarray]:
        place = (order == self.truth[:, None]).argmax(axis=1)  # (n,)
        values = {"accuracy": (place == 0).astype(np.float64)}  # (n,) each
        return values | {f"accuracy@{k}": (place < k).astype(np.float64) for k in TOP if k < len(self.labels)}

    def _pooled(self, scores: np.ndarray) -> np.ndarray:
        """Scores (n, L) of labels from those of wordings (n, W)."""
        if self.pool == "best":
            return np.maximum.reduceat(scores, self._starts, axis=1)  # (n, L)
        sums = np.add.reduceat(scores.astype(np.float64), self._starts, axis=1)  # (n, L)
        return sums / np.bincount(self.label_of)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.flatnonzero(np.diff(self.label_of, prepend=-1))  # (L,)

    def _macro_f1(self, chosen: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """The mean F1 of the labels that occur, for each resample (b, n): (b,)."""
        found = []
        for row in counts:
            right, had, called = (
                np.bincount(labels, weights=row * which, minlength=len(self.labels))
                for labels, which in ((chosen, chosen == self.truth), (self.truth, 1), (chosen, 1))
            )  # (L,) each
            found.append(share_of(2 * right, had + called)[had > 0].mean())
        return np.array(found)

    def _detail(self, chosen: np.ndarray) -> dict[str, Any]:
        size = len(self.labels)
        confusion = np.bincount(self.truth * size + chosen, minlength=size * size).reshape(size, size)  # (L, L)
        right, had, called = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)  # (L,) each
        shares = share_of(right, called), share_of(right, had), share_of(2 * right, had + called)  # (L,) each
        wrong = confusion - np.diag(right)  # (L, L)
        worst = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSED].tolist()
        return {
            "confusion": {"labels": list(self.labels), "counts": confusion.tolist()},
            "classes": [
                {"label": name, "texts": int(n), "precision": float(p), "recall": float(r), "f1": float(f)}
                for name, n, p, r, f in zip(self.labels, had, *shares, strict=True)
            ],
            "confused": [
                {"label": self.labels[i], "chosen": self.labels[j], "texts": int(wrong[i, j])}
                for i, j in (divmod(at, size) for at in worst)
                if wrong[i, j]
            ],
        }


class SignalCandidates(CandidateSet):
    """Labelled signals and the wordings of L labels: one signal against N descriptions."""

    items: ClassVar[str] = "signals"
