"""Whose scores go into the mined rows, and a teacher's scores that come from a file."""

from dataclasses import dataclass
from math import nan

import numpy as np

from embedtune.config.verbs.mine import MineConfig
from embedtune.data.guides.guide_file import columns_of, holds_scores
from embedtune.data.guides.guide_scores import PairScores, read_scores
from embedtune.data.sources.columns import listed
from embedtune.data.sources.reading.remote import given_file
from embedtune.data.sources.streams import sha256
from embedtune.errors import ConfigError, DataError
from embedtune.findings import counted
from embedtune.mining.candidate_block import Opinion
from embedtune.workflows.mine.candidate_search import CandidateSearch
from embedtune.workflows.mine.judges.judge import least
from embedtune.workflows.mine.query_block import QueryBlock, text_ids_of
from embedtune.workflows.shared.choosing.teacher import MOST_ROWS
from embedtune.workflows.shared.talk import Talk

OPTION = "--teacher"
SCORES = "give rows of query, document and score"
_BEST_FIRST = ("teacher", "cross_encoder", "guide")
"""The judges whose scores go into the rows, the first that is asked."""


@dataclass(frozen=True)
class FileJudge:
    """A teacher whose scores are in a file.

    Args:
        search: whose candidates it judges.
        scores: by the ids of query and document.
        key: a hash of the file.
    """

    search: CandidateSearch
    scores: PairScores
    key: str

    def opinion(self, block: int, documents: np.ndarray) -> Opinion:
        """Its scores of the documents (Q, K) of a block; NaN for pairs that the file does not have."""
        queries, pairs = self.search.blocks[block], self.search.positives_of(block)
        ids = text_ids_of(self.search, documents)  # (Q, K); no text has the id 0 of padding
        asked = self.search.documents.pairs.query_ids  # (all queries,)
        rows = [
            [self._of(query, document) for document in own]
            for query, own in zip(asked[queries].tolist(), ids.tolist(), strict=True)
        ]
        scores = np.array(rows, dtype=np.float32).reshape(documents.shape)  # (Q, K)
        own = self._positives(pairs)  # (P,)
        return Opinion(scores, _lowest(own, pairs[:, 0] - int(queries[0]), len(queries)), own)

    def covered(self) -> tuple[int, int]:
        """How many positives of the job have a score, and how many there are."""
        own = self._positives(self.search.documents.positives)  # (P,)
        return int((~np.isnan(own)).sum()), len(own)

    def _positives(self, pairs: np.ndarray) -> np.ndarray:
        """float32 (P,): scores of pairs (query number, document position)."""
        asked = self.search.documents.pairs.query_ids[pairs[:, 0]]  # (P,)
        ids = np.asarray(self.search.documents.corpus.text_ids)[pairs[:, 1]]  # (P,)
        found = [self._of(*pair) for pair in zip(asked.tolist(), ids.tolist(), strict=True)]
        return np.array(found, dtype=np.float32)  # (P,)

    def _of(self, query: int, document: int) -> float:
        return self.scores.get(query, {}).get(document, nan)


def check_teacher(config: MineConfig) -> None:
    """Refuse a teacher that is not a file of scores, before anything is mined.

    Raises:
        ConfigError: it is not a file, or not one of scores.
        DataError: the file cannot be read.
    """
    if config.teacher.file is None:
        return
    path = given_file(config.teacher.file)
    if not path.is_file():
        raise ConfigError(
            f"{config.teacher.file} is not a file; a teacher is a file with its scores",
            where=OPTION,
            next=f"{SCORES}; a model that scores pairs is named by --cross-encoder",
        )
    columns = columns_of(path)
    if not holds_scores(columns):
        has = "vectors" if "vector" in columns else f"the columns {listed(columns)}"
        raise ConfigError(
            f"{config.teacher.file} holds {has}; a teacher's file holds scores", where=OPTION, next=SCORES
        )


def ask_teacher(config: MineConfig, search: CandidateSearch, talk: Talk) -> FileJudge | None:
    """Read the teacher's file, and say how many positives it scores; None without --teacher.

    Raises:
        DataError: the file is faulty or scores no positive of this data.
    """
    if config.teacher.file is None:
        return None
    path = given_file(config.teacher.file)
    judge = FileJudge(search, read_scores(path), sha256(path))
    scored, positives = judge.covered()
    if not scored:
        raise DataError(
            f"none of the {counted(positives, 'positive')} has a score",
            where=str(path),
            next="score the pairs of the data too: candidates are compared with the score of their query's positive",
        )
    pairs = sum(map(len, judge.scores.values()))
    talk.say(f"teacher {path.name}: {counted(pairs, 'score')}, of {scored:,} of {counted(positives, 'positive')}")
    if scored < MOST_ROWS * positives:
        talk.warn(
            "most positives have no score of the teacher, so their candidates are not compared with it, and `train` "
            "will not learn from it unasked; score more of them, or leave --teacher out"
        )
    return judge


def _lowest(values: np.ndarray, queries: np.ndarray, count: int) -> np.ndarray:
    """float32 (count,): as `least`, but of the positives that have a score."""
    there = ~np.isnan(values)
    return least(values[there], queries[there], count)


@dataclass(frozen=True)
class WrittenScores:
    """The scores that go into the rows of a block.

    Args:
        scores: (Q, K) of the candidates.
        each_positive: (P,) of every positive.
        by: who gave them; "" for the miner itself.
    """

    scores: np.ndarray
    each_positive: np.ndarray
    by: str = ""


def scores_to_write(config: MineConfig, block: QueryBlock) -> WrittenScores:
    """The best judge's scores, because a student that learns from the miner's learns only what the miner knows.

    A teacher's file comes first, then the cross-encoder, then the guide, then the miner.
    """
    opinion = next(
        (one for one in (getattr(block.candidates, judge) for judge in _BEST_FIRST) if one is not None), None
    )
    if opinion is None or opinion.each_positive is None:
        return WrittenScores(block.candidates.scores, block.positive_scores)
    return WrittenScores(opinion.scores, opinion.each_positive, who_scores(config))


def who_scores(config: MineConfig) -> str:
    """Who gives the scores that go into the rows, such as "cross-encoder reranker/"; "" for the miner itself."""
    names = {"teacher": config.teacher.file, "cross_encoder": config.cross_encoder.name, "guide": config.guide.name}
    asked = next((judge for judge in _BEST_FIRST if names[judge] is not None), None)
    return "" if asked is None else f"{asked.replace('_', '-')} {names[asked]}"
