"""From candidates to negatives: filters, sampling, and a part of the result for every block."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.config.mine import MineConfig
from embedtune.data.formats import Mined
from embedtune.durable import write_sealed
from embedtune.mining.filters import (
    REASONS,
    CrossEncoded,
    Filter,
    Guided,
    Margin,
    MaxScore,
    MinScore,
    PercentOfPositive,
    Range,
    RelativeMargin,
    Verdict,
    judge,
    preset,
)
from embedtune.mining.ledger import Entry, entry, suspects
from embedtune.mining.sample import Chosen, choose
from embedtune.workflows.mine.blocks import QueryBlock, read_block, text_ids_of
from embedtune.workflows.mine.job import Job, is_done, read_part
from embedtune.workflows.mine.opinions import Judge
from embedtune.workflows.mine.search import CandidateSearch, sampled
from embedtune.workflows.shared.talk import Talk

LEDGER_LINES = 200
LEDGER_A_QUERY = 3
"""Lines a query may have in the ledger: one with an odd positive would fill it alone, and teach nobody anything new."""
EXAMPLES = 10
SHOWN_DROPPED = 2
"""How many dropped candidates an example shows."""
EDGES = np.linspace(-1, 1, 101).round(2)
"""Borders of the histograms' bins, in cosine or differences of cosines; what lies beyond counts in the last."""


def filters_of(config: MineConfig, margin: float | None) -> list[Filter]:
    """The filters of the recipe, with the margin that was chosen for it."""
    given = config.filters
    usual = preset(given.preset, given.max_score if given.preset == "threshold" else None) if given.preset else ()
    filters: list[Filter] = [Range(*given.ranks), *usual]
    margin = given.margin if given.margin is not None else margin
    filters += [MinScore(given.min_score)] if given.min_score is not None else []
    filters += [MaxScore(given.max_score)] if given.max_score is not None and given.preset != "threshold" else []
    filters += [Margin(margin)] if margin is not None else []
    filters += [RelativeMargin(given.relative_margin)] if given.relative_margin is not None else []
    filters += [PercentOfPositive(given.percent_of_positive)] if given.percent_of_positive is not None else []
    filters += [Guided(config.guide.margin)] if config.guide.name is not None else []
    filters += [CrossEncoded(config.cross_encoder.margin)] if config.cross_encoder.name is not None else []
    return filters


@dataclass(frozen=True)
class NegativeChoice:
    """The choice of negatives for every query, part by part on disk.

    Args:
        config: how to choose.
        search: what was found.
        folder: where parts lie.
        margin: the margin chosen on a sample, or None.
        guide: another judge, or None.
        cross: another judge, or None.
    """

    config: MineConfig
    search: CandidateSearch
    folder: Path
    margin: float | None
    guide: Judge | None
    cross: Judge | None

    def path(self, block: int) -> Path:
        """The file of one block's part."""
        return self.folder / f"{block:06d}.json"

    def parts(self) -> Iterator[dict[str, Any]]:
        """Every part in order, one in memory at a time."""
        for number in range(len(self.search.blocks)):
            yield json.loads(read_part(self.path(number)))

    @property
    def filters(self) -> list[Filter]:
        """Those at work."""
        return filters_of(self.config, self.margin)

    @cached_property
    def shown(self) -> frozenset[int]:
        """Query numbers drawn as examples; more than are shown, since some may have no negatives."""
        ids = self.search.documents.pairs.query_ids
        return frozenset(sampled(ids, 4 * EXAMPLES, self.config.mining.seed, "example").tolist())

    def part(self, number: int) -> dict[str, Any]:
        """Filter and choose for one block."""
        config, block = self.config, read_block(self.search, number, self.guide, self.cross)
        verdict = judge(block.candidates, self.filters)
        chosen = choose(
            block.candidates,
            verdict.kept,
            config.mining.negatives,
            query_ids=self.search.documents.pairs.query_ids[block.queries],
            document_ids=text_ids_of(self.search, block.candidates.documents),
            sampling=config.mining.sampling,
            seed=config.mining.seed,
            temperature=config.mining.temperature,
        )
        return {
            "mined": self._mined(block, chosen),
            "kept": int(verdict.kept.sum()),
            "dropped": verdict.dropped,
            "found": np.bincount(chosen.counts, minlength=config.mining.negatives + 1).tolist(),
            "histogram": _histogram(block, verdict),
            "above": _above(block, chosen),
            "ledger": [asdict(one) for one in self._suspects(block, verdict)],
            "examples": self._examples(block, verdict, chosen),
        }

    def _mined(self, block: QueryBlock, chosen: Chosen) -> list[dict[str, Any]]:
        """The fields of `Mined` for each query of the block."""
        corpus, pairs = self.search.documents.corpus, self.search.documents.pairs
        taken = chosen.columns >= 0  # (Q, N)
        documents = np.take_along_axis(block.candidates.documents, np.maximum(chosen.columns, 0), axis=1)  # (Q, N)
        scores = np.take_along_axis(block.candidates.scores, np.maximum(chosen.columns, 0), axis=1)  # (Q, N)
        ranks = np.take_along_axis(block.candidates.ranks, np.maximum(chosen.columns, 0), axis=1)  # (Q, N)
        texts, names = iter(corpus.texts(documents[taken])), iter(corpus.ids(documents[taken]))
        answers = iter(corpus.texts(block.positives[:, 1]))
        mined = []
        for row, query in enumerate(block.queries.tolist()):
            own = block.positive_scores[block.positives[:, 0] == row]
            count = int(taken[row].sum())
            mined.append(
                {
                    "anchor": pairs.queries[query],
                    "positives": [next(answers) for _ in own],
                    "negatives": [next(texts) for _ in range(count)],
                    "positive_scores": _rounded(own),
                    "negative_scores": _rounded(scores[row][taken[row]]),
                    "provenance": {
                        "miner": self.config.model.name,
                        "ranks": " ".join(map(str, ranks[row][taken[row]].tolist())),
                        "ids": " ".join(next(names) for _ in range(count)),
                    },
                }
            )
        return mined

    def _suspects(self, block: QueryBlock, verdict: Verdict) -> Iterator[Entry]:
        found = suspects(block.candidates, verdict, verdict.reasons.size)
        told: Counter[int] = Counter()
        corpus, pairs = self.search.documents.corpus, self.search.documents.pairs
        for query, column in zip(found.queries.tolist(), found.columns.tolist(), strict=True):
            if told[query] == LEDGER_A_QUERY:
                continue
            if told.total() == LEDGER_LINES:
                return
            told[query] += 1
            places = [block.least_similar(query), int(block.candidates.documents[query, column])]
            positive, candidate = corpus.texts(places)
            texts = (pairs.queries[int(block.queries[query])], positive, candidate)
            yield entry(block.candidates, verdict, (query, column), texts)

    def _examples(self, block: QueryBlock, verdict: Verdict, chosen: Chosen) -> list[dict[str, Any]]:
        rows = [row for row, query in enumerate(block.queries.tolist()) if query in self.shown and chosen.counts[row]]
        return [self._example(block, verdict, chosen, row) for row in rows]

    def _example(self, block: QueryBlock, verdict: Verdict, chosen: Chosen, row: int) -> dict[str, Any]:
        corpus, candidates = self.search.documents.corpus, block.candidates
        # What a score dropped is worth a look; known positives and what lies outside the range are not.
        dropped = np.flatnonzero(verdict.reasons[row] > REASONS.index("range"))[:SHOWN_DROPPED]
        columns = np.concatenate([chosen.columns[row][chosen.columns[row] >= 0], dropped])
        texts = corpus.texts([block.least_similar(row), *candidates.documents[row, columns].tolist()])
        told = [
            {"text": text, "score": score, "reason": REASONS[reason]}
            for text, score, reason in zip(
                texts[1:],
                _rounded(candidates.scores[row, columns]),
                verdict.reasons[row, columns].tolist(),
                strict=True,
            )
        ]
        taken = len(columns) - len(dropped)
        return {
            "query": self.search.documents.pairs.queries[int(block.queries[row])],
            "positive": texts[0],
            "positive_score": _rounded(candidates.positive_scores[row : row + 1])[0],
            "negatives": told[:taken],
            "dropped": told[taken:],
        }


