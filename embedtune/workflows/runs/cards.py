"""What is known of a run, read from its folder: fast, and whatever state the folder is in."""

import json
import os
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from embedtune.durable import UNFINISHED
from embedtune.errors import EmbedtuneError
from embedtune.evaluation.verdicts.paired_tests import bootstrap_interval
from embedtune.findings import counted
from embedtune.reports.results.runs import RunCard, State
from embedtune.workflows.shared.lock import is_held
from embedtune.workflows.shared.run_folder import RECIPE, REPORT, SESSIONS, RunFolder
from embedtune.workflows.shared.run_space import size_bytes, spare_parts

DRAWS = 2_000
"""Of the bootstrap: a list of many runs is to be read at once."""
_PER_QUERY = "per_query.jsonl"


def card_of(run: RunFolder) -> RunCard:
    """A run in a few facts; one whose files cannot be read is `damaged`."""
    report, recipe = _report(run), _recipe(run)
    verdict = report.get("verdict") or {}
    facts: dict[str, Any] = _scores(run, report, verdict) if verdict else {}
    return RunCard(
        run=str(run.path),
        state=_state(run, report),
        model=str(_at(recipe, "model", "name") or ""),
        data=str(_at(recipe, "data", "source") or ""),
        losses=_losses(recipe),
        steps=report.get("steps") or _steps(run),
        elapsed_s=_elapsed(run, report),
        disk_bytes=size_bytes(run.path),
        spare_bytes=sum(map(size_bytes, spare_parts(run))) if run.done else 0,
        **facts,
    )


def _state(run: RunFolder, report: Mapping[str, Any]) -> State:
    if is_held(run.lock):
        return "running"
    if run.done:
        return "done" if report else "damaged"
    return "interrupted"


def _report(run: RunFolder) -> dict[str, Any]:
    """The parts of the result that are shown; empty where there is none, or it cannot be read."""
    try:
        found = json.loads((run.path / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("steps"), int) else {}


def _recipe(run: RunFolder) -> Any:
    try:
        return yaml.safe_load((run.path / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _losses(recipe: Any) -> str:
    if _at(recipe, "task") == "reranker":  # its recipe names a loss too, which only encoders learn by
        return "reranker"
    terms = _at(recipe, "loss")
    known = [term for term in terms if isinstance(term, dict)] if isinstance(terms, list) else []
    return " + ".join(
        f"{term.get('name')}" + ("" if term.get("weight", 1) == 1 else f":{term['weight']:g}") for term in known
    )


def _steps(run: RunFolder) -> int:
    newest = run.newest_checkpoint
    return 0 if newest is None else int(newest.name.rpartition("-")[2])


def _elapsed(run: RunFolder, report: Mapping[str, Any]) -> float:
    """The seconds of all sessions: from the result, or from the record of a run that is not done."""
    try:
        noted = run.facts().get(SESSIONS, ())
    except EmbedtuneError:
        noted = ()
    return float(report.get("elapsed_s") or sum(noted))


def _scores(run: RunFolder, report: Mapping[str, Any], verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a card that comes from the test split."""
    metric, on = verdict["metric"], verdict["on"]
    lines = _judged_lines(run, unseen=on == "unseen")
    values = [line["after"][metric] for line in lines]
    interval = bootstrap_interval(np.array(values), draws=DRAWS) if len(values) > 1 else None
    name = _at(report, "evidence", "data") or "test"
    return {
        "tested_on": f"{name}, {counted(verdict['queries'], 'query')}{' (unseen)' if on == 'unseen' else ''}",
        "test": _digest(lines) if lines else "",
        "metric": metric,
        "before": verdict["before"],
        "after": verdict["after"],
        "interval": None if interval is None else (round(interval[0], 4), round(interval[1], 4)),
        "difference": verdict["difference"],
        "difference_interval": tuple(verdict["interval"]),
        "verdict": verdict["verdict"],
    }


def _judged_lines(run: RunFolder, *, unseen: bool) -> list[dict[str, Any]]:
    """The queries that the verdict rests on, with their values; none where they cannot be read."""
    try:
        lines = (run.path / _PER_QUERY).read_text(encoding="utf-8").splitlines()
        read = [json.loads(line) for line in lines]
        return [line for line in read if line["unseen"] or not unseen]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _digest(lines: Sequence[Mapping[str, Any]]) -> str:
    marks = sorted((str(line["query"]), str(line.get("question")), str(line.get("candidates"))) for line in lines)
    return sha256(json.dumps(marks).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def run_folders(folder: Path) -> list[RunFolder]:
    """The runs in a folder, or the folder itself where it is one; by name."""
    if RunFolder(folder).begun:
        return [RunFolder(folder)]
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.endswith(UNFINISHED))
    return [run for run in (RunFolder(folder / name) for name in names) if run.begun]
