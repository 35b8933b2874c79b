"""Which columns are said not to be used: not those that a run reads besides, nor those that go with a signal."""

from signal_data import records, write_windows

from embedtune.data.formats.shared.find import read_part
from embedtune.data.formats.shared.unused import besides
from embedtune.data.sources.tables import open_table


def test_a_column_that_names_domains_is_left_out_of_the_sentence(put, lines) -> None:
    rows = [{"anchor": f"a{i}", "positive": f"b{i}", "product": ("cards", "fees")[i % 2], "note": f"n {i}"} for i in range(8)]
    path = put("a.jsonl", lines(rows))
    said = read_part(open_table(path), {}).said
    assert said == (f"{path}: columns not used: product (a few values: cards, fees), note",)
    assert besides(said, "product") == (f"{path}: columns not used: note",)
    assert besides(["read 8 pairs", *said], "other") == ("read 8 pairs", *said)
    assert besides(besides(said, "product"), "note") == ()


def test_the_rate_of_signals_is_used(tmp_path) -> None:
    path = write_windows(tmp_path / "w.parquet", records(2, windows=2))
    assert read_part(open_table(path), {}).said == (f"{path}: columns not used: recording ({_values()})",)


def _values() -> str:
    names = sorted({str(row["recording"]) for row in records(2, windows=2)})
    return f"a few values: {', '.join(names)}"
