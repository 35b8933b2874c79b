"""What a search says about rows that cannot be found."""

from pathlib import Path

import pytest

from embedtune.data.sources.texts import TextStream, corpus_of
from embedtune.errors import DataError


def test_rows_with_a_missing_text_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("query,answer\na?,One.\nb?,\n,Two.\nc?,Three.\nd?,Four.\n", encoding="utf-8")
    corpus, what = corpus_of(str(path), None)
    assert set(corpus.values()) == {"One.", "Three.", "Four."}
    assert what.endswith("(2 rows with a missing text left out)")


def test_a_column_of_pairs_is_proposed_before_ids_and_quoted(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text("Ticket ID,Answer\n1,One.\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        list(TextStream(str(path)))
    assert caught.value.next is not None and caught.value.next.endswith("--column Answer")
    path.write_text("Ticket ID,Note of the day\n1,One.\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        list(TextStream(str(path)))
    assert caught.value.next is not None and caught.value.next.endswith("--column 'Ticket ID'")
