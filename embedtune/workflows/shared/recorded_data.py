"""Reading the data that a run or an evaluation recorded: the same bytes, from this machine, or nothing."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from embedtune.data.prepare import TrainingData
from embedtune.data.sets.several import prepare_sets, sets_of
from embedtune.data.splits.removal import removal
from embedtune.errors import DataError, EmbedtuneError, raise_machine_fault
from embedtune.workflows.shared.relocation import found_again
from embedtune.workflows.shared.run_folder import REPORT, RunFolder


def runs_behind(model: str) -> Iterator[tuple[str, RunFolder]]:
    """The embedtune runs that an encoder comes from, each with its model: the last one first, then those before it.

    A model or a checkpoint in a run folder comes from that run, an export from its encoder's; any other from none.
    The chain ends at a run that cannot be read.
    """
    model = _exported(model) or model
    known: set[Path] = set()
    while (run := _run_of(model)) is not None and run.path not in known:
        known.add(run.path)
        yield model, run
        try:
            model = found_again(run.recipe(), run.started_in).model.name
        except EmbedtuneError as error:
            raise_machine_fault(error, run.path)
            return


def runs_learned_from(model: str) -> Iterator[tuple[str, RunFolder]]:
    """The runs of `runs_behind` that changed the encoder: not those that kept the one that they started from."""
    return ((name, run) for name, run in runs_behind(model) if not _kept_its_start(name, run))


def _kept_its_start(model: str, run: RunFolder) -> bool:
    """Whether a run ended with the encoder that it started from; its checkpoints are trained all the same."""
    if not run.done or Path(model).expanduser().resolve() != run.model.resolve():
        return False
    try:
        report = run.read_json(REPORT)
        return 0 in (report.get("best_step"), report.get("alpha")) and not report.get("domains")
    except (EmbedtuneError, AttributeError):  # damaged: it may have learned anything
        return False


def _exported(model: str) -> str | None:
    """The encoder that an export was made from, under the name it had at the time; None if this is not an export."""
    try:
        found = json.loads((Path(model).expanduser() / "export.json").read_text(encoding="utf-8"))["model"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(found)


def _run_of(model: str) -> RunFolder | None:
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return None
    folder = folder.resolve()
    checkpoint = folder.parent.name == "checkpoints"
    run = RunFolder(folder.parent.parent if checkpoint else folder.parent)
    return run if run.begun and (checkpoint or folder.name == "model") else None


def recorded_training(run: RunFolder) -> TrainingData:
    """What a run was trained and tested on.

    Raises:
        EmbedtuneError: the data is no longer on this machine, or has changed.
    """
    config = found_again(run.recipe(), run.started_in)
    refuse_hub(name for one in sets_of(config.data) for name in (one.source, one.eval_source) if name)
    data = prepare_sets(config.data, config.training.seed)
    demand_same(run.facts().get("data_sha256", {}), data.hashes)
    return data


def recorded_removal(run: RunFolder, test: str) -> str:
    """How to get the queries of some test data out of what a run was trained on, from `removal`."""
    sets = sets_of(found_again(run.recipe(), run.started_in).data)
    if len(sets) > 1:
        return removal("TRAINING", test)
    return removal(sets[0].source, test, columns=sets[0].columns, encoding=sets[0].encoding)


def refuse_hub(sources: Iterable[str]) -> None:
    """Refuse sources on the Hub: recorded data is read again without asking, and never downloaded.

    Raises:
        DataError: a source is on the Hub.
    """
    for source in sources:
        if source.startswith("hf:"):
            raise DataError("the data is on the Hub, and it is not downloaded automatically", where=source)


def demand_same(recorded: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Compare the hashes of files with the recorded ones.

    Raises:
        DataError: a file differs from all recorded ones.
    """
    known = set(recorded.values())
    changed = sorted(name for name, sha in found.items() if sha not in known)
    if changed:
        raise DataError(f"the data has changed since: {', '.join(changed)}")
