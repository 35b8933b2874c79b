"""Data that a run or an evaluation recorded, read again: the very same bytes, on this machine, or not at all."""

from collections.abc import Iterable, Mapping

from embedtune.data.prepare import TrainingData, prepare
from embedtune.errors import DataError
from embedtune.workflows.shared.relocation import found_again
from embedtune.workflows.shared.run_folder import RunFolder


def recorded_training(run: RunFolder) -> TrainingData:
    """What a run learned from and was judged on.

    Raises:
        EmbedtuneError: the data are not on this machine any more, or have changed.
    """
    config = found_again(run.recipe(), run.started_in)
    refuse_hub(filter(None, (config.data.source, config.data.eval_source)))
    data = prepare(config.data, config.training.seed)
    demand_same(run.facts().get("data_sha256", {}), data.hashes)
    return data


def refuse_hub(sources: Iterable[str]) -> None:
    """Where everything named is on this machine, nothing is fetched from elsewhere.

    Raises:
        DataError: a source is on the Hub.
    """
    for source in sources:
        if source.startswith("hf:"):
            raise DataError("the data are on the Hub, and nothing is fetched from there unasked", where=source)


def demand_same(recorded: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Compare hashes by file.

    Raises:
        DataError: a file found is none of those recorded.
    """
    known = set(recorded.values())
    changed = sorted(name for name, sha in found.items() if sha not in known)
    if changed:
        raise DataError(f"the data have changed since: {', '.join(changed)}")
