"""What a search says about rows that cannot be found."""

from pathlib import Path

from embedtune.data.sources.texts import corpus_of


def test_rows_with_a_missing_text_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("query,answer\na?,One.\nb?,\n,Two.\nc?,Three.\nd?,Four.\n", encoding="utf-8")
    corpus, what = corpus_of(str(path), None)
    assert set(corpus.values()) == {"One.", "Three.", "Four."}
    assert what.endswith("(2 rows with a missing text left out)")
