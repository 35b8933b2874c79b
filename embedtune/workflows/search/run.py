"""`embedtune search`: encode a corpus once, then answer typed queries with the results of several systems."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from embedtune.config.systems import BM25
from embedtune.config.verbs.search import SearchConfig
from embedtune.data.signals.columns import named_input
from embedtune.data.sources.reading.unchanged import declare_encoding, unchanged_inputs
from embedtune.data.sources.texts import corpus_of
from embedtune.errors import ConfigError
from embedtune.evaluation.ranking import id_ranks
from embedtune.findings import counted, kind_of
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import check_device, load_encoder, resolve
from embedtune.models.similarity import measure_of, similarity_findings
from embedtune.models.sources.on_hub import STARTER
from embedtune.reports.document.short_names import short_name
from embedtune.reports.results.search import FoundDocument, SearchAnswer, SearchResult
from embedtune.search.bm25 import Bm25, demand_words
from embedtune.search.dense import top_k
from embedtune.signals import KNOWN
from embedtune.workflows.shared.talk import Silence, Talk

Finder = Callable[[Sequence[str], int], tuple[np.ndarray, np.ndarray]]
"""Queries (Q,) and k -> scores (Q, k) and positions (Q, k) of the documents, best first, padded with position -1."""


@dataclass(frozen=True)
class SearchableCorpus:
    """A corpus that answers queries under every system.

    Args:
        data: what is searched, in words.
        ids: (C,) of the documents.
        texts: (C,) the documents.
        finders: label -> system.
        top: results per query.
    """

    data: str
    ids: Sequence[str]
    texts: Sequence[str]
    finders: Mapping[str, Finder]
    top: int

    def __repr__(self) -> str:
        return f"SearchableCorpus({self.data}; {' and '.join(self.finders)}; the best {self.top} per query)"

    def ask(self, query: str) -> SearchAnswer:
        """What each system finds; every result has its rank in the other systems, None if they do not find it.

        A query may also be a file of samples, for a model that reads signals: FILE.wav, FILE.npy, FILE.parquet#ROW.

        Raises:
            ConfigError: the query is not text.
        """
        if not isinstance(query, str):
            raise ConfigError(f"a query must be text, got {kind_of(query)}", where="ask")
        asked = named_input(query)
        found = {label: find([asked], self.top) for label, find in self.finders.items()}
        ranks = {
            label: {int(place): rank for rank, place in enumerate(positions[0], 1) if place >= 0}
            for label, (_, positions) in found.items()
        }
        results = {
            label: tuple(
                FoundDocument(
                    rank=rank,
                    score=float(scores[0, rank - 1]),
                    document=self.ids[place],
                    text=KNOWN.shown(self.texts[place]),
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


@unchanged_inputs()
def open_search(config: SearchConfig, *, talk: Talk | None = None) -> SearchableCorpus:
    """Read a corpus and encode it with every system; vectors computed earlier come from the store.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    talk = talk or Silence()
    declare_encoding(config.data.encoding)
    models = config.models
    check_device(config.search.device)
    for name in [*models.encoders, *([models.query] if models.query else [])]:
        resolve(models.section(name))
    with talk.progress(f"reading {short_name(config.data.source)}"):
        corpus, what = corpus_of(config.data.source, config.data.column)
    data = f"{what}: {counted(len(corpus), 'document')}"
    talk.say(data)
    ids, texts = list(corpus), list(corpus.values())
    ties = id_ranks(ids)  # (C,)
    queries = _load(models.query, config, texts, talk) if models.query else None
    finders: dict[str, Finder] = {}
    for name in models.systems:
        if name == BM25:
            demand_words(texts)
            with talk.progress(f"{BM25}: indexing"):
                index = Bm25(texts)
            talk.say(index.forms.described)
            finders[name] = partial(index.top_k, tie_rank=ties)
        else:
            encoder = _load(name, config, texts, talk)
            measure = measure_of(encoder, queries or encoder)
            for one in [encoder] if queries is None else [encoder, queries]:
                for finding in similarity_findings(one, measure):
                    talk.say(finding.message)
            unit = measure == "cosine"
            documents = _encoded(encoder, texts, config, talk, normalise=unit)
            finders[name] = _by_vectors(queries or encoder, documents, ties, normalise=unit)
    return SearchableCorpus(data, ids, texts, finders, config.search.top)


def _by_vectors(encoder: Encoder, documents: np.ndarray, ties: np.ndarray, *, normalise: bool) -> Finder:
    return lambda queries, k: top_k(
        encode(encoder, queries, role="query", normalise=normalise), documents, k, tie_rank=ties
    )


def _load(name: str, config: SearchConfig, texts: Sequence[str], talk: Talk) -> Encoder:
    with talk.progress(f"loading {short_name(name)}"):
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


def _encoded(
    encoder: Encoder, texts: Sequence[str], config: SearchConfig, talk: Talk, *, normalise: bool
) -> np.ndarray:
    store = open_store(config.search.store)
    with talk.progress(f"{short_name(encoder.name)}: encoding the documents", total=len(texts)) as tell:
        return encode(encoder, texts, role="document", store=store, progress=tell, normalise=normalise)  # (C, D)
