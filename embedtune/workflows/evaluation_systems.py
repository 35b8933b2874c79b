"""The systems of an evaluation at work: each encoder loaded once, its vectors searched whole and cut."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from embedtune.config.evaluation import BM25, EvaluateConfig
from embedtune.data.rows import Finding
from embedtune.data.words import counted
from embedtune.errors import ConfigError
from embedtune.evaluation.judged import JudgedSet
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.rankers import Ranking, Run, by_run, by_vectors, by_words, unit_prefix
from embedtune.evaluation.retrieval import RetrievalScores, score_ranking
from embedtune.models.encode import encode
from embedtune.models.encoder import Encoder, Role
from embedtune.models.load import load_encoder
from embedtune.models.resolve import STARTER
from embedtune.models.store import VectorStore, open_store
from embedtune.workflows.talk import Talk

LEAST_DEPTH = 100
"""A run file holds at least so many documents a query, however small the cutoffs are."""


@dataclass(frozen=True)
class Scored:
    """A system's ranking of one set and what it is worth.

    Args:
        label: what tells it from the others: the model, with "@64" where its vectors were cut.
        model: as the user named it.
        dimensions: of its vectors; None where there are none.
        ranking: what it found.
        scores: per query.
        ranked_here: False where the ranking was read from a file.
    """

    label: str
    model: str
    dimensions: int | None
    ranking: Ranking
    scores: RetrievalScores
    ranked_here: bool = True


class Systems:
    """Scores systems on judged sets.

    Args:
        config: of the evaluation.
        talk: told what happens.
    """

    def __init__(self, config: EvaluateConfig, talk: Talk) -> None:
        self._config, self._talk = config, talk
        self._store: VectorStore | None = open_store(config.output.store)
        self._depth = max(LEAST_DEPTH, *(parse_metric(name).k for name in config.evaluation.metrics))
        query = config.models.query
        self._queries: Encoder | None = None if query is None else self._load(query, ())

    def score(self, name: str, sets: Sequence[JudgedSet]) -> list[list[Scored]]:
        """One system on every set: its own row, then those of its cut vectors."""
        if name == BM25:
            return [[self._scored(name, name, None, self._by_words(judged), judged)] for judged in sets]
        encoder = None if name == STARTER else self._load(name, ())
        return [list(self._by_vectors(name, encoder or self._load(name, judged.documents), judged)) for judged in sets]

    def score_run(self, path: str, run: Run, judged: JudgedSet) -> Scored:
        """A ranking that somebody else made."""
        scored = self._scored(path, path, None, by_run(run, judged), judged)
        return replace(scored, ranked_here=False)

    def _by_words(self, judged: JudgedSet) -> Ranking:
        with self._talk.progress(f"{BM25} on {judged.name}"):
            return by_words(self._depth, judged)

    def _by_vectors(self, name: str, encoder: Encoder, judged: JudgedSet) -> Iterator[Scored]:
        queries = self._encoded(self._queries or encoder, judged.queries, "query", judged.name)  # (Q, D)
        documents = self._encoded(encoder, judged.documents, "document", judged.name)  # (C, D)
        whole = documents.shape[1]
        ranking = by_vectors(queries, documents, self._depth, judged)
        yield self._scored(name, name, whole, ranking, judged)
        for size in self._config.models.dimensions:
            if size > whole:
                raise ConfigError(f"{name} has {whole} dimensions, fewer than {size}", where="--dimensions")
            if size < whole:
                cut = by_vectors(unit_prefix(queries, size), unit_prefix(documents, size), self._depth, judged)
                yield self._scored(f"{name}@{size}", name, size, cut, judged)

    def _scored(self, label: str, model: str, dimensions: int | None, ranking: Ranking, judged: JudgedSet) -> Scored:
        scores = score_ranking(ranking, judged, self._config.evaluation.metrics)
        return Scored(label, model, dimensions, ranking, scores)

    def _load(self, name: str, texts: Sequence[str]) -> Encoder:
        with self._talk.progress(f"loading {name}"):
            encoder = load_encoder(
                self._config.models.section(name),
                device=self._config.evaluation.device,
                texts=texts or None,
                seed=self._config.evaluation.seed,
            )
        for note in encoder.notes:
            self._talk.say(note)
        return encoder

    def _encoded(self, encoder: Encoder, texts: Sequence[str], role: Role, name: str) -> np.ndarray:
        what = {"query": "queries", "document": "documents"}[role]
        with self._talk.progress(f"{encoder.name}: encoding the {what} of {name}", total=len(texts)) as tell:
            return encode(encoder, texts, role=role, store=self._store, progress=lambda done, _: tell(done))  # (n, D)


def run_findings(path: str, run: Run, judged: JudgedSet, queries: Mapping[str, str]) -> list[Finding]:
    """What a run and the set it is scored on do not share."""
    corpus = set(judged.document_ids)
    lacking = [query for query in judged.query_ids if query not in run]
    foreign = [query for query in run if query not in queries]
    absent = sorted(
        {document for query in judged.query_ids for document in run.get(query, ()) if document not in corpus}
    )
    name = Path(path).name
    found = [
        ("queries-not-in-run", lacking, "query", f"not ranked by {name}, scored 0 on every metric."),
        ("run-queries-not-judged", foreign, "query", f"of {name} not judged in {judged.name}, passed over."),
        ("run-documents-not-in-corpus", absent, "document", f"of {name} not in the corpus; they keep their ranks."),
    ]
    return [
        Finding(
            code,
            "warning",
            len(ids),
            f"{counted(len(ids), noun)} {rest}",
            "Check that it was made on this set.",
            tuple(ids[:20]),
        )
        for code, ids, noun, rest in found
        if ids
    ]
