"""`embedtune reproduce`: scores an encoder on the sets of an entry and compares with what was published."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedtune.config.reproductions import PublishedEncoder, PublishedFigure, read_reproduction
from embedtune.config.suggest import did_you_mean
from embedtune.config.verbs.evaluate import METRICS
from embedtune.errors import ConfigError, DataError
from embedtune.reports.results.evaluate import EvaluateResult
from embedtune.reports.results.reproduce import FigureFound, ReproduceResult

Evaluate = Callable[..., EvaluateResult]
"""`embedtune.evaluate`, which this verb may not import."""


def reproduce(
    name: str, data: Sequence[str], evaluate: Evaluate, *, model: str | None = None, output: str | None = None
) -> ReproduceResult:
    """Compute the figures of an entry whose sets are given.

    Args:
        name: of the entry, or a YAML file.
        data: NAME=SET for each set; the sets are not fetched.
        evaluate: scores an encoder.
        model: another copy of the encoder, such as a folder; None for the one that the entry names.
        output: a folder for the evaluations; None for new ones in `evaluations`.

    Raises:
        ConfigError: there is no such entry or set, or no set is given.
    """
    entry = read_reproduction(name)
    sets = _sets(data, entry)
    scored = model or entry.model
    found = tuple(_figure(one, sets.get(one.name), scored, entry, evaluate, output) for one in entry.figures)
    missed = any(one.reproduced is False for one in found)
    return ReproduceResult(name, scored, found, "not reproduced" if missed else "reproduced")


def _sets(data: Sequence[str], entry: PublishedEncoder) -> Mapping[str, str]:
    """Set name -> where it is."""
    known = [one.name for one in entry.figures]
    found: dict[str, str] = {}
    for given in data:
        name, equals, place = given.partition("=")
        if not equals or not place or name not in known:
            raise ConfigError(
                f"{given!r} is not NAME=SET" if not equals or not place else
                f"the entry has no set {name!r}{did_you_mean(name, known)}",
                where="--data",
                next=f"sets are {', '.join(known)}; write --data {known[0]}=FOLDER",
            )  # fmt: skip
        found[name] = place
    if not found:
        needed = "; ".join(f"{one.name}: {one.data}" for one in entry.figures)
        raise ConfigError(
            f"no set is given, and embedtune fetches none: {needed}",
            where="--data",
            next=f"--data {known[0]}=FOLDER, repeated for several",
        )
    return found


def _figure(
    figure: PublishedFigure,
    place: str | None,
    model: str,
    entry: PublishedEncoder,
    evaluate: Evaluate,
    output: str | None,
) -> FigureFound:
    facts = {"name": figure.name, "metric": figure.metric, "published": figure.published}
    facts |= {"tolerance": figure.tolerance, "source": figure.source, "data": figure.data}
    if place is None:
        return FigureFound(**facts, found=None, interval=None, reproduced=None)  # type: ignore[arg-type]
    options: dict[str, Any] = {"output": str(Path(output).expanduser() / figure.name)} if output else {}
    options |= {"prompts": [entry.prompts]} if entry.prompts else {}
    metrics = [figure.metric] if "@" in figure.metric else list(METRICS)
    result = evaluate(model=[model], data=[place], split=figure.split, metrics=metrics, **options)
    row = result.models[0]
    if figure.metric not in row["metrics"]:
        raise DataError(
            f"{place} is scored by {', '.join(row['metrics'])}, not by {figure.metric}",
            where=f"--data {figure.name}",
            next=f"give {figure.data}",
        )
    value = row["metrics"][figure.metric]
    return FigureFound(
        **facts,  # type: ignore[arg-type]
        found=value,
        interval=row["intervals"].get(figure.metric),
        reproduced=abs(value - figure.published) <= figure.tolerance,
        report=result.report,
    )
