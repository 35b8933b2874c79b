from embedtune.data.formats.shared.find import read_part
from embedtune.data.rows import RawTexts
from embedtune.data.sources.tables import open_table


def test_texts_of_plain_files_and_rows(put, lines) -> None:
    for path in (put("a.txt", "하나\n\n둘\n"), put("a.jsonl", lines([{"text": "하나"}, {"text": "둘"}]))):
        content = read_part(open_table(path), {}).content
        assert isinstance(content, RawTexts)
        assert content.texts == ["하나", "둘"]


def test_titles_stay_apart_and_a_title_without_a_text_is_left_out(put, lines) -> None:
    records = [{"title": " 제목 ", "text": "본문"}, {"title": "제목뿐", "text": ""}, {"text": "제목 없음"}]
    content = read_part(open_table(put("a.jsonl", lines(records))), {}).content
    assert (content.texts, content.titles) == (["본문", "제목 없음"], ["제목", ""])
    assert len(set(content.documents)) == 2


def test_a_blank_line_ends_a_document_of_a_plain_file(put) -> None:
    content = read_part(open_table(put("a.txt", "가\n나\n\n\n다\n")), {}).content
    assert content.documents[0] == content.documents[1] != content.documents[2]
