"""Names of columns in capitals, with blanks and in Korean."""

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.columns import match
from embedtune.data.sources.documents import read_documents
from embedtune.data.sources.source import open_source
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("Anchor,Positive,Negative", "triplets"),
        ("QUESTION,ANSWER,Negative 1", "triplets"),
        ("Query,Document,negative-1", "triplets"),
        ("질문,답변,오답", "triplets"),
        ("질문,문서,오답1", "triplets"),
        ("질의,정답,번호", "pairs"),
        ("Sentence1,Sentence 2,Score", "pairs of similar sentences"),
        ("문장1,문장2,점수", "pairs of similar sentences"),
        ("질문,본문,제목", "pairs of queries and passages"),
    ],
)
def test_headers(put, header, unit) -> None:
    path = put("표.csv", f"{header}\n가?,나.,3\n다?,라.,4\n")
    assert read_part(open_table(path), {}).unit == unit


def test_documents_and_classes_have_korean_names_too(put) -> None:
    path = put("글.csv", "제목,본문\n머리,몸.\n")
    assert [one.text for one in read_documents(str(path))] == ["머리 몸."]
    assert read_part(open_table(put("분류.csv", "본문,라벨\n가,1\n나,2\n")), {}).unit == "texts in 2 classes"


def test_a_usual_name_goes_before_another_spelling() -> None:
    roles = {"anchor": ("query", "question"), "negative": ("negative", r"negative_\d+")}
    assert match(roles, ["질문", "query"], {}) == {"anchor": ("query",)}
    # What has a number is one of several, however it is spelled.
    assert match(roles, ["negative", "Negative 2", "오답3"], {}) == {"negative": ("negative", "Negative 2", "오답3")}


def test_two_spellings_of_one_role_are_a_question(put) -> None:
    path = put("표.csv", "Question,질문,답변\na,b,c\n")
    with pytest.raises(DataError, match="two columns could be 'anchor': 'Question' and '질문'"):
        open_source(str(path)).part("", {}, None)
    assert len(open_source(str(path)).part("", {"anchor": "질문"}, None).content) == 1
