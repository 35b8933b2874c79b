"""From candidates to negatives: filters, sampling, and one part of the result per block.

Why this order:
- Filters come before sampling, so that sampling draws only from what may be a negative; the other way round a query
  would lose some of its N draws to the filters.
- The margin is chosen before any block is judged, on a sample of all blocks: every query gets the same margin, and
  the result does not depend on the size of the blocks.
- A block is judged as a whole and written as one part with everything that later stages need (negatives, counts,
  histograms, ledger lines, examples). Memory then stays within one block, and a resumed job makes only missing parts.
- Parts hold counts, not shares: adding them up in any grouping gives the same totals, to the byte.
- A draw depends only on seed and texts, so a block gives the same negatives whenever it is made.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.config.verbs.mine import MineConfig
from embedtune.data.formats import Mined
from embedtune.durable import write_sealed
from embedtune.mining.filters import (
    CrossEncoded,
    Filter,
    Guided,
    Margin,
    MaxScore,
    MinScore,
    PercentOfPositive,
    Range,
    RelativeMargin,
    Taught,
    judge,
    preset,
)
from embedtune.mining.sample import Chosen, choose
from embedtune.workflows.mine.block_report import (
    EXAMPLES,
    above_positive,
    examples_of,
    histogram_of,
    rounded,
    suspicious,
)
from embedtune.workflows.mine.candidate_search import CandidateSearch, sampled
from embedtune.workflows.mine.judges.judge import Judges
from embedtune.workflows.mine.judges.teacher import scores_to_write
from embedtune.workflows.mine.query_block import QueryBlock, read_block, text_ids_of
from embedtune.workflows.shared.jobs.job import Job, is_done, read_part
from embedtune.workflows.shared.talk import Talk


def filters_of(config: MineConfig, margin: float | None) -> list[Filter]:
    """The filters of the recipe, with the margin that was chosen on a sample unless it gives one."""
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
    filters += [Taught(config.teacher.margin)] if config.teacher.file is not None else []
    return filters


@dataclass(frozen=True)
class NegativeChoice:
    """The choice of negatives for every query, one part per block on disk.

    Args:
        config: how to choose.
        search: what was found.
        folder: of the parts.
        margin: the margin chosen on a sample, or None.
        judges: what else is asked about every candidate.
    """

    config: MineConfig
    search: CandidateSearch
    folder: Path
    margin: float | None
    judges: Judges

    def path(self, block: int) -> Path:
        """The file of one block's part."""
        return self.folder / f"{block:06d}.json"

    def parts(self) -> Iterator[dict[str, Any]]:
        """Every part in order, one in memory at a time."""
        for number in range(len(self.search.blocks)):
            yield json.loads(read_part(self.path(number)))

    @property
    def filters(self) -> list[Filter]:
        """The filters that are used."""
        return filters_of(self.config, self.margin)

    @cached_property
    def shown(self) -> frozenset[int]:
        """Query numbers drawn as examples; more than will be shown, because some may have no negatives."""
        ids = self.search.documents.pairs.query_ids
        return frozenset(sampled(ids, 4 * EXAMPLES, self.config.mining.seed, "example").tolist())

    def part(self, number: int) -> dict[str, Any]:
        """Filter and choose for one block."""
        config, block = self.config, read_block(self.search, number, self.judges)
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
            "histogram": histogram_of(block, verdict),
            "above": above_positive(block, chosen),
            "ledger": [asdict(one) for one in suspicious(self.search.documents, block, verdict)],
            "examples": examples_of(self.search.documents, block, verdict, chosen, self.shown),
        }

    def _mined(self, block: QueryBlock, chosen: Chosen) -> list[dict[str, Any]]:
        """The fields of `Mined` for each query of the block."""
        corpus, pairs = self.search.documents.corpus, self.search.documents.pairs
        taken = chosen.columns >= 0  # (Q, N)
        documents = np.take_along_axis(block.candidates.documents, np.maximum(chosen.columns, 0), axis=1)  # (Q, N)
        written = scores_to_write(self.config, block)
        scores = np.take_along_axis(written.scores, np.maximum(chosen.columns, 0), axis=1)  # (Q, N)
        ranks = np.take_along_axis(block.candidates.ranks, np.maximum(chosen.columns, 0), axis=1)  # (Q, N)
        texts, names = iter(corpus.texts(documents[taken])), iter(corpus.ids(documents[taken]))
        answers = iter(corpus.texts(block.positives[:, 1]))
        mined = []
        for row, query in enumerate(block.queries.tolist()):
            own = written.each_positive[block.positives[:, 0] == row]
            count = int(taken[row].sum())
            mined.append(
                {
                    "anchor": pairs.queries[query],
                    "positives": [next(answers) for _ in own],
                    "negatives": [next(texts) for _ in range(count)],
                    "positive_scores": rounded(own),
                    "negative_scores": rounded(scores[row][taken[row]]),
                    "provenance": {
                        "miner": self.config.model.name,
                        "ranks": " ".join(map(str, ranks[row][taken[row]].tolist())),
                        "ids": " ".join(next(names) for _ in range(count)),
                        **({"teacher": written.by} if written.by else {}),
                    },
                }
            )
        return mined


def choose_all(choice: NegativeChoice, talk: Talk) -> None:
    """Make every part that an earlier run has not made."""
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
    judges: Judges,
) -> NegativeChoice:
    """The choice that a recipe asks for; its folder is named after everything that decides it."""
    margin = None if calibration is None else calibration["margin"]
    folder = job.stage(
        "choice",
        candidates=search.folder.name,
        filters=config.filters.model_dump(exclude={"sample"}),
        mining=config.mining.model_dump(include={"negatives", "sampling", "temperature", "seed"}),
        margin=margin,
        judges=judges.keys,
        judge_margins=[config.guide.margin, config.cross_encoder.margin, config.teacher.margin],
        model=config.model.name,
        marked=search.documents.marked_pairs,
        group=config.data.group,
    )
    return NegativeChoice(config, search, folder, margin, judges)


def mined_of(part: Mapping[str, Any]) -> Iterator[Mined]:
    """The negatives of a part, in the form that output formats take."""
    for one in part["mined"]:
        lists = {key: tuple(value) for key, value in one.items() if isinstance(value, list)}
        yield Mined(anchor=one["anchor"], provenance=one["provenance"], **lists)
