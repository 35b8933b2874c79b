"""Tables as spreadsheets and databases export them: read right, or refused with advice that works when it is followed.

Each is written here from the same rows by Python's own csv module, so that what was read can be compared with them.
"""

import csv
import io
import itertools
import shlex

import pytest

from embedtune.config.options import options_of
from embedtune.config.recipe.load import load
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.errors import DataError

ENGLISH = [
    (f"How do I change item {i}, please?", f"Open the customer’s page {i}; choose “edit” – it's\nthere since café {i}.")
    for i in range(30)
]
KOREAN = [
    (f"주문 {i}번은 언제 오나요, 알려 주세요?", f"영업일 기준 {i}일 안에 도착합니다; 늦으면\n연락 드립니다.")
    for i in range(30)
]
HEADERS = {
    "en": [("Question", "Answer"), ("QUERY", "Document"), ("  anchor ", "Positive")],
    "ko": [("질문", "답변"), ("질의", "정답"), ("문의", "문서")],
}
CODECS = {
    "en": ("utf-8", "utf-8-sig", "cp1252", "utf-16"),
    "ko": ("utf-8", "utf-8-sig", "cp949", "euc_kr", "utf-16"),
}
SEPARATORS = {",": "csv", ";": "csv", "\t": "csv", "|": "csv", "tab": "tsv"}
ENDS = ("\r\n", "\n")
CELLS = [
    (language, codec, sign, end)
    for language in CODECS
    for codec in CODECS[language]
    for sign in SEPARATORS
    for end in ENDS
]


def written(language: str, header: tuple[str, ...], sign: str, end: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t" if sign == "tab" else sign, lineterminator=end, quoting=quoting)
    writer.writerow(("Ticket ID", *header, "Category"))
    rows = ENGLISH if language == "en" else KOREAN
    writer.writerows((f"T-{place}", *row, "billing") for place, row in enumerate(rows))
    return text.getvalue()


def pairs_of(source: str, **options: object) -> set[tuple[str, str]]:
    data = prepare(DataSection(source=source, **options), 0)
    judged = [found for found in (data.dev, data.test) if found is not None]
    held = {(one.queries[q], one.corpus[d]) for one in judged for q, relevant in one.qrels.items() for d in relevant}
    return {*zip(data.train.anchors, data.train.positives, strict=True), *held}


@pytest.mark.parametrize(("language", "codec", "sign", "end"), CELLS)
def test_an_export_is_read_as_it_was_written(put, language, codec, sign, end) -> None:
    place = CELLS.index((language, codec, sign, end))
    header = HEADERS[language][place % 3]
    quoting = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)[place % 2]
    path = put(f"export.{SEPARATORS[sign]}", written(language, header, sign, end, quoting).encode(codec))
    found = pairs_of(str(path))
    assert found == set(ENGLISH if language == "en" else KOREAN)


@pytest.mark.parametrize("codec", ["cp1252", "cp949", "utf-16"])
def test_the_encoding_is_said(put, codec) -> None:
    language = "ko" if codec == "cp949" else "en"
    path = put("export.csv", written(language, HEADERS[language][0], ",", "\n").encode(codec))
    said = prepare(DataSection(source=str(path)), 0).described
    assert any("export.csv: the text is in" in sentence for sentence in said)


ASKED = {
    "words": ("Customer question", "Agent answer"),
    "camel": ("customerQuestion", "agentReply"),
    "short": ("q", "a"),
    "underlined": ("query_text", "doc_body"),
    "korean": ("질문 내용", "답변 내용"),
    "joined": ("질문내용", "답변내용"),
    "no words": ("col1", "col2"),
    "turned": ("Agent answer", "Customer question"),
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("sign", [",", ";"])
def test_where_columns_cannot_be_told_the_advice_can_be_pasted(put, name, sign) -> None:
    language = "ko" if name in ("korean", "joined") else "en"
    header = ASKED[name]
    text = written(language, header, sign, "\r\n")
    if name == "turned":
        rows = list(csv.reader(io.StringIO(text), delimiter=sign))
        text = "\n".join(sign.join(f'"{cell}"' for cell in (row[0], row[2], row[1])) for row in rows)
        text = (
            text.replace("Customer question", "X")
            .replace("Agent answer", "Customer question")
            .replace("X", "Agent answer")
        )
    path = put("export.csv", text)
    with pytest.raises(DataError) as refused:
        pairs_of(str(path))
    option, value = shlex.split(refused.value.retry)
    assert option == "--columns" and refused.value.retry in refused.value.next
    config = load(TrainConfig, None, [], {"data": str(path), "columns": value})
    assert pairs_of(str(path), columns=config.data.columns) == set(ENGLISH if language == "en" else KOREAN)
    assert "columns" in options_of(TrainConfig)


@pytest.mark.parametrize("header", [("a1", "b1"), ("left", "right")])
def test_nothing_is_proposed_where_it_would_be_a_coin_toss(put, header) -> None:
    rows = [(*header, "more"), *((f"alpha beta {i}", f"gamma delt {i}", f"epsil zeta {i}") for i in range(20))]
    path = put("export.csv", "".join(",".join(row) + "\n" for row in rows))
    with pytest.raises(DataError) as refused:
        pairs_of(str(path))
    assert refused.value.retry is None and "anchor=COLUMN,positive=COLUMN" in refused.value.next


def test_there_are_enough_of_them() -> None:
    assert len(CELLS) + 2 * len(ASKED) >= 30
    assert {language for language, *_ in CELLS} == {"en", "ko"} and len(set(itertools.chain(*CODECS.values()))) >= 6
