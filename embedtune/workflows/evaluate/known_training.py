"""What the systems of an evaluation were trained on, as far as known: they may remember it instead of finding it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.config.verbs.mine import PairsSection
from embedtune.data.rows import RetrievalSet, Rows
from embedtune.data.splits.known_pairs import read_pairs
from embedtune.data.splits.leakage import Leakage
from embedtune.data.splits.removal import removal
from embedtune.errors import EmbedtuneError, raise_machine_fault
from embedtune.findings import Finding
from embedtune.reports.document.short_names import short_name
from embedtune.workflows.shared.recorded_data import recorded_removal, recorded_training, runs_learned_from
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Talk

OPTION = "--train-data"


@dataclass(frozen=True)
class Learned:
    """Rows that a model was trained on.

    Args:
        whose: the model, or the option that names the rows.
        rows: the training rows.
        fix: the name of test data -> how to get its queries out of the rows.
        dev: judged queries that the model was selected on, if any.
    """

    whose: str
    rows: Rows
    fix: Callable[[str], str]
    dev: RetrievalSet | None = None


@dataclass(frozen=True)
class Training:
    """Everything known about what the systems were trained on.

    Args:
        known: each set of training data once.
        findings: about what is unknown.
        test: the name of the test data, for advice.
    """

    known: tuple[Learned, ...] = ()
    findings: tuple[Finding, ...] = ()
    test: str = "TEST"

    def tested_on(self, name: str) -> "Training":
        """The same for other test data."""
        return replace(self, test=name)

    def leaks(self, judged: RetrievalSet) -> tuple[list[Finding], frozenset[str] | None]:
        """What a judged set shares with training data, and the queries whose documents no system was trained on.

        The same finding about several models is reported once. Instead of the ids of queries, None if nothing is known.
        """
        found: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
        unseen: list[set[str]] = []
        for one in self.known:
            leakage = Leakage(judged, one.dev, fix=one.fix(self.test))
            leakage.feed(one.rows)
            unseen.append(leakage.unseen)
            for finding in leakage.findings():
                found.setdefault((finding.code, finding.message), (finding, []))[1].append(one.whose)
        findings = [
            replace(finding, message=f"training data of {', '.join(whose)}: {finding.message}")
            for finding, whose in found.values()
        ]
        return findings, frozenset(set.intersection(*unseen)) if unseen else None


def read_training(config: EvaluateConfig, talk: Talk) -> Training:
    """The training data that the user named, and that of models in run folders.

    Raises:
        DataError: data that the user named cannot be read.
    """
    known: list[Learned] = []
    findings: list[Finding] = []
    for source in config.data.train:
        with talk.progress(f"reading {short_name(source)}"):
            fix = partial(removal, source, columns=config.data.columns, encoding=config.data.encoding)
            known.append(Learned(source, _named(source, config), fix))
    recorded: dict[str, Learned] = {}  # files and their split -> the data of the first model trained on them
    for name, run in _runs(config):
        try:
            divided = _division(run)
            if divided not in recorded:
                with talk.progress(f"reading what {short_name(name)} was trained on"):
                    data = recorded_training(run)
                recorded[divided] = Learned(name, data.train, partial(recorded_removal, run), data.dev)
        except EmbedtuneError as error:
            raise_machine_fault(error, run.path)
            findings.append(_unknown(name, error))
    return Training((*known, *recorded.values()), tuple(findings))


def _named(source: str, config: EvaluateConfig) -> Rows:
    section = PairsSection(source=source, columns=config.data.columns)
    try:
        return read_pairs(section, config.evaluation.seed).rows
    except EmbedtuneError as error:
        error.where = f"{OPTION} {source}" if error.where == source else error.where
        raise


def _runs(config: EvaluateConfig) -> Iterator[tuple[str, RunFolder]]:
    """The encoders that an embedtune run changed, and those that they started from, each with its run."""
    names: Sequence[str] = [*config.models.encoders, *([config.models.query] if config.models.query else [])]
    for name in names:
        yield from runs_learned_from(name)


def _division(run: RunFolder) -> str:
    """Which data a run was trained on, and how it was split: another seed holds out other rows."""
    recipe, hashes = run.recipe(), run.facts().get("data_sha256", {})
    return repr((sorted(hashes.items()), recipe.data.model_dump(), recipe.training.seed))


def _unknown(name: str, error: EmbedtuneError) -> Finding:
    message = f"the training data of {name} cannot be read again ({error.message}); it may have seen test queries."
    return Finding("training-data-unknown", "warning", 1, message, f"Name the data with {OPTION}.")
