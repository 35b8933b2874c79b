"""The judged sets that a run or an evaluation was scored on, read again from where it recorded them."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.judged_source import read_judged
from embedtune.errors import DataError, raise_machine_fault
from embedtune.workflows.shared.evaluation_folder import RESULT
from embedtune.workflows.shared.recorded_data import demand_same, recorded_training, refuse_hub
from embedtune.workflows.shared.run_folder import RunFolder

Sets = Mapping[str, RetrievalSet]
"""Name -> set; the only set of a training run has an empty name."""


def recorded_sets(folder: Path) -> Sets:
    """The judged sets of a run or an evaluation.

    Raises:
        EmbedtuneError: they are no longer on this machine, or have changed.
    """
    run = RunFolder(folder)
    return {"": _of_run(run)} if run.begun else _of_evaluation(folder)


def _of_run(run: RunFolder) -> RetrievalSet:
    data = recorded_training(run)
    if data.test is None:
        raise DataError("this run has no test split", where=str(run.path))
    return data.test


def _of_evaluation(folder: Path) -> Sets:
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        config = EvaluateConfig.model_validate(result["facts"]["options"])
        recorded = result["facts"]["data_sha256"]
        ranked = {row["data"]: row["run"] is not None for row in result["models"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise_machine_fault(error, folder / RESULT)
        raise DataError("this evaluation does not record its data", where=str(folder)) from error
    refuse_hub(config.data.sources)
    found: dict[str, RetrievalSet] = {}
    for (name, is_ranked), source in zip(ranked.items(), config.data.sources, strict=True):
        if not is_ranked:
            continue
        read = read_judged(source, config.data.split, config.data.columns, seed=config.evaluation.seed)
        demand_same(recorded, read.hashes)
        found[name] = read.judged
    return found
