"""What a guide and a cross-encoder think of the candidates: vectors and scores on disk, block by block."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from embedtune.config.verbs.mine import MineConfig
from embedtune.mining.candidate_block import PADDING, Opinion
from embedtune.models.cross.cross_encoder import PairScorer, fingerprint, load_cross_encoder
from embedtune.models.encode.store import VectorStore
from embedtune.models.files.load import load_encoder
from embedtune.models.similarity import similarity_findings
from embedtune.search.pairwise import pair_scores
from embedtune.workflows.mine.candidate_search import CandidateSearch, distinct_documents
from embedtune.workflows.mine.job_vectors import VectorWriter, identity_of, in_blocks
from embedtune.workflows.shared.jobs.job import Job, is_done, key_of, load_array, save_array
from embedtune.workflows.shared.talk import Talk


class Judge(Protocol):
    """A second model that scores the same candidates."""

    @property
    def key(self) -> str:
        """A hash of the model and how it is used."""
        ...

    def opinion(self, block: int, documents: np.ndarray) -> Opinion:
        """Its scores of the documents (Q, K) of a block."""
        ...


@dataclass(frozen=True)
class Judges:
    """The second models that a job asks; None for those that it does not ask."""

    guide: Judge | None = None
    cross: Judge | None = None
    teacher: Judge | None = None

    @property
    def keys(self) -> dict[str, str]:
        """Name -> hash of each one that is asked."""
        return {name: judge.key for name, judge in vars(self).items() if judge is not None}


def least(values: np.ndarray, queries: np.ndarray, count: int) -> np.ndarray:
    """The smallest of each query's values; NaN for a query without values.

    Args:
        values: (P,) float32.
        queries: (P,) int64, the query number of each, from 0.
        count: how many queries there are.

    Returns: float32 (count,).
    """
    lowest = np.full(count, np.inf, dtype=np.float32)  # (Q,)
    np.minimum.at(lowest, queries, values)
    return np.where(np.isinf(lowest), np.float32(np.nan), lowest)  # (Q,)


@dataclass(frozen=True)
class GuideJudge:
    """A guide's similarities, from vectors of the texts that are a candidate or a positive of some query.

    Args:
        search: whose candidates it judges.
        queries: (Q, G).
        documents: (some, G), of the documents at `positions`.
        positions: (some,) int64, ascending.
        key: a hash of the guide and how it encodes.
    """

    search: CandidateSearch
    queries: np.ndarray
    documents: np.ndarray
    positions: np.ndarray
    key: str

    def opinion(self, block: int, documents: np.ndarray) -> Opinion:
        """Its scores of the documents (Q, K) of a block."""
        queries = self.search.blocks[block]
        first, pairs = int(queries[0]), self.search.positives_of(block)
        places = np.where(documents == PADDING, PADDING, np.searchsorted(self.positions, documents))  # (Q, K)
        scores = pair_scores(self.queries[queries], self.documents, places)  # (Q, K)
        near = np.searchsorted(self.positions, pairs[:, 1])[:, None]  # (P, 1)
        own = pair_scores(self.queries[pairs[:, 0]], self.documents, near)[:, 0]  # (P,)
        return Opinion(scores, least(own, pairs[:, 0] - first, len(queries)), own)


def ask_guide(
    config: MineConfig, search: CandidateSearch, job: Job, store: VectorStore | None, talk: Talk
) -> GuideJudge | None:
    """Encode with the guide only what it has to judge; None without --guide."""
    section = config.guide
    if section.name is None:
        return None
    with talk.progress("loading the guide"):
        guide = load_encoder(section, device=config.mining.device, precision=config.mining.precision)
    for note in guide.notes:
        talk.say(f"guide: {note}")
    for finding in similarity_findings(guide, "cosine", "it judges"):
        talk.say(f"guide: {finding.message}")
    positions = np.union1d(distinct_documents(search), search.documents.positives[:, 1])  # (some,)
    key = key_of(identity_of(guide))
    folder = job.stage("guide", guide=key, candidates=search.folder.name)
    corpus, queries = search.documents.corpus, search.documents.pairs.queries
    write = VectorWriter(guide, folder, store, talk)
    return GuideJudge(
        search,
        queries=write("query", in_blocks(queries), len(queries)),
        documents=write("document", (corpus.texts(part) for part in in_blocks(positions)), len(positions)),
        positions=positions,
        key=key,
    )


@dataclass(frozen=True)
class CrossJudge:
    """A cross-encoder's scores of every pair in the range, block by block on disk.

    Args:
        search: whose candidates it judges.
        folder: of its scores.
        key: a hash of the cross-encoder.
    """

    search: CandidateSearch
    folder: Path
    key: str

    def path(self, block: int) -> Path:
        """The file of one block's scores."""
        return self.folder / f"{block:06d}.npy"

    def opinion(self, block: int, documents: np.ndarray) -> Opinion:
        """Its scores of the documents (Q, K) of a block."""
        queries, pairs = self.search.blocks[block], self.search.positives_of(block)
        together = load_array(self.path(block))  # (candidates + P,)
        scores = np.full(documents.shape, np.nan, dtype=np.float32)  # (Q, K)
        scores[documents != PADDING] = together[: len(together) - len(pairs)]
        own = together[len(together) - len(pairs) :]  # (P,)
        return Opinion(scores, least(own, pairs[:, 0] - int(queries[0]), len(queries)), own)


