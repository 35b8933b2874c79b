"""`embedtune search`: a corpus encoded once, then queries typed by hand, with the results of several systems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from embedtune.config.encode import SearchConfig
from embedtune.config.evaluate import BM25
from embedtune.data.sources.texts import corpus_of
from embedtune.evaluation.ranking import id_ranks
from embedtune.findings import counted
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import check_device, load_encoder, resolve
from embedtune.models.files.resolve import STARTER
from embedtune.reports.results.search import FoundDocument, SearchAnswer, SearchResult
from embedtune.search.bm25 import Bm25
from embedtune.search.dense import top_k
from embedtune.workflows.shared.talk import Silence, Talk

Found = tuple[np.ndarray, np.ndarray]
"""Scores (k,) and positions (k,) of one query, best first; -1 where there are no more."""


class Finder(Protocol):
    """What finds documents."""

    def find(self, query: str, k: int) -> Found:
        """The k best documents."""


@dataclass(frozen=True)
class ByVectors:
    """An encoder, with the vectors of the corpus.

    Args:
        queries: what encodes queries.
        documents: (C, D).
        ties: (C,) which of several tied documents comes first.
    """

    queries: Encoder
    documents: np.ndarray
    ties: np.ndarray

    def find(self, query: str, k: int) -> Found:
        """The documents nearest to the query."""
        scores, positions = top_k(encode(self.queries, [query], role="query"), self.documents, k, tie_rank=self.ties)
        return scores[0], positions[0]


@dataclass(frozen=True)
class ByWords:
    """BM25."""

    index: Bm25
    ties: np.ndarray

    def find(self, query: str, k: int) -> Found:
        """The documents that share the most telling words with the query."""
        scores, positions = self.index.top_k([query], k, tie_rank=self.ties)
        return scores[0], positions[0]


@dataclass(frozen=True)
class SearchableCorpus:
    """A corpus that can be asked.

    Args:
        data: what is searched, in words.
        ids: (C,) of the documents.
        texts: (C,) the documents.
        finders: label -> what finds.
        top: how many results a query gets.
    """

    data: str
    ids: Sequence[str]
    texts: Sequence[str]
    finders: Mapping[str, Finder]
    top: int

    def ask(self, query: str) -> SearchAnswer:
        """What each system finds; every result says at which rank the others have it, null where they do not.

        Args:
            query: as it was typed.
        """
        found = {label: finder.find(query, self.top) for label, finder in self.finders.items()}
        ranks = {
            label: {int(place): rank for rank, place in enumerate(places, 1) if place >= 0}
            for label, (_, places) in found.items()
        }
        results = {
            label: tuple(
                FoundDocument(
                    rank=rank,
                    score=float(scores[rank - 1]),
                    document=self.ids[place],
                    text=self.texts[place],
                    others={other: ranks[other].get(place) for other in found if other != label},
                )
                for place, rank in ranks[label].items()
            )
            for label, (scores, _) in found.items()
        }
        return SearchAnswer(query, results)

    def result(self, answers: Sequence[SearchAnswer]) -> SearchResult:
        """What the queries asked so far found."""
        return SearchResult(self.data, tuple(self.finders), self.top, tuple(answers))


def open_search(config: SearchConfig, *, talk: Talk | None = None) -> SearchableCorpus:
    """Read a corpus and encode it under every system; vectors computed before come from the store.

    Args:
        config: the options.
        talk: told what happens.

    Raises:
        EmbedtuneError: anything the user can mend; says what to do.
    """
    talk = talk or Silence()
    models = config.models
    check_device(config.search.device)
    for name in [*models.encoders, *([models.query] if models.query else [])]:
        resolve(name, trust_remote_code=models.trust_remote_code)
    with talk.progress(f"reading {config.data.source}"):
        corpus, what = corpus_of(config.data.source, config.data.column)
    data = f"{what}: {counted(len(corpus), 'document')}"
    talk.say(data)
    ids, texts = list(corpus), list(corpus.values())
    ties = id_ranks(ids)  # (C,)
    queries = _load(models.query, config, texts, talk) if models.query else None
    finders: dict[str, Finder] = {}
    for name in models.systems:
        if name == BM25:
            with talk.progress(f"{BM25}: indexing"):
                finders[name] = ByWords(Bm25(texts), ties)
        else:
            encoder = _load(name, config, texts, talk)
            finders[name] = ByVectors(queries or encoder, _encoded(encoder, texts, config, talk), ties)
    return SearchableCorpus(data, ids, texts, finders, config.search.top)


def _load(name: str, config: SearchConfig, texts: Sequence[str], talk: Talk) -> Encoder:
    with talk.progress(f"loading {name}"):
        encoder = load_encoder(
            config.models.section(name),
            device=config.search.device,
            texts=texts if name == STARTER else None,
            seed=config.search.seed,
            precision=config.search.precision,
        )
    for note in encoder.notes:
        talk.say(note)
    return encoder


def _encoded(encoder: Encoder, texts: Sequence[str], config: SearchConfig, talk: Talk) -> np.ndarray:
    store = open_store(config.search.store)
    with talk.progress(f"{encoder.name}: encoding the documents", total=len(texts)) as tell:
        return encode(encoder, texts, role="document", store=store, progress=lambda done, _: tell(done))  # (C, D)
