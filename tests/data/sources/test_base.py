"""A kind of source is one class: with tables and hashes alone it trains, mines, and gives documents."""

from collections.abc import Iterator

import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.sources.base import Source
from embedtune.data.sources.judged_source import judge_split
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import RecordTable
from embedtune.data.splits.divide import divide_source
from embedtune.data.splits.plan import plan_splits


class ListSource(Source):
    """Pairs in memory, in as many tables as there are lists."""

    def __init__(self, *tables: list[dict[str, str]]) -> None:
        super().__init__("here", "some lists", ())
        self.lists = tables

    def tables(self, split: str, problems: Problems | None = None) -> Iterator[RecordTable]:
        """One per list."""
        for number, records in enumerate(self.lists):
            yield RecordTable(f"list{number}", "list", enumerate(records, 1), problems or Problems("here"))

    def hashes(self, splits: tuple[str, ...]) -> dict[str, str]:
        """None."""
        return {}


@pytest.fixture
def source(pairs) -> ListSource:
    return ListSource(pairs(40), pairs(60, 40))


def test_it_is_divided_like_any_other(source) -> None:
    section = DataSection(source="here")
    divided = divide_source(source, plan_splits(source, section), section, 0)
    assert divided.described[0] == "read 100 pairs from some lists"
    assert len(divided.train) + sum(map(len, divided.judged.values())) == 100


def test_it_mines_judges_and_comes_in_blocks(source) -> None:
    mining = source.mining("", {}, None)
    assert (len(mining.part.content), mining.corpus, mining.held_out) == (100, None, frozenset())
    assert len(judge_split(source, "", {}, 0).judged) == 100
    assert [len(part.content) for part in source.blocks("", {}, Problems("here"), rows=30)] == [30, 10, 30, 30]
    assert [table.name for table in source.document_tables()] == ["list0", "list1"]
    assert source.texts_table("train", texts_only=True).name == "list0"
    assert (source.query_tables(), source.text_names(), source.has_corpus) == (None, {}, False)
