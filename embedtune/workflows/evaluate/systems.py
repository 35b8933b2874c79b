"""Scoring systems on sets: each encoder is loaded once, and its vectors are searched full and cut."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from embedtune.config.systems import BM25, Quantisation
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.errors import ConfigError
from embedtune.evaluation.hybrid import by_reciprocal_ranks, by_weighted_sum
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.rankers import Ranking, Run, by_run, by_vectors, by_words, prefix
from embedtune.evaluation.tasks.items import ItemSet
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.evaluation.tasks.retrieval import RetrievalScores, score_ranking
from embedtune.findings import Finding
from embedtune.models.encode.compute import Spread
from embedtune.models.encode.encode import encode
from embedtune.models.encode.lengths import Truncation, truncation
from embedtune.models.encode.store import VectorStore, open_store
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.load import load_encoder
from embedtune.models.similarity import Measure, measure_of, similarity_findings
from embedtune.progress import Progress
from embedtune.reports.document.short_names import short_name
from embedtune.search.bm25 import Bm25, demand_words
from embedtune.search.pairwise import pair_scores
from embedtune.search.quantised import bytes_per_vector
from embedtune.workflows.evaluate.document_vectors import cut_vectors, document_vectors
from embedtune.workflows.shared.engine.spreading import Spreading
from embedtune.workflows.shared.talk import Talk

LEAST_DEPTH = 100
"""A run file holds at least this many documents per query, however small the cutoffs are."""


@dataclass(frozen=True)
class Scored:
    """A system's ranking of one set, and its scores.

    Args:
        label: distinguishes it: the model, with "@64", "@int8" or "@64/int8" if its vectors were cut or quantised.
        model: as the user named it.
        dimensions: of its vectors; None if it has none.
        ranked_here: False if the ranking was read from a file.
        quantised: how its document vectors were quantised, or None.
        truncated: what the encoder cuts off "query" and "document" texts; empty if it cuts nothing.
        reranked: whether a reranker put its first documents in a new order.
    """

    label: str
    model: str
    dimensions: int | None
    ranking: Ranking
    scores: RetrievalScores
    ranked_here: bool = True
    quantised: Quantisation | None = None
    truncated: Mapping[Role, Truncation] = field(default_factory=dict)
    reranked: bool = False

    @property
    def bytes_per_vector(self) -> int | None:
        """The size of one document vector; None if there are no vectors."""
        return None if self.dimensions is None else bytes_per_vector(self.quantised, self.dimensions)


class Systems:
    """Scores systems on judged sets.

    Args:
        folder: for temporary files of vectors that do not fit in memory.
    """

    def __init__(self, config: EvaluateConfig, talk: Talk, folder: Path) -> None:
        self._config, self._talk, self._folder = config, talk, folder
        self._store: VectorStore | None = open_store(config.output.store)
        self._depth = max(LEAST_DEPTH, *(parse_metric(name).k for name in config.evaluation.metrics))
        query = config.models.query
        self._told: set[str] = set()
        self._queries: Encoder | None = None if query is None else self.load(query)

    def _tell_forms(self, described: str) -> None:
        """How BM25 compares words: said once, also for several sets."""
        if described not in self._told:
            self._told.add(described)
            self._talk.say(described)

    def load(self, name: str, texts: Sequence[str] = ()) -> Encoder:
        """Load an encoder; a starter is made from these texts."""
        with self._talk.progress(f"loading {short_name(name)}"):
            encoder = load_encoder(
                self._config.models.section(name),
                device=self._config.evaluation.device,
                texts=texts or None,
                seed=self._config.evaluation.seed,
                precision=self._config.evaluation.precision,
            )
        for note in encoder.notes:
            self._talk.say(note)
        return encoder

    def measure(self, encoder: Encoder) -> Measure:
        """How the vectors of an encoder, and of the queries' own, are compared."""
        return measure_of(encoder, self._queries or encoder)

    def similarity(self, encoder: Encoder) -> list[Finding]:
        """Findings where an encoder, or the queries' own, declares another similarity than cosine."""
        both = [encoder] if self._queries is None else [encoder, self._queries]
        return [finding for one in both for finding in similarity_findings(one, self.measure(encoder))]

    def score_run(self, path: str, run: Run, judged: JudgedSet) -> Scored:
        """Score a ranking from a file."""
        scored = self._scored(path, path, None, by_run(run, judged), judged)
        return replace(scored, ranked_here=False)

    def truncations(self, encoder: Encoder, texts: Mapping[Role, Sequence[str]], of: str) -> dict[Role, Truncation]:
        """What an encoder cuts off the texts of a set, by role."""
        encoders: dict[Role, Encoder] = {"query": self._queries or encoder, "document": encoder}
        with self._talk.progress(f"{short_name(encoder.name)}: counting the tokens of {of}"):
            found = {role: truncation(encoders[role], own, role) for role, own in texts.items()}
        return {role: one for role, one in found.items() if one is not None}

    def rank_by_words(self, judged: JudgedSet) -> tuple[Scored, str]:
        """Score BM25; with the scores, how it compared words."""
        with self._talk.progress(f"{BM25} on {judged.name}"):
            demand_words((*judged.queries, *judged.documents))
            index = Bm25(judged.documents)
            ranking = by_words(self._depth, judged, index)
        self._tell_forms(index.forms.described)
        return self._scored(BM25, BM25, None, ranking, judged), index.forms.described

    def rank_by_vectors(self, name: str, encoder: Encoder, judged: JudgedSet) -> Iterator[Scored]:
        """Score an encoder with its full vectors, then with its cut ones."""
        unit = self.measure(encoder) == "cosine"
        queries = self._encoded(
            self._queries or encoder, judged.queries, "query", f"the queries of {judged.name}", normalise=unit
        )  # (Q, D)
        full = queries.shape[1]
        with self._documents(encoder, judged, normalise=unit) as documents:  # (C, D)
            yield from self._by_kept(name, "", queries, documents, judged)
            for size in self._sizes(name, full):
                with cut_vectors(documents, size, self._folder, normalise=unit) as cut:  # (C, size)
                    short = prefix(queries, size, normalise=unit)  # (Q, size)
                    yield from self._by_kept(name, str(size), short, cut, judged)

    def _by_kept(
        self, name: str, size: str, queries: np.ndarray, documents: np.ndarray, judged: JudgedSet
    ) -> Iterator[Scored]:
        """Score the vectors as they are, then once per quantisation."""
        for kind in (None, *self._config.models.quantize):
            ranking = by_vectors(queries, documents, self._depth, judged, quantised=kind)
            label = "@".join(filter(None, (name, "/".join(filter(None, (size, kind))))))
            yield replace(self._scored(label, name, documents.shape[1], ranking, judged), quantised=kind)

    def rank_beside_words(
        self, name: str, words: Ranking, vectors: Ranking, judged: JudgedSet, weight: float | None
    ) -> Scored:
        """Score BM25 and an encoder joined: by reciprocal ranks, or by scores with this weight of the encoder."""
        if weight is None:
            ranking = by_reciprocal_ranks((words, vectors), self._depth, judged)
        else:
            ranking = by_weighted_sum(words, vectors, weight, self._depth, judged)
        return self._scored(name, name, None, ranking, judged)

    @property
    def weighs(self) -> bool:
        """Whether a hybrid adds scores, with a weight from dev."""
        return self._config.evaluation.fusion == "weighted"

    def first_rankings(self, name: str, encoder: Encoder, judged: JudgedSet) -> tuple[Scored, Scored]:
        """BM25 and an encoder with full vectors, of a set on which neither was scored."""
        return self.rank_by_words(judged)[0], next(self.rank_by_vectors(name, encoder, judged))

    def _scored(self, label: str, model: str, dimensions: int | None, ranking: Ranking, judged: JudgedSet) -> Scored:
        scores = score_ranking(ranking, judged, self._config.evaluation.metrics)
        return Scored(label, model, dimensions, ranking, scores)

    @contextmanager
    def _documents(self, encoder: Encoder, judged: JudgedSet, *, normalise: bool) -> Iterator[np.ndarray]:
        with ExitStack() as open_:
            description = f"{encoder.name}: encoding the documents of {judged.name}"
            with self._talk.progress(description, total=len(judged.documents)) as tell:
                vectors = open_.enter_context(
                    document_vectors(
                        encoder,
                        judged.documents,
                        self._folder,
                        normalise=normalise,
                        store=self._store,
                        progress=tell,
                        spread=self._spread(encoder, "document"),
                    )
                )  # (C, D)
            yield vectors

    def pairs_by_vectors(
        self, name: str, encoder: Encoder, items: ItemSet, of: str
    ) -> Iterator[tuple[str, int, np.ndarray]]:
        """Label, dimensions and scores (n, K) of each item's own pairs, with full vectors and then with cut ones."""
        unit = self.measure(encoder) == "cosine"
        queries = self._encoded(
            self._queries or encoder, items.queries, "query", f"the {items.items} of {of}", normalise=unit
        )
        documents = self._encoded(
            encoder, items.documents, items.document_role, f"the texts paired with those of {of}", normalise=unit
        )
        full = documents.shape[1]
        yield name, full, pair_scores(queries, documents, items.positions)
        for size in self._sizes(name, full):
            first, second = (prefix(vectors, size, normalise=unit) for vectors in (queries, documents))
            cut = pair_scores(first, second, items.positions)
            yield f"{name}@{size}", size, cut

    def vectors_of(
        self, name: str, encoder: Encoder, texts: Sequence[str], what: str
    ) -> Iterator[tuple[str, int, np.ndarray]]:
        """Label, dimensions and vectors (n, D) of length 1 of some texts as documents, full and then cut."""
        vectors = self._encoded(encoder, texts, "document", what, normalise=True)
        yield name, vectors.shape[1], vectors
        for size in self._sizes(name, vectors.shape[1]):
            yield f"{name}@{size}", size, prefix(vectors, size, normalise=True)

    def raw_vectors(self, encoder: Encoder, texts: Sequence[str], what: str) -> np.ndarray:
        """Vectors (n, D) of some texts as documents, of the lengths that the encoder gives them."""
        return self._encoded(encoder, texts, "document", what, normalise=False)

    def progress(self, description: str, total: int | None) -> AbstractContextManager[Progress]:
        """Report a long piece of work."""
        return self._talk.progress(description, total=total)

    def pairs_by_words(self, items: ItemSet, of: str) -> tuple[np.ndarray, str]:
        """The scores (n, K) of BM25 for each item's own pairs, and how it compared words."""
        with self._talk.progress(f"{BM25} on {of}"):
            demand_words((*items.queries, *items.documents))
            index = Bm25(items.documents)
            scores = index.pair_scores(items.queries, items.positions)
        self._tell_forms(index.forms.described)
        return scores, index.forms.described

    def _sizes(self, name: str, full: int) -> list[int]:
        """The dimensions to cut vectors to.

        Raises:
            ConfigError: the vectors are shorter.
        """
        sizes = self._config.models.dimensions
        if any(size > full for size in sizes):
            raise ConfigError(f"{name} has {full} dimensions, fewer than {max(sizes)}", where="--dimensions")
        return [size for size in sizes if size < full]

    def _encoded(self, encoder: Encoder, texts: Sequence[str], role: Role, what: str, *, normalise: bool) -> np.ndarray:
        with self._talk.progress(f"{short_name(encoder.name)}: encoding {what}", total=len(texts)) as tell:
            spread = self._spread(encoder, role)
            return encode(
                encoder, texts, role=role, store=self._store, progress=tell, normalise=normalise, spread=spread
            )  # (n, D)

    def _spread(self, encoder: Encoder, role: Role) -> Spread | None:
        """Where an encoder's texts are encoded; a starter is made here and no worker could load it."""
        evaluation = self._config.evaluation
        if not encoder.pretrained:
            return None
        return Spreading(evaluation.engine, self._config.models.section(encoder.name), evaluation.device).of(
            encoder, role
        )
