"""The texts that an export is measured on: judged queries and documents, and others that it may learn ranges from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedtune.config.verbs.export import ExportConfig
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.judged_source import read_judged
from embedtune.data.sources.source import open_source
from embedtune.errors import EmbedtuneError, raise_machine_fault
from embedtune.workflows.shared.guard.sampled import sampled
from embedtune.workflows.shared.recorded_data import recorded_training, runs_behind
from embedtune.workflows.shared.spaces.texts import read_space_texts

SAMPLES = "samples"
DOCUMENTS = 10_000
"""Most documents in a set that an export is measured on; all judged ones are among them, and every query is used."""


@dataclass(frozen=True)
class MeasuredOn:
    """What an export is measured on.

    Args:
        name: of the data.
        judged: queries and documents.
        others: documents that are not among them.
        is_judged: whether people judged the queries.
    """

    name: str
    judged: RetrievalSet
    others: Sequence[str]
    is_judged: bool
    described: tuple[str, ...]
    hashes: Mapping[str, str]


def measured_on(config: ExportConfig) -> MeasuredOn:
    """The set that was named, that of the run behind the model, or the samples.

    Raises:
        DataError: it cannot be read.
    """
    seed = config.run.seed
    if config.data.source is None:
        found = _of_run(config.model.name, seed)
        if found is not None:
            return found
    return _named(config.data.source or SAMPLES, config.data.columns, seed)


def _named(name: str, columns: Mapping[str, str], seed: int) -> MeasuredOn:
    texts = read_space_texts(name, columns, seed=seed)
    judged, said = texts.judged, texts.described
    if texts.is_judged and open_source(name).find("test"):
        # All queries of the test split, where a comparison of two encoders draws some: equality is hard to show.
        read = read_judged(name, "test", columns, seed=seed)
        judged, said = read.judged, read.described
    tested = {*judged.corpus.values()}
    others = [text for text in texts.documents if text not in tested]
    return MeasuredOn(name, _smaller(judged, seed), others, texts.is_judged, said, texts.hashes)


def _of_run(model: str, seed: int) -> MeasuredOn | None:
    """The test split of the run that the model comes from; None where there is none, or its data have changed."""
    run = next((run for _, run in runs_behind(model)), None)
    if run is None:
        return None
    try:
        data = recorded_training(run)
    except EmbedtuneError as error:
        raise_machine_fault(error, run.path)
        return None
    if data.test is None:
        return None
    judged = _smaller(data.test, seed)
    tested = {*judged.corpus.values()}
    others = [text for text in dict.fromkeys(data.train.positives) if text not in tested]
    said = (*data.described, f"measured on the test split of {run.path}")
    return MeasuredOn(str(run.path), judged, others, True, said, data.hashes)


def _smaller(judged: RetrievalSet, seed: int) -> RetrievalSet:
    return sampled(judged, seed, queries=len(judged.queries), documents=DOCUMENTS)
