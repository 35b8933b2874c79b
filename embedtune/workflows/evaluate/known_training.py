"""What the systems of an evaluation learned from, as far as that can be known: what they may remember, not find."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedtune.config.evaluate import EvaluateConfig
from embedtune.config.mine import PairsSection
from embedtune.data.rows import RetrievalSet, Rows
from embedtune.data.splits.known_pairs import read_pairs
from embedtune.data.splits.leakage import overlap, unseen_queries
from embedtune.errors import EmbedtuneError
from embedtune.findings import Finding
from embedtune.workflows.shared.recorded_data import recorded_training
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Talk

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


@dataclass(frozen=True)
class Training:
    """All that is known of what the systems learned from.

    Args:
        known: each set of training data once.
        findings: what cannot be known.
    """

    known: tuple[Learned, ...] = ()
    findings: tuple[Finding, ...] = ()

    def leaks(self, judged: RetrievalSet) -> list[Finding]:
        """What a judged set shares with training data; what is the same of several is said once."""
        found: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
        for one in self.known:
            for finding in overlap(one.rows, judged, one.dev):
                found.setdefault((finding.code, finding.message), (finding, []))[1].append(one.whose)
        return [
            replace(finding, message=f"training data of {', '.join(whose)}: {finding.message}")
            for finding, whose in found.values()
        ]

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
    recorded: dict[str, Learned] = {}  # files and their division -> the data of the first model that learned from them
    for name, run in _runs(config):
        try:
            divided = _division(run)
            if divided not in recorded:
                with talk.progress(f"reading what {name} learned from"):
                    data = recorded_training(run)
                recorded[divided] = Learned(name, data.train, data.dev)
        except EmbedtuneError as error:
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
    """The encoders that a training run of ours made, each with its run."""
    names: Sequence[str] = [*config.models.encoders, *([config.models.query] if config.models.query else [])]
    for name in names:
        folder = Path(name).expanduser()
        if folder.is_dir() and folder.resolve().name == "model" and RunFolder(folder.resolve().parent).begun:
            yield name, RunFolder(folder.resolve().parent)


def _division(run: RunFolder) -> str:
    """Which bytes a run learned from, and how they were divided: by another seed, other rows are held out."""
    recipe, hashes = run.recipe(), run.facts().get("data_sha256", {})
    return repr((sorted(hashes.items()), recipe.data.model_dump(), recipe.training.seed))


def _unknown(name: str, error: EmbedtuneError) -> Finding:
    message = f"what {name} learned from cannot be read again ({error.message}); what it saw of the test is unknown."
    return Finding("training-data-unknown", "warning", 1, message, f"Name the data with {OPTION}.")
