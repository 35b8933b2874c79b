"""A look at what a command would read, without doing anything with it: what `--dry-run` says and refuses."""

from dataclasses import dataclass

from embedtune.config.course import course_in_words
from embedtune.config.section import RecipeSection
from embedtune.config.verbs.check import CheckConfig
from embedtune.config.verbs.encode import EncodeConfig
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.config.verbs.mine import MineConfig
from embedtune.config.verbs.search import SearchConfig
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.rows import LabelledTexts
from embedtune.data.sets.several import prepare_sets
from embedtune.data.sources.judged_source import judge, open_split
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading.unchanged import declare_encoding, unchanged_inputs
from embedtune.data.sources.source import open_source
from embedtune.data.sources.texts import TextStream, corpus_of
from embedtune.data.splits.known_pairs import read_pairs
from embedtune.errors import DataError
from embedtune.findings import Finding, counted


@dataclass(frozen=True)
class Look:
    """What was read, in sentences, and what to know about it."""

    described: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


@unchanged_inputs()
def look(config: RecipeSection) -> Look:
    """Read the data of a command once, and say what they are.

    Raises:
        DataError: the command could not use the data.
        ConfigError: an option does not fit the data.
    """
    declare_encoding(getattr(getattr(config, "data", None), "encoding", None))
    if isinstance(config, TrainConfig):
        data = prepare_sets(config.data, config.training.seed)
        course = course_in_words(config.training, len(data.train), static=config.model.name == "starter")
        return Look((*data.described, course), data.findings)
    if isinstance(config, MineConfig):
        pairs = read_pairs(config.data, config.mining.seed)
        return Look(pairs.described, pairs.findings)
    if isinstance(config, EvaluateConfig):
        return Look(tuple(_judged(name, config) for name in config.data.sources))
    if isinstance(config, CheckConfig):
        return Look(tuple(_counted(name) for name in (config.data.source, config.data.eval_source) if name))
    return Look((_texts(config),)) if isinstance(config, EncodeConfig | SearchConfig) else Look(())


def _judged(name: str, config: EvaluateConfig) -> str:
    """One set to be scored on: queries with judgments, or rows."""
    opened = open_split(name, config.data.split, config.data.columns)
    part = opened.part
    if part is None or (part.scored is None and not isinstance(part.content, LabelledTexts)):
        return judge(opened, seed=config.evaluation.seed).described[0]
    return f"{opened.what}: {len(part.scored or part.content):,} {part.unit}"


def _counted(name: str) -> str:
    """A set to be checked, with its rows counted, whatever is wrong with them."""
    source = open_source(name)
    counts = []
    for split in source.splits or ("",):
        problems = Problems(source.name)
        try:
            rows = sum(1 for table in source.tables(split, problems) for _ in table.records)
        except DataError:  # which the check itself reports
            return f"{source.what}: cannot be read to its end"
        counts.append(f"{split}: {rows:,} rows" if split else f"{rows:,} rows")
    return f"{source.what}: {'; '.join(counts)}"


def _texts(config: EncodeConfig | SearchConfig) -> str:
    """What would be encoded or searched."""
    if isinstance(config, SearchConfig):
        corpus, what = corpus_of(config.data.source, config.data.column)
        return f"{what}: {counted(len(corpus), 'text')} to search"
    stream = TextStream(config.data.source, config.data.column, queries=config.encoding.role == "query")
    count, empty, _ = stream.facts()
    return f"{counted(count, 'text')} to encode" + (f", {empty:,} of them empty" if empty else "")
