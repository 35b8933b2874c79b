"""A look at what a command would read, without doing anything with it: what `--dry-run` says and refuses."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

from embedtune.config.course import Course, course_in_words
from embedtune.config.section import RecipeSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.verbs.check import CheckConfig
from embedtune.config.verbs.encode import EncodeConfig
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.config.verbs.mine import MineConfig
from embedtune.config.verbs.search import SearchConfig
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.data.rows import LabelledTexts, RetrievalSet, Rows
from embedtune.data.sets.several import prepare_sets
from embedtune.data.sources.judged_source import judge, open_split
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading.unchanged import declare_encoding, unchanged_inputs
from embedtune.data.sources.source import open_source
from embedtune.data.sources.texts import TextStream, corpus_of
from embedtune.data.splits.known_pairs import read_pairs
from embedtune.errors import ConfigError, DataError
from embedtune.findings import Finding, counted

SAMPLE = 200
"""Texts that tell how long all of them are."""
CHECKED = 2000
"""Pairs that `check` asks an encoder about."""


RERANKED_DEV_QUERIES = 100
"""Dev queries that choose among checkpoints of a cross-encoder: each costs as many pairs as `reranker.depth` says."""


@dataclass(frozen=True)
class Reading:
    """Texts that an encoder is going to read.

    Args:
        texts: how many, those that it reads again included.
        sample: some of them.
        learned: whether it learns from them; otherwise it encodes them.
        kept: of how many the vectors are in memory at one time.
        each: how many there are, if each is read once.
        together: how many of them are in a training step.
    """

    texts: int
    sample: Sequence[str]
    learned: bool = False
    kept: int = 0
    each: int = 0
    together: int = 0


def reading(texts: Collection[str], *, times: int = 1, learned: bool = False, kept: bool = True) -> Reading:
    """Texts that are read so many times; those sampled are spread over all of them."""
    step = max(1, len(texts) // SAMPLE)
    sample = tuple(islice(texts, 0, None, step))
    return Reading(times * len(texts), sample, learned, len(texts) if kept else 0, len(texts))


def read_judged_set(judged: RetrievalSet | None, times: int) -> tuple[Reading, ...]:
    """The readings of scoring a judged set so many times."""
    return () if judged is None else (reading([*judged.queries.values(), *judged.corpus.values()], times=times),)


@dataclass(frozen=True)
class Look:
    """What was read, in sentences, what to know about it, and what encoders will read of it."""

    described: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    readings: tuple[Reading, ...] = ()


@unchanged_inputs()
def look(config: RecipeSection) -> Look:
    """Read the data of a command once, and say what they are; those of a run, `look_at_training` reads.

    Raises:
        DataError: the command could not use the data.
        ConfigError: an option does not fit the data.
    """
    declare_encoding(getattr(getattr(config, "data", None), "encoding", None))
    if isinstance(config, MineConfig):
        pairs = read_pairs(config.data, config.mining.seed)
        named = config.data.corpus or pairs.corpus
        documents = corpus_of(named, None)[0].values() if named else set(pairs.rows.positives)
        return Look(pairs.described, pairs.findings, (reading(pairs.queries), reading(documents)))
    if isinstance(config, EvaluateConfig):
        sets = [_judged(name, config) for name in config.data.sources]
        return Look(tuple(said for said, _ in sets), (), tuple(one for _, own in sets for one in own))
    if isinstance(config, CheckConfig):
        return _checked(config)
    return _texts(config) if isinstance(config, EncodeConfig | SearchConfig) else Look(())


def look_at_training(config: TrainConfig, *, static: bool) -> Look:
    """The data of a run: its steps, the dev queries after each epoch, and the test queries before and after.

    `static` says whether the encoder that learns looks vectors up, which decides how long it learns.
    """
    data = prepare_sets(config.data, config.training.seed)
    rows, tower, cross = data.train, config.data.descriptions is not None, config.task == "reranker"
    course = Course.of(config.training, len(rows), static=static, tower=tower, cross=cross)
    steps = course.steps(len(rows))
    texts = _pairs_learned(rows, config.reranker.negatives) if cross else _texts_learned(rows)
    learned = reading(texts, learned=True)
    per_step = len(texts) * min(1.0, course.batch_size / max(1, len(rows)))
    of_all = round(steps * len(texts) / max(1, course.steps_per_epoch(len(rows))))
    each = replace(learned, texts=of_all, kept=0, together=round(per_step))
    evaluations = 1 + -(-steps // max(1, course.steps_per_epoch(len(rows))))
    if cross:
        depth, every = config.reranker.depth, RERANKED_DEV_QUERIES
        again = [*_read_pairs(data.dev, depth, 3, every), *_read_pairs(data.test, depth, 1)]
        readings = (each, *read_judged_set(data.dev, 1), *read_judged_set(data.test, 1), *again)
    else:
        readings = (each, *read_judged_set(data.dev, evaluations), *read_judged_set(data.test, 2))
    words = course_in_words(config.training, len(rows), static=static, tower=tower, cross=cross)
    return Look((*data.described, words), data.findings, readings)


def _texts_learned(rows: Rows) -> list[str]:
    return [*rows.anchors, *rows.positives, *(text for own in rows.negatives for text in own)]


def _pairs_learned(rows: Rows, negatives: int) -> list[str]:
    """What a cross-encoder reads; negatives that are still to be found are taken to be as long as the positive."""
    return [f"{one} {other}" for one, other in zip(rows.anchors, rows.positives, strict=True)] * (1 + negatives)


def _read_pairs(judged: RetrievalSet | None, depth: int, times: int, most: int | None = None) -> tuple[Reading, ...]:
    """The reading of the first `depth` documents of each query, of `most` queries at most."""
    if judged is None:
        return ()
    queries, documents = list(judged.queries.values()), list(judged.corpus.values())
    pairs = [f"{query} {document}" for query, document in zip(cycle(queries), documents, strict=False)]
    count = min(len(queries), most or len(queries)) * min(depth, len(documents))
    return (replace(reading(pairs, kept=False), texts=times * count),)


def _judged(name: str, config: EvaluateConfig) -> tuple[str, tuple[Reading, ...]]:
    """One set to be scored on: queries with judgments, or rows."""
    opened = open_split(name, config.data.split, config.data.columns)
    part = opened.part
    if part is None or (part.scored is None and not isinstance(part.content, LabelledTexts)):
        found = judge(opened, seed=config.evaluation.seed)
        return found.described[0], read_judged_set(found.judged, 1)
    said = f"{opened.what}: {len(part.scored or part.content):,} {part.unit}"
    if part.scored is not None:
        return said, (reading([*part.scored.first, *part.scored.second]),)
    return said, (reading(part.content.texts),) if isinstance(part.content, LabelledTexts) else ()


def _checked(config: CheckConfig) -> Look:
    """The rows to be checked; with a model, the first pairs are encoded, where the data can be read so far."""
    said = tuple(_counted(name) for name in (config.data.source, config.data.eval_source) if name)
    if config.model.name is None:
        return Look(said)
    section = DataSection(source=config.data.source, split=config.data.split, columns=config.data.columns)
    try:
        rows = prepare(section, config.check.seed).train
    except (DataError, ConfigError):  # which the check itself reports
        return Look(said)
    return Look(said, (), (reading([*rows.anchors[:CHECKED], *rows.positives[:CHECKED]]),))


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


def _texts(config: EncodeConfig | SearchConfig) -> Look:
    """What would be encoded or searched."""
    if isinstance(config, SearchConfig):
        corpus, what = corpus_of(config.data.source, config.data.column)
        said = f"{what}: {counted(len(corpus), 'text')} to search"
        return Look((said,), (), (reading(corpus.values()),))
    stream = TextStream(config.data.source, config.data.column, queries=config.encoding.role == "query")
    count, empty, _ = stream.facts()
    said = f"{counted(count, 'text')} to encode" + (f", {empty:,} of them empty" if empty else "")
    sample = tuple(one.text for one in islice(stream, 0, None, max(1, count // SAMPLE)))
    return Look((said,), (), (Reading(count, sample),))
