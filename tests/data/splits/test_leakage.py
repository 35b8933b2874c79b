from embedtune.data.rows import RetrievalSet, Rows
from embedtune.data.splits.leakage import Leakage

CLAIMS = [
    f"Compound {i} {verb} the growth of cell line K{i * 37}." for i, verb in enumerate(["increases", "reduces"] * 60)
]


def judged(queries) -> RetrievalSet:
    return RetrievalSet(
        "test",
        {str(i): text for i, text in enumerate(queries)},
        {"d": "the document"},
        {str(i): {"d": 1} for i in range(len(queries))},
    )


def overlap(rows: Rows, test: RetrievalSet):
    leakage = Leakage(test)
    leakage.feed(rows)
    return leakage.findings()


def by_code(findings):
    return {finding.code: (finding.count, finding.severity) for finding in findings}


def turned(claim: str) -> str:
    return claim.replace("increases", "does not increase").replace("reduces", "increases")


def test_each_query_is_counted_once_by_its_worst_leak() -> None:
    training = [CLAIMS[0], turned(CLAIMS[0]), CLAIMS[1].upper(), turned(CLAIMS[1]), *map(turned, CLAIMS[2:6])]
    found = by_code(overlap(Rows(training, ["p"] * len(training)), judged(CLAIMS)))
    assert found == {
        "test-queries-seen-in-training": (1, "note"),
        "test-queries-near-copies": (1, "note"),
        "test-queries-negated": (4, "warning"),
    }


def test_one_and_many_are_said_as_people_say_them() -> None:
    one, many = (overlap(Rows(texts, ["p"] * len(texts)), judged(CLAIMS)) for texts in (CLAIMS[:1], CLAIMS[:2]))
    assert one[0].message == "1 of 120 test queries is in training word for word."
    assert many[0].message == "2 of 120 test queries are in training word for word."


def test_examples_name_the_place_and_both_texts() -> None:
    rows = Rows(["anything"], [turned(CLAIMS[3])], places=["pairs.jsonl:7"])
    (finding,) = overlap(rows, judged(CLAIMS))
    assert finding.examples == (f"pairs.jsonl:7: {turned(CLAIMS[3])} ~ {CLAIMS[3]}",)


def test_blocks_and_the_whole_agree() -> None:
    rows = Rows([turned(claim) for claim in CLAIMS[:40]] + CLAIMS[40:60], ["the document"] * 60)
    leakage = Leakage(judged(CLAIMS))
    for start in range(0, 60, 7):
        leakage.feed(rows.take(range(start, min(start + 7, 60))))
    whole = overlap(rows, judged(CLAIMS))
    assert by_code(leakage.findings()) == by_code(whole)
    assert by_code(whole)["test-documents-seen-in-training"] == (120, "warning")


def test_korean_templates_are_no_leak() -> None:
    services = [
        "청년월세",
        "장애인연금",
        "기초급식",
        "산모도우미",
        "한부모양육",
        "노인틀니",
        "학자금대출",
        "에너지바우처",
    ]
    asked = [f"{service} 신청은 어디에서 할 수 있나요?" for service in services]
    assert overlap(Rows(asked[:4], ["답"] * 4), judged(asked[4:])) == []


def test_judgments_of_documents_that_are_not_there_do_no_harm() -> None:
    test = RetrievalSet("test", {"q": "query"}, {"a": "text"}, {"q": {"a": 1, "gone": 1}})
    assert by_code(overlap(Rows(["x"], ["text"]), test)) == {"test-documents-seen-in-training": (1, "warning")}
