"""An export against its encoder on the same texts: vectors, and what they find."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedtune.evaluation.agreement.equivalence import Equivalence, compare_equivalent
from embedtune.evaluation.rankers import by_vectors
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role, exported
from embedtune.models.similarity import measure_of
from embedtune.workflows.export.measured_on import MeasuredOn
from embedtune.workflows.shared.talk import Talk

TOLERANCE = 1e-4
"""Largest difference of a component in fp32; vectors of length 1, or as long as they come where they are not scaled."""
NDCG, DEPTH = "ndcg@10", 10
Vectors = dict[Role, np.ndarray]


@dataclass(frozen=True)
class Parity:
    """What was measured.

    Args:
        vectors: the largest difference of a component; None where the export has a space of its own.
        cosine: the lowest cosine of an export's vector and the encoder's; None as above.
        texts: how many were encoded by both.
        ranking: nDCG@10 of both; None where nobody judged the queries.
    """

    vectors: float | None
    cosine: float | None
    texts: int
    ranking: Equivalence | None

    def holds(self, precision: str, *, own_space: bool) -> bool:
        """Whether the gate lets it pass: vectors alike in fp32, rankings shown to be equivalent below that."""
        if own_space:
            return True
        if precision == "fp32":
            return self.vectors is not None and self.vectors <= TOLERANCE
        return self.ranking is not None and self.ranking.equivalent

    def sentence(self, precision: str) -> str:
        """The figures in words; below fp32, what is found decides, so it comes first."""
        parts = []
        if self.vectors is not None:
            allowed = f"; in fp32 at most {TOLERANCE:g} is allowed" if precision == "fp32" else ""
            parts.append(
                f"Components differ by at most {self.vectors:.1e} over {self.texts:,} texts (lowest cosine "
                f"{self.cosine:.5f}{allowed})."
            )
        if self.ranking is not None:
            parts.insert(len(parts) if precision == "fp32" else 0, self.ranking.sentence)
        return " ".join(parts)

    def as_json(self, precision: str, *, own_space: bool) -> dict[str, Any]:
        """The keys of `parity` in `--json`."""
        found = self.ranking
        return {
            "vectors": self.vectors,
            "cosine": self.cosine,
            "texts": self.texts,
            "metric": NDCG,
            "queries": found.queries if found else 0,
            "before": found.before if found else None,
            "after": found.after if found else None,
            "difference": found.difference if found else None,
            "interval": list(found.interval) if found else None,
            "p_value": found.p_value if found else None,
            "equivalent": found.equivalent if found else None,
            "sentence": self.sentence(precision),
            "holds": self.holds(precision, own_space=own_space),
        }


def vectors_of(encoder: Encoder, judged: JudgedSet, store: VectorStore | None, talk: Talk, what: str) -> Vectors:
    """The vectors of all queries and documents: as they come from an export, else as evaluation uses them."""
    scaled = exported(encoder.model) is None and measure_of(encoder) == "cosine"
    sides: tuple[tuple[Role, Sequence[str]], ...] = (("query", judged.queries), ("document", judged.documents))
    found: Vectors = {}
    for role, texts in sides:
        kind = "queries" if role == "query" else "documents"
        with talk.progress(f"{what}: encoding {kind}", total=len(texts)) as tell:
            found[role] = encode(encoder, texts, role=role, store=store, normalise=scaled, progress=tell)
    return found


def measure(before: Vectors, after: Vectors, on: MeasuredOn, *, own_space: bool) -> Parity:
    """Compare the vectors of an encoder and of its export, and what both find.

    Args:
        before: of the encoder.
        after: of the export.
        on: the texts.
        own_space: whether the export has another space, so that only what it finds can be compared.
    """
    judged = as_arrays(on.judged)
    first, second = (np.concatenate([one["query"], one["document"]]) for one in (before, after))
    ranking = None
    if on.is_judged:
        scores = [
            score_ranking(by_vectors(one["query"], one["document"], DEPTH, judged), judged, (NDCG,)).per_query[NDCG]
            for one in (before, after)
        ]
        ranking = compare_equivalent(*scores, metric=NDCG)
    return Parity(
        vectors=None if own_space else float(np.abs(first - second).max()),
        cosine=None if own_space else _lowest_cosine(first, second),
        texts=len(first),
        ranking=ranking,
    )


def _lowest_cosine(first: np.ndarray, second: np.ndarray) -> float:
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    there = lengths > 0  # a text without any token has no direction
    return float(((first * second).sum(axis=1)[there] / lengths[there]).min(initial=1.0))