def choose_all(choice: NegativeChoice, talk: Talk) -> None:
    """Make every part that an earlier run has not."""
    missing = [number for number in range(len(choice.search.blocks)) if not is_done(choice.path(number))]
    with talk.progress("filtering and choosing", total=len(choice.search.blocks)) as tell:
        for number in missing:
            tell(number)
            write_sealed(choice.path(number), json.dumps(choice.part(number)).encode())


def choice_of(
    config: MineConfig,
    search: CandidateSearch,
    job: Job,
    calibration: Mapping[str, Any] | None,
    judges: tuple[Judge | None, Judge | None],
) -> NegativeChoice:
    """The choice that a recipe asks for, its folder named after all that decides it."""
    margin = None if calibration is None else calibration["margin"]
    guide, cross = judges
    folder = job.stage(
        "choice",
        candidates=search.folder.name,
        filters=config.filters.model_dump(exclude={"sample"}),
        mining=config.mining.model_dump(include={"negatives", "sampling", "temperature", "seed"}),
        margin=margin,
        guide=None if guide is None else (guide.key, config.guide.margin),
        cross_encoder=None if cross is None else (cross.key, config.cross_encoder.margin),
        model=config.model.name,
        marked=search.documents.marked_pairs,
        group=config.data.group,
    )
    return NegativeChoice(config, search, folder, margin, guide, cross)


def mined_of(part: Mapping[str, Any]) -> Iterator[Mined]:
    """What a part holds, as layouts take it."""
    for one in part["mined"]:
        lists = {key: tuple(value) for key, value in one.items() if isinstance(value, list)}
        yield Mined(anchor=one["anchor"], provenance=one["provenance"], **lists)


def _histogram(block: QueryBlock, verdict: Verdict) -> dict[str, list[int]]:
    kept, dropped = verdict.kept, verdict.reasons > REASONS.index("range")  # (Q, K), (Q, K)
    scores = block.candidates.scores  # (Q, K)
    lead = scores - block.candidates.positive_scores[:, None]  # (Q, K)
    groups = {
        "positives": block.positive_scores,
        "kept": scores[kept],
        "dropped": scores[dropped],
        "lead_kept": lead[kept],
        "lead_dropped": lead[dropped],
    }
    return {name: np.histogram(np.clip(scores, -1, 1), EDGES)[0].tolist() for name, scores in groups.items()}


def _above(block: QueryBlock, chosen: Chosen) -> int:
    """How many of the chosen negatives score above their query's least similar positive."""
    taken = chosen.columns >= 0  # (Q, N)
    scores = np.take_along_axis(block.candidates.scores, np.maximum(chosen.columns, 0), axis=1)  # (Q, N)
    return int(((scores > block.candidates.positive_scores[:, None]) & taken).sum())


def _rounded(scores: np.ndarray) -> list[float]:
    return [round(float(score), 6) for score in scores]
