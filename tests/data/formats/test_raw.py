from embedtune.data.formats import read_part
from embedtune.data.rows import RawTexts
from embedtune.data.tables import open_table


def test_texts_of_plain_files_and_rows(put, lines) -> None:
    for path in (put("a.txt", "하나\n\n둘\n"), put("a.jsonl", lines([{"text": "하나"}, {"text": "둘"}]))):
        content = read_part(open_table(path), {}).content
        assert isinstance(content, RawTexts)
        assert content.texts == ["하나", "둘"]
