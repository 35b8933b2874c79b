"""What a merge is judged by: dev queries to choose alpha on, and test queries that the verdict rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.verbs.merge import MergeConfig
from embedtune.data.prepare import prepare
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.judged_source import judge_split
from embedtune.data.sources.source import open_source
from embedtune.errors import DataError
from embedtune.findings import Finding, counted
from embedtune.workflows.shared.guard.sampled import with_queries
from embedtune.workflows.shared.guard.sets import FEWEST


@dataclass(frozen=True)
class MergeData:
    """The judged queries of a merge.

    Args:
        dev: to choose alpha on; None where nothing is chosen.
        test: for the verdict; None without --data.
        unseen: ids of test queries whose documents are no training positives of this data.
        described: what was read, in sentences.
    """

    dev: RetrievalSet | None = None
    test: RetrievalSet | None = None
    unseen: frozenset[str] = frozenset()
    described: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)


def read_judged_parts(config: MergeConfig) -> MergeData:
    """The dev and test queries of --data, divided as `train` divides it; empty without --data.

    A judged set without a training split is divided in two halves.

    Raises:
        DataError: it cannot be read, or is too small to choose on.
    """
    if config.data.source is None:
        return MergeData()
    source, seed = open_source(config.data.source), config.run.seed
    if source.splits and source.find("train") is None:
        return _halves(config, seed)
    section = DataSection(source=config.data.source, columns=config.data.columns)
    data = prepare(section, seed, source=source)
    return MergeData(data.dev, data.test, data.unseen, data.described, data.findings, data.hashes)


def _halves(config: MergeConfig, seed: int) -> MergeData:
    """The test split of a set that was only made to be judged: its dev split, or half of it, to choose on."""
    source = open_source(str(config.data.source))
    test = source.demand("test", "--data")
    read = judge_split(source, test, config.data.columns, seed)
    described = f"{source.what}, split {test}: {counted(len(read.judged), 'query')}"
    dev = source.find("dev")
    if dev is not None:
        other = judge_split(source, dev, config.data.columns, seed)
        return MergeData(other.judged, read.judged, frozenset(), (described,), read.findings, read.hashes)
    ids = list(read.judged.queries)
    if len(ids) < 2 * FEWEST:
        raise DataError(
            f"there is no dev split, and {counted(len(ids), 'query')} are too few to choose on one half of them and "
            "judge by the other",
            where=str(config.data.source),
            next="give --alpha a number, or a set with a dev split",
        )
    first, second = (with_queries(read.judged, set(ids[start::2])) for start in (0, 1))
    said = "there is no dev split, so alpha is chosen on one half of the queries and the verdict rests on the other"
    return MergeData(first, second, frozenset(), (described, said), read.findings, read.hashes)
