"""The margin that a sample of the queries proposes, found once a job."""

from dataclasses import asdict
from typing import Any

import numpy as np

from embedtune.config.mining import MineConfig
from embedtune.mining.calibrate import propose_margin
from embedtune.mining.candidates import Candidates
from embedtune.workflows.mining_blocks import gathered, read_block
from embedtune.workflows.mining_choice import filters_of
from embedtune.workflows.mining_job import Job
from embedtune.workflows.mining_search import Search, sampled
from embedtune.workflows.talk import Talk


def calibrate(config: MineConfig, search: Search, job: Job, talk: Talk) -> dict[str, Any] | None:
    """The margin that a sample of the queries proposes, once; None where no margin is to be chosen."""
    if not config.filters.calibrated:
        return None
    target = config.filters.target_kept
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
            candidates, positives = _sample(config, search)
            proposal = propose_margin(
                candidates,
                positives,
                filters_of(config, None),
                target_kept=None if target == "auto" else float(target),
            )
        found = {key: _plain(value) for key, value in asdict(proposal).items()}
        job.write_json(name, found)
    return found


def _sample(config: MineConfig, search: Search) -> tuple[Candidates, np.ndarray]:
    """Candidates in the range of a sample of queries, and (query number in the sample, score) of its positives."""
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
