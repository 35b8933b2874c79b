"""What a cross-encoder thinks of the candidates: it is slow, so its scores are on disk every thousand pairs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from embedtune.config.verbs.mine import MineConfig
from embedtune.mining.candidate_block import PADDING, Opinion
from embedtune.models.cross.cross_encoder import PairScorer, fingerprint, load_cross_encoder
from embedtune.workflows.mine.candidate_search import CandidateSearch
from embedtune.workflows.mine.judges.judge import least
from embedtune.workflows.shared.jobs.job import Job, is_done, key_of, load_array, save_array
from embedtune.workflows.shared.talk import Talk

PAIRS_AT_A_TIME = 1024
"""Pairs that a cross-encoder scores before they are on disk: less than a minute of a slow processor's work."""


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
    """Score every candidate and every positive, some pairs at a time; None without --cross-encoder."""
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
        beside = f"beside {scorer.beside} " if scorer.beside else ""
        talk.say(f"cross-encoder: its score + {scorer.mix:.3g} x the miner's cosine, as chosen {beside}in its training")
    usual = PairScorer(scorer.model, scorer.name)
    other = {name: value for name in ("mix", "products") if (value := getattr(scorer, name)) != getattr(usual, name)}
    key = key_of({"weights": fingerprint(scorer), "max_length": section.max_length, **other})
    judge = CrossJudge(search, job.stage("cross", cross_encoder=key, candidates=search.folder.name), key)
    scoring = CrossScoring(scorer, judge)
    blocks = range(len(search.blocks))
    total, done = sum(map(scoring.size, blocks)), sum(map(scoring.done, blocks))
    with talk.progress("scoring pairs with the cross-encoder", total=total) as tell:
        tell(done)  # what an interrupted job had done says nothing of the pace
        for block in blocks:
            for more in scoring.score(block):
                done += more
                tell(done)
    return judge


@dataclass(frozen=True)
class CrossScoring:
    """The work behind a `CrossJudge`: a block is scored in parts, which become one file when all are there.

    Where the cross-encoder was trained to judge together with an encoder, the miner's cosines count as they did there.
    """

    scorer: PairScorer
    judge: CrossJudge

    def size(self, block: int) -> int:
        """How many pairs a block has."""
        search = self.judge.search
        return int((search.found(block) != PADDING).sum()) + len(search.positives_of(block))

    def done(self, block: int) -> int:
        """How many of them are on disk."""
        size = self.size(block)
        if is_done(self.judge.path(block)):
            return size
        return sum(min(PAIRS_AT_A_TIME, size - first) for first, part in self._parts(block).items() if is_done(part))

    def score(self, block: int) -> Iterator[int]:
        """Score a block's candidates, row by row, then its positives; yields the size of each part that was missing."""
        whole, parts = self.judge.path(block), self._parts(block)
        if is_done(whole):
            return
        missing = {first: part for first, part in parts.items() if not is_done(part)}
        numbers, places, cosines = self._pairs(block)
        for first, part in missing.items():
            some = slice(first, first + PAIRS_AT_A_TIME)
            save_array(part, self._scores(numbers[some], places[some]) + cosines[some])
            yield len(numbers[some])
        found = [load_array(part) for part in parts.values()]
        save_array(whole, np.concatenate([np.empty(0, dtype=np.float32), *found]))
        for part in parts.values():
            part.unlink()

    def _parts(self, block: int) -> dict[int, Path]:
        """The first pair of each part -> its file."""
        whole = self.judge.path(block)
        starts = range(0, self.size(block), PAIRS_AT_A_TIME)
        return {first: whole.with_name(f"{whole.stem}-{first:09d}.npy") for first in starts}

    def _pairs(self, block: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Query numbers and document positions of a block's pairs, and what the cosine adds: (P,) each."""
        search = self.judge.search
        queries, found, positives = search.blocks[block], search.found(block), search.positives_of(block)
        row, column = np.nonzero(found != PADDING)
        numbers = np.concatenate([queries[row], positives[:, 0]])
        places = np.concatenate([found[row, column], positives[:, 1]])
        if not self.scorer.mix:
            return numbers, places, np.zeros(len(places), dtype=np.float32)
        own = search.scores(positives[:, 0], positives[:, 1:])[:, 0]
        cosines = np.concatenate([search.scores(queries, found)[row, column], own])
        return numbers, places, np.float32(self.scorer.mix) * cosines

    def _scores(self, numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
        """float32 (P,): the cross-encoder's scores of these queries and documents."""
        documents = self.judge.search.documents
        asked, texts = documents.pairs.queries, documents.corpus.texts(places)
        pairs = [(asked[number], text) for number, text in zip(numbers.tolist(), texts, strict=True)]
        return self.scorer.scores(pairs)
