"""Whether systems answered the same questions, to the same depth, and what one trained seed each can show.

Scores of other queries, judgments or documents are not compared: the queries that differ are left out and counted, and
where nothing is left, or the documents are others, the comparison is refused.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from embedtune.errors import ConfigError, DataError, EmbedtuneError
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.tasks.items import ITEM_METRICS
from embedtune.findings import Finding, counted
from embedtune.workflows.compare.evidence import Side
from embedtune.workflows.compare.values import Values
from embedtune.workflows.shared.run_folder import RunFolder

AGAIN = "score them on one set: `embedtune evaluate --model A --model B --data SET`"
SEEDS = (
    "Train each with several seeds (--seed 1, --seed 2, ...) on data with its own test split or --eval-data, then "
    "`embedtune compare a1,a2,a3 b1,b2,b3`."
)


def same_questions(values: Sequence[Values], shared: Sequence[str]) -> tuple[list[str], list[Finding]]:
    """Those of the shared queries that ask the same of every system, and what is to be said of the others.

    Raises:
        DataError: the systems ranked other documents, or no query asks the same.
    """
    known = [one for one in values if all(query in one.questions for query in shared)]
    findings = [_not_recorded([one for one in values if one not in known])] if len(known) < len(values) else []
    for one in known[1:]:
        _demand_same_documents(known[0], one, shared)
    kept = [query for query in shared if len({one.questions[query].question for one in known}) <= 1]
    if not kept:
        names = f"{known[0].name} and {known[-1].name}"
        raise DataError(f"{names} have no query with the same text and the same relevant documents", next=AGAIN)
    if len(kept) < len(shared):
        left = len(shared) - len(kept)
        message = (
            f"left out {counted(left, 'query')} of {len(shared):,} whose text or relevant documents differ between "
            "the systems."
        )
        findings.append(Finding("questions-differ", "warning", left, message, f"To compare on all, {AGAIN}."))
    return kept, findings


def _demand_same_documents(a: Values, b: Values, shared: Sequence[str]) -> None:
    for query in shared:
        there, here = a.questions[query].candidates, b.questions[query].candidates
        if there != here:
            counts = [mark.partition(":")[0] for mark in (there, here)]
            sizes = f"{counts[0]} and {counts[1]}" if counts[0] != counts[1] else f"{counts[0]} each"
            raise DataError(
                f"{a.name} and {b.name} ranked different documents ({sizes}), so their scores answer different "
                "questions and cannot be compared",
                next=AGAIN,
            )


def _not_recorded(values: Sequence[Values]) -> Finding:
    names = " and ".join(dict.fromkeys(one.name for one in values))
    message = f"{names} did not record which documents were ranked: make sure that all systems ranked the same ones."
    return Finding("questions-not-recorded", "note", len(values), message, "Evaluate again to record them.")


def cut_runs(values: Sequence[Values], metrics: Sequence[str]) -> list[Finding]:
    """TREC files that end before the depth that a metric looks at, while other documents are left."""
    deepest = {metric: parse_metric(metric).k for metric in metrics if metric not in ITEM_METRICS}
    metric = max(deepest, key=lambda name: deepest[name], default="")
    k = deepest.get(metric, 0)
    short = [(one, one.depth) for one in values if one.depth is not None and one.depth < min(k, one.documents or k)]
    if not short:
        return []
    listed = " and ".join(f"{one.name} ends at rank {depth:,}" for one, depth in short)
    message = (
        f"{listed}, and {metric} looks at {k:,}: what a run leaves out counts as not found, so a difference may only "
        "show where a run was cut."
    )
    shared = f"{metric.partition('@')[0]}@{min(depth for _, depth in short)}"
    return [Finding("runs-cut", "warning", len(short), message, f"Write deeper runs, or compare {shared}.")]


def starts_kept(values: Sequence[Values]) -> Finding | None:
    """The runs whose trained model is the encoder that they started from, because no checkpoint was better on dev."""
    names = [one.name for one in values if one.trained is not None and _kept_its_start(one.trained)]
    if not names:
        return None
    message = f"training kept the encoder as it was in {' and '.join(names)}: what is compared is that encoder."
    return Finding("start-kept", "warning", len(names), message)


def one_seed_each(a: Side, b: Side, letters: tuple[str, str]) -> Finding | None:
    """What the test cannot show of two trained models that are one seed each; None where they are not.

    Args:
        a: one side.
        b: the other.
        letters: what they are called.
    """
    folders = [side.seeds[0].trained for side in (a, b) if len(side.seeds) == 1]
    trained = [folder for folder in folders if folder is not None and not _kept_its_start(folder)]
    if len(trained) < 2 or trained[0] == trained[1]:
        return None
    names, (first, second) = " and ".join(letters), [_training_of(folder) for folder in trained]
    if first is not None and first == second:
        message = f"{names} are one recipe trained twice with one seed: comparing them shows nothing about recipes."
    elif first is not None and second is not None and first.recipe == second.recipe:
        message = f"{names} are one recipe with different seeds: a difference between them is the luck of the seed."
    else:
        message = (
            f"{names} are one trained seed each: the test tells these two models apart, and cannot tell a better "
            "recipe from the luck of the seed."
        )
    return Finding("one-seed-each", "warning", 2, message, SEEDS)


def _kept_its_start(folder: Path) -> bool:
    try:
        return any(one.code == "start-kept" for one in RunFolder(folder).result().findings)
    except (EmbedtuneError, OSError):  # it cannot be read, and its model may be used all the same
        return False


def demand_different_seeds(seeds: Sequence[Values]) -> None:
    """Refuse a training that stands for two seeds of one side.

    Raises:
        ConfigError: two of them have the same recipe, the same data and the same seed.
    """
    known: list[tuple[str, _Training]] = []
    for one in seeds:
        training = None if one.trained is None else _training_of(one.trained)
        if training is None:
            continue
        again = next((name for name, earlier in known if earlier == training), None)
        if again is not None:
            raise ConfigError(
                f"{one.name} repeats {again}: the same recipe with the same seed, {training.seed}",
                where="compare",
                next=f"leave one of them out, or train with another seed: --seed {training.seed + 1}",
            )
        known.append((one.name, training))


class _Training(NamedTuple):
    """What a trained model follows from, apart from where it was written: two that are equal are no two seeds."""

    recipe: tuple[Mapping[str, Any], Any]
    seed: int


def _training_of(folder: Path) -> _Training | None:
    """The training of a run: its recipe without seed and output, the hashes of its data, its seed; None if unknown."""
    run = RunFolder(folder)
    try:
        recipe, hashes = run.recipe(), run.facts().get("data_sha256")
    except (EmbedtuneError, OSError):
        return None
    rest = recipe.model_dump(exclude={"output": True, "training": {"seed"}})
    return _Training((rest, hashes), recipe.training.seed)
