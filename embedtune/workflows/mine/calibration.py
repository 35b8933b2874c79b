"""The margin that a sample of the queries proposes, found once per job."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from embedtune.config.verbs.mine import MineConfig
from embedtune.mining.calibrate import MarginProposal, propose_margin
from embedtune.mining.candidate_block import CandidateBlock
from embedtune.workflows.mine.candidate_search import CandidateSearch, sampled
from embedtune.workflows.mine.choice import filters_of
from embedtune.workflows.mine.query_block import gathered, read_block
from embedtune.workflows.shared.jobs.job import Job
from embedtune.workflows.shared.talk import Talk

HALF = 0.5
"""The share of candidates to keep if the proposed margin would leave almost none."""


def calibrate(config: MineConfig, search: CandidateSearch, job: Job, talk: Talk) -> dict[str, Any] | None:
    """The margin that a sample of the queries proposes, found once; None if the recipe asks for none."""
    if not config.filters.calibrated:
        return None
    folder = job.stage(
        "calibration",
        candidates=search.folder.name,
        filters=config.filters.model_dump(),
        seed=config.mining.seed,
        group=config.data.group,
        marked=search.documents.marked_pairs,
    )
    name = f"{folder.name}/proposal.json"
    found = job.read_json(name)
    if found is None:
        with talk.progress("choosing a margin on a sample"):
            found = {key: _plain(value) for key, value in asdict(_proposal(config, search)).items()}
        job.write_json(name, found)
    return found


def _proposal(config: MineConfig, search: CandidateSearch) -> MarginProposal:
    """The margin for the share asked for, or the one that the data proposes unless it leaves almost nothing."""
    (candidates, positives), filters = _sample(config, search), filters_of(config, None)
    target = config.filters.target_kept
    if target != "auto":
        return propose_margin(candidates, positives, filters, target_kept=float(target))
    proposed = propose_margin(candidates, positives, filters)
    if proposed.warning is None:
        return proposed
    half = propose_margin(candidates, positives, filters, target_kept=HALF)
    instead = "instead, it keeps the half of the candidates that score furthest below their positives"
    return replace(
        half, reason=f"{proposed.reason}; {instead} (a margin of {half.margin:.3g})", warning=proposed.warning
    )


def _sample(config: MineConfig, search: CandidateSearch) -> tuple[CandidateBlock, np.ndarray]:
    """The candidates of a sample of queries, and (query number in the sample, score) of their positives."""
    chosen = sampled(search.documents.pairs.query_ids, config.filters.sample, config.mining.seed, "calibration")
    parts, positives, before = [], [], 0
    for number, queries in enumerate(search.blocks):
        rows = np.flatnonzero(np.isin(queries, chosen))
        if not len(rows):
            continue
        block = read_block(search, number)
        parts.append((block.candidates, rows))
        place = np.full(len(queries), -1)  # (Q,)
        place[rows] = np.arange(before, before + len(rows))
        mine = place[block.positives[:, 0]] >= 0  # (P,)
        positives.append(np.stack([place[block.positives[mine, 0]], block.positive_scores[mine]], axis=1))
        before += len(rows)
    return gathered(parts), np.concatenate(positives)  # (P, 2)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
