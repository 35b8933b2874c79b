"""`embedtune search`: encode a corpus once, then answer typed queries with the results of several systems."""

from collections.abc import Sequence

import numpy as np

from embedtune.config.search import SearchConfig
from embedtune.config.systems import BM25
from embedtune.data.sources.texts import corpus_of
from embedtune.evaluation.ranking import id_ranks
from embedtune.findings import counted
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import check_device, load_encoder, resolve
from embedtune.models.files.resolve import STARTER
from embedtune.search.bm25 import Bm25
from embedtune.workflows.search.result import ByVectors, ByWords, Finder, SearchableCorpus
from embedtune.workflows.shared.talk import Silence, Talk


def open_search(config: SearchConfig, *, talk: Talk | None = None) -> SearchableCorpus:
    """Read a corpus and encode it with every system; vectors computed earlier come from the store.

    Args:
        config: the options.
        talk: gets messages and progress.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    talk = talk or Silence()
    models = config.models
    check_device(config.search.device)
    for name in [*models.encoders, *([models.query] if models.query else [])]:
        resolve(models.section(name))
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
        return encode(encoder, texts, role="document", store=store, progress=tell)  # (C, D)
