"""What the systems of an evaluation learned from, as far as that can be known: what they may remember, not find."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedtune.config.evaluation import EvaluateConfig
from embedtune.config.mining import PairsSection
from embedtune.data.leakage import overlap, unseen_queries
from embedtune.data.pairs import read_pairs
from embedtune.data.rows import Finding, RetrievalSet, Rows
from embedtune.errors import EmbedtuneError
from embedtune.workflows.recorded_data import recorded_training
from embedtune.workflows.run_folder import RunFolder
from embedtune.workflows.talk import Talk

OPTION = "--train-data"


@dataclass(frozen=True)
class Learned:
    """Rows that a model learned from.

    Args:
        whose: the model, or the option that names the rows.
        rows: what was learned.
        dev: judged queries that chose the model, if any.
    """

    whose: str
    rows: Rows
    dev: RetrievalSet | None = None

    def findings(self, judged: RetrievalSet) -> list[Finding]:
        """What a judged set shares with these rows."""
        found = overlap(self.rows, judged, self.dev)
        return [replace(one, message=f"training data of {self.whose}: {one.message}") for one in found]


@dataclass(frozen=True)
class Training:
    """All that is known of what the systems learned from.

    Args:
        known: each set of training data once.
        findings: what cannot be known.
    """

    known: tuple[Learned, ...] = ()
    findings: tuple[Finding, ...] = ()

    def unseen(self, judged: RetrievalSet) -> frozenset[str] | None:
        """Ids of the queries none of whose relevant documents was learned by any system; None if nothing is known."""
        parts = [unseen_queries(judged, one.rows, one.dev) for one in self.known]
        return frozenset(set.intersection(*parts)) if parts else None


def read_training(config: EvaluateConfig, talk: Talk) -> Training:
    """The training data of the models that are run folders' own, and those named.

    Args:
        config: of the evaluation.
        talk: told what is read.

    Raises:
        DataError: data that the user named cannot be read.
    """
    known: list[Learned] = []
    findings: list[Finding] = []
    for source in config.data.train:
        with talk.progress(f"reading {source}"):
            known.append(Learned(source, _named(source, config)))
    recorded: dict[str, Learned] = {}  # hashes -> the data of the first model that learned from them
    for name, run in _runs(config):
        hashes = str(sorted(run.facts().get("data_sha256", {}).items()))
        if hashes in recorded:
            continue
        with talk.progress(f"reading what {name} learned from"):
            found = _learned(name, run)
        if isinstance(found, Finding):
            findings.append(found)
        else:
            recorded[hashes] = found
    return Training((*known, *recorded.values()), tuple(findings))


def _named(source: str, config: EvaluateConfig) -> Rows:
    section = PairsSection(source=source, columns=config.data.columns)
    try:
        return read_pairs(section, config.evaluation.seed).rows
    except EmbedtuneError as error:
        error.where = f"{OPTION} {source}" if error.where == source else error.where
        raise


def _runs(config: EvaluateConfig) -> Iterator[tuple[str, RunFolder]]:
    """The encoders that a training run of ours made, each with its run."""
    names: Sequence[str] = [*config.models.encoders, *([config.models.query] if config.models.query else [])]
    for name in names:
        folder = Path(name).expanduser()
        if folder.is_dir() and folder.resolve().name == "model" and RunFolder(folder.resolve().parent).begun:
            yield name, RunFolder(folder.resolve().parent)


def _learned(name: str, run: RunFolder) -> Learned | Finding:
    """What a run learned from, or why that cannot be told."""
    try:
        data = recorded_training(run)
    except EmbedtuneError as error:
        message = (
            f"what {name} learned from cannot be read again ({error.message}); what it saw of the test is unknown."
        )
        fix = f"Name the data with {OPTION}."
        return Finding("training-data-unknown", "warning", 1, message, fix)
    return Learned(name, data.train, data.dev)
