"""Columns that are read besides those of a format: by the run itself, or with the samples of a signal."""

import pytest
from signal_data import records, write_windows

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.reading.unchanged import declare_read_besides, unchanged_inputs
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def test_a_column_that_a_run_reads_is_neither_unused_nor_a_judge(put, lines) -> None:
    rows = [{"anchor": f"a{i}", "positive": f"b{i}", "product": i % 3, "note": f"n {i}"} for i in range(9)]
    path = put("a.jsonl", lines(rows))
    with pytest.raises(DataError, match="may say whether"):
        read_part(open_table(path), {})
    with unchanged_inputs():
        declare_read_besides("product")
        assert read_part(open_table(path), {}).said == (f"{path}: columns not used: note",)
        declare_read_besides("nosuch")
        with pytest.raises(DataError, match="may say whether"):
            read_part(open_table(path), {})


def test_the_rate_of_signals_is_used(tmp_path) -> None:
    rows = records(2, windows=2)
    path = write_windows(tmp_path / "w.parquet", rows)
    values = ", ".join(sorted({str(row["recording"]) for row in rows}))
    assert read_part(open_table(path), {}).said == (f"{path}: columns not used: recording (a few values: {values})",)