def ask_cross_encoder(config: MineConfig, search: CandidateSearch, job: Job, talk: Talk) -> CrossJudge | None:
    """Score every candidate and every positive, one block of queries at a time; None without --cross-encoder."""
    section = config.cross_encoder
    if section.name is None:
        return None
    with talk.progress("loading the cross-encoder"):
        scorer = load_cross_encoder(section, device=config.mining.device)
    if config.mining.precision == "bf16":  # `auto` leaves the scores as everybody else computes them
        scorer = replace(scorer, products="bf16")
    for note in scorer.notes:
        talk.say(f"cross-encoder: {note}")
    if scorer.mix:
        talk.say(f"cross-encoder: its score + {scorer.mix:.3g} x the miner's cosine, as chosen when it was trained")
    usual = PairScorer(scorer.model, scorer.name)
    other = {name: value for name in ("mix", "products") if (value := getattr(scorer, name)) != getattr(usual, name)}
    key = key_of({"weights": fingerprint(scorer), "max_length": section.max_length, **other})
    judge = CrossJudge(search, job.stage("cross", cross_encoder=key, candidates=search.folder.name), key)
    with talk.progress("scoring pairs with the cross-encoder", total=len(search.blocks)) as tell:
        for block in range(len(search.blocks)):
            if not is_done(judge.path(block)):
                save_array(judge.path(block), _cross_scores(scorer, search, block))
            tell(block + 1)
    return judge


def _cross_scores(scorer: PairScorer, search: CandidateSearch, block: int) -> np.ndarray:
    """Scores of the block's candidates, row by row, then of its positives: float32 (candidates + P,).

    Where the cross-encoder was trained to judge together with an encoder, the miner's cosines count as they did there.
    """
    found, queries = search.found(block), search.blocks[block]
    row, column = np.nonzero(found != PADDING)
    positives = search.positives_of(block)  # (P, 2)
    numbers = np.concatenate([queries[row], positives[:, 0]])
    texts = search.documents.corpus.texts(np.concatenate([found[row, column], positives[:, 1]]))
    asked = search.documents.pairs.queries
    judged = scorer.scores([(asked[number], text) for number, text in zip(numbers.tolist(), texts, strict=True)])
    if not scorer.mix:
        return judged
    own = search.scores(positives[:, 0], positives[:, 1:])[:, 0]  # (P,)
    cosines = np.concatenate([search.scores(queries, found)[row, column], own])
    return judged + np.float32(scorer.mix) * cosines
