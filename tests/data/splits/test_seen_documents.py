import pytest

from embedtune.data.rows import RetrievalSet, Rows
from embedtune.data.splits.seen_documents import SeenDocuments

ILLS = ["renal failure", "hip fracture", "chest cold", "eye strain", "back pain", "hay fever", "gout", "scurvy"]
ILLS += ["mumps", "리튬 중독", "소아 천식", "만성 두통"]
DOCUMENTS = [
    f"Early {ill} is treated with {ill[:3]}ol-{i}, taken for {i + 3} days, and with rest. Room {i * 7} hands it out."
    for i, ill in enumerate(ILLS)
]
SHORT = ["Yes.", "서울", "No, never"]


def judged(documents) -> RetrievalSet:
    return RetrievalSet(
        "test",
        {f"q{i}": f"query {i}" for i in range(len(documents))},
        {f"d{i}": text for i, text in enumerate(documents)},
        {f"q{i}": {f"d{i}": 1} for i in range(len(documents))},
    )


def seen(documents, positives, dev=None) -> SeenDocuments:
    found = SeenDocuments(judged(documents), dev)
    found.feed(Rows(["x"] * len(positives), positives, places=[f"t:{i}" for i in range(1, len(positives) + 1)]))
    return found


@pytest.mark.parametrize(
    "changed",
    [
        str.upper,
        lambda text: text.rstrip("."),
        lambda text: f"“{text}”",
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text[:3] + "\u200b" + text[3:] + "\ufeff",
        lambda text: text[:2] + "\u00ad" + text[2:],
        lambda text: f"passage: {text}",
    ],
    ids=["capitals", "no stop", "quotes", "blanks", "zero width", "soft hyphen", "prompt"],
)
def test_the_same_texts_in_another_form_are_seen_whatever_their_length(changed) -> None:
    documents = [*DOCUMENTS, *SHORT]
    found = seen(documents, [changed(text) for text in documents])
    assert found.unseen == set() and len(found.documents) == len(documents)
    (finding,) = found.findings(len(documents))
    assert finding.count == len(documents) and "0 of 15 queries" in finding.message


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: f"Handbook {text}",
        lambda text: f"{text} See chapter two.",
        lambda text: text[: len(text) * 3 // 4],
        lambda text: f"A title of its own\n{text}",
    ],
    ids=["title", "suffix", "cut", "title line"],
)
def test_near_copies_are_seen_in_both_directions(changed) -> None:
    copies = [changed(text) for text in DOCUMENTS]
    assert seen(DOCUMENTS, copies).unseen == set()
    assert seen(copies, DOCUMENTS).unseen == set()
    (finding,) = seen(DOCUMENTS, copies[:2]).findings(12)
    assert "10 of 12 queries" in finding.message and "2 nearly" in finding.message
    assert finding.examples[0].startswith("t:1: ")


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.replace(" days", "0 days"),
        lambda text: text.replace("is treated", "is not treated"),
        lambda text: text.replace("Early", "Late").replace("rest", "water"),
    ],
    ids=["number", "negation", "words"],
)
def test_documents_that_state_something_else_are_not_seen(changed) -> None:
    assert len(seen(DOCUMENTS, [changed(text) for text in DOCUMENTS]).unseen) == len(DOCUMENTS)


def test_documents_from_one_template_are_not_each_other() -> None:
    assert seen(DOCUMENTS[:6], DOCUMENTS[6:]).documents == set()


def test_relevant_documents_of_dev_count_by_form_too() -> None:
    assert seen(DOCUMENTS, ["other"], judged([DOCUMENTS[0].upper()])).documents == {"d0"}


def test_blocks_and_the_whole_agree() -> None:
    whole = seen(DOCUMENTS, [f"Handbook {text}" for text in DOCUMENTS[:7]])
    parts = SeenDocuments(judged(DOCUMENTS), None)
    for text in DOCUMENTS[:7]:
        parts.feed(Rows(["x"], [f"Handbook {text}"]))
    assert parts.unseen == whole.unseen and len(whole.unseen) == 5


def test_a_judgment_of_a_document_that_is_not_there_is_not_seen() -> None:
    test = RetrievalSet("test", {"q": "query"}, {}, {"q": {"gone": 1}})
    found = SeenDocuments(test, None)
    found.feed(Rows(["x"], ["y"]))
    assert found.unseen == {"q"} and found.findings(1) == []


def test_positives_that_all_begin_alike_are_found_in_a_mixed_corpus() -> None:
    texts = [f"Open menu number {i * 13} and set the value to {i + 5} before you press the button." for i in range(12)]
    found = seen([*texts, "What is the fee?"], [f"{text} (c) 2020 ACME" for text in texts])
    assert found.documents == {f"d{i}" for i in range(12)}
