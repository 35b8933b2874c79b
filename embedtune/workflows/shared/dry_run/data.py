"""The data of any command, read as it would read them: some kinds only workflows know how to read."""

from embedtune.config.section import RecipeSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.spaces import EncodersSection
from embedtune.config.verbs.cluster import ClusterConfig
from embedtune.config.verbs.export import ExportConfig
from embedtune.config.verbs.merge import MergeConfig
from embedtune.config.verbs.train import TrainConfig
from embedtune.config.verbs.tune import TuneConfig
from embedtune.data.look import Look, look, look_at_training, read_judged_set, reading
from embedtune.data.prepare import prepare
from embedtune.data.sources.judged_source import read_judged
from embedtune.data.sources.source import open_source
from embedtune.data.sources.texts import TextStream
from embedtune.errors import DataError
from embedtune.findings import counted
from embedtune.models.folders.static_folder import declared_static
from embedtune.workflows.shared.spaces.texts import read_space_texts

ALPHAS = 11
"""Mixtures that `merge` tries on dev."""
SAMPLES = "samples"


def look_at(config: RecipeSection) -> Look:
    """The data of a verb, also of those that only workflows know how to read."""
    if isinstance(config, TuneConfig):
        found = look_at_training(config.recipe, static=declared_static(config.recipe.model))
        budget = (
            f"--budget {config.tune.budget} decides how long the race takes, and pays for the choice of rate and "
            "margin, two full runs of the default recipe, and rounds besides; one of these runs:"
        )
        return Look((*found.described, budget), found.findings, found.readings)
    if isinstance(config, TrainConfig):
        return look_at_training(config, static=declared_static(config.model))
    if isinstance(config, ClusterConfig):
        return _texts(config.data.source, config.data.column, has_vectors=config.data.vectors is not None)
    if isinstance(config, MergeConfig):
        return _merged(config)
    if isinstance(config, ExportConfig):
        return _spaces(config.data.source or SAMPLES, config.data.columns, config.run.seed, times=2)
    if hasattr(config, "models") and isinstance(config.models, EncodersSection):
        return _spaces(config.data.source, config.data.columns, config.run.seed, times=1)  # type: ignore[attr-defined]
    return look(config)


def _texts(source: str, column: str | None, *, has_vectors: bool) -> Look:
    """Texts to cluster; of series, and of nodes that only links describe, the rows."""
    opened = open_source(source)
    try:
        texts = [one.text for one in TextStream(source, column) if one.text]
    except DataError:
        if column is not None:
            raise
        rows = sum(1 for table in opened.document_tables() for _ in table.records)
        return Look((f"{opened.what}: {counted(rows, 'row')} to cluster, which no encoder reads",))
    said = f"{counted(len(texts), 'text')} to cluster"
    return Look((said,), (), () if has_vectors else (reading(dict.fromkeys(texts)),))


def _merged(config: MergeConfig) -> Look:
    """Dev queries for each mixture that is tried, and test queries for the first model and the mixture."""
    source = config.data.source
    if source is None:
        return Look(("no --data: the mixture is not measured",))
    opened = open_source(source)
    if opened.splits and opened.find("train") is None:
        read = read_judged(source, "test", config.data.columns, seed=config.run.seed)
        return Look(read.described, read.findings, read_judged_set(read.judged, ALPHAS))
    data = prepare(DataSection(source=source, columns=config.data.columns), config.run.seed, source=opened)
    readings = (*read_judged_set(data.dev, ALPHAS), *read_judged_set(data.test, 2))
    return Look(data.described, data.findings, readings)


def _spaces(source: str, columns: dict[str, str], seed: int, *, times: int) -> Look:
    """Judged queries over documents, and others to learn from."""
    found = read_space_texts(source, columns, seed=seed)
    others = (reading([*found.documents, *found.queries]),) if found.documents or found.queries else ()
    return Look(found.described, found.findings, (*read_judged_set(found.judged, times), *others))
