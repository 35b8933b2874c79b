"""Sets whose items are scored one by one: scored pairs, texts with candidate labels, triplets."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedtune.config.systems import BM25
from embedtune.data.checks.quick import weak_test
from embedtune.errors import ConfigError
from embedtune.evaluation.rankers import Run
from embedtune.evaluation.tasks.items import ItemScores, ItemSet
from embedtune.evaluation.tasks.question import questions_of_items
from embedtune.findings import Finding
from embedtune.models.encode.lengths import Truncation
from embedtune.models.encoder import Encoder, Role
from embedtune.signals import KNOWN, only_texts
from embedtune.workflows.evaluate.result import against_first, grouped
from embedtune.workflows.evaluate.systems import Systems
from embedtune.workflows.shared.truncation import truncation_findings


@dataclass(frozen=True)
class ScoredItems:
    """A system and its scores on a set.

    Args:
        label: distinguishes it: the model, with "@64" if its vectors were cut.
        model: as the user named it.
        dimensions: of its vectors; None if it has none.
        truncated: what it cuts off texts; empty if it cuts nothing.
    """

    label: str
    model: str
    dimensions: int | None
    scores: ItemScores
    truncated: Mapping[Role, Truncation] = field(default_factory=dict)


class ItemTask:
    """A set of items and the systems scored on it.

    Args:
        ids: (n,) of the items.
        described: what was read, in sentences.
        hashes: source file name -> sha256.
        seed: of the draws.
    """

    def __init__(
        self,
        name: str,
        items: ItemSet,
        *,
        ids: Sequence[str],
        described: Sequence[str],
        findings: Sequence[Finding] = (),
        hashes: Mapping[str, str],
        seed: int = 0,
    ) -> None:
        self.name, self.kind, self.hashes = name, items.kind, hashes
        self.items, self.ids = items, ids
        self.described = tuple(described)
        self.findings = (*findings, *weak_test(len(items.queries), f"{len(items.queries)} {items.items}"))
        self.scored: list[ScoredItems] = []
        self._seed = seed

    @property
    def starter_texts(self) -> list[str]:
        """All texts: a starter made from only a few would know nothing."""
        return only_texts(dict.fromkeys([*self.items.documents, *self.items.queries]))

    def rename(self, name: str) -> None:
        """Take another name, if two sets have the same one."""
        self.name = name

    def by_encoder(self, systems: Systems, name: str, encoder: Encoder) -> None:
        """Score an encoder with full and cut vectors; quantised vectors matter only for search."""
        cut = systems.truncations(encoder, self._texts_by_role(), self.name)
        self.findings += tuple(truncation_findings(name, cut))
        self.findings += tuple(systems.similarity(encoder))
        for label, size, scores in systems.pairs_by_vectors(name, encoder, self.items, self.name):
            self.scored.append(ScoredItems(label, name, size, self.items.judge(scores, seed=self._seed), cut))

    def by_words(self, systems: Systems) -> None:
        """Score BM25: what shared words alone achieve."""
        scores, how = systems.pairs_by_words(self.items, self.name)
        self.described = (*self.described, how)
        self.scored.append(ScoredItems(BM25, BM25, None, self.items.judge(scores, seed=self._seed)))

    def by_both(self, systems: Systems, name: str, encoder: Encoder) -> None:
        """Refuse: these sets are not ranked.

        Raises:
            ConfigError: always.
        """
        what = f"{name} joins two rankings of a corpus, but {self.name} holds {self.items.items} ({self.kind})"
        raise ConfigError(what, where="--model", next="use a retrieval set, or name bm25 and the encoder each")

    def by_run(self, systems: Systems, path: str, run: Run) -> None:
        """Refuse: these sets are not ranked.

        Raises:
            ConfigError: always.
        """
        what = f"a run ranks the documents of a corpus, but {self.name} holds {self.items.items} ({self.kind})"
        raise ConfigError(what, where="--run", next="use a retrieval set, or leave out --run")

    def rows(self, folder: Path, *, alone: bool, seed: int) -> list[dict[str, Any]]:
        """The rows of the result, one per system; there are no files."""
        return [
            {
                "task": self.kind,
                "model": one.model,
                "label": one.label,
                "data": self.name,
                "dimensions": one.dimensions,
                "metrics": dict(one.scores.metrics),
                "intervals": {name: list(one.scores.intervals[name]) for name in one.scores.metrics},
                "items": self.items.items,
                "queries": len(self.items.queries),
                "documents": len(self.items.documents),
                **grouped(self.items.groups),
                "truncated": {role: cut.as_dict() for role, cut in one.truncated.items()},
                "run": None,
                **one.scores.detail,
            }
            for one in self.scored
        ]

    def comparisons(self, *, seed: int) -> list[dict[str, Any]]:
        """Every other system against the first, on the kind's own first metric."""
        first, *others = self.scored
        found = [self.items.compare(first.scores, other.scores, seed=seed) for other in others]
        return against_first([one.label for one in self.scored], found, self.name)

    def evidence(self) -> None:
        """None: nothing is ranked."""

    def lines(self) -> Iterator[str]:
        """What each system got on each item, and what people had judged."""
        questions = questions_of_items(self.items.texts, self.items.expected, self.items.documents)
        for place, (item, text) in enumerate(zip(self.ids, self.items.texts, strict=True)):
            scores = {
                one.label: {name: round(float(own[place]), 6) for name, own in one.scores.values.items()}
                for one in self.scored
            }
            line: dict[str, Any] = {"data": self.name, "query": item, "text": KNOWN.shown(text)}
            line |= {"task": self.kind, "scores": scores}
            line |= questions.of(place)
            line |= {} if self.items.groups is None else self.items.groups.mark(place)
            if self.items.expected:
                line["expected"] = self.items.expected[place]
            if self.scored[0].scores.answers:
                line["answers"] = {one.label: _short(one.scores.answers[place]) for one in self.scored}
            yield json.dumps(line, ensure_ascii=False) + "\n"

    def _texts_by_role(self) -> dict[Role, Sequence[str]]:
        queries, documents = self.items.queries, self.items.documents
        if self.items.document_role == "query":
            return {"query": [*queries, *documents]}
        return {"query": queries, "document": documents}


def _short(answer: float | str) -> float | str:
    """The answer; numbers with nine digits, enough to distinguish any two float32."""
    return answer if isinstance(answer, str) else float(f"{answer:.9g}")
