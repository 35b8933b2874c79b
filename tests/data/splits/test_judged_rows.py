from embedtune.data.rows import RetrievalSet, Rows
from embedtune.data.splits.judged_rows import documents_in, documents_of, judged_from_rows, key_of, part_of
from embedtune.identity import text_id


def test_anchors_ask_once_and_all_their_positives_are_relevant() -> None:
    rows = Rows(["q", "q", "r"], ["a", "b", "b"])
    others = Rows(["x"], ["c"], [["d", "a "]])
    judged = judged_from_rows("test", rows, documents_of(rows, others))
    key = {text: key_of(text_id(text)) for text in "qrabcd"}
    assert judged.queries == {key["q"]: "q", key["r"]: "r"}
    assert judged.corpus == {key[text]: text for text in "abcd"}
    assert judged.qrels == {key["q"]: {key["a"]: 1, key["b"]: 1}, key["r"]: {key["b"]: 1}}


def test_keys_do_not_depend_on_spacing_or_on_how_hangul_is_composed() -> None:
    composed, decomposed = Rows(["한글"], ["답"]), Rows(["\u1112\u1161\u11ab\u1100\u1173\u11af "], ["답"])
    one = judged_from_rows("test", composed, documents_of(composed))
    other = judged_from_rows("test", decomposed, documents_of(decomposed))
    assert one.qrels == other.qrels


def test_queries_that_are_documents_still_ask() -> None:
    chain = Rows(["a", "b"], ["b", "c"])
    assert sorted(judged_from_rows("dev", chain, documents_of(chain)).queries.values()) == ["a", "b"]


def test_a_corpus_of_its_own_keeps_its_ids() -> None:
    documents = documents_in({"d1": "본문", "d2": "본문 ", "d3": "other"})
    judged = judged_from_rows("dev", Rows(["q"], ["본문"]), documents)
    assert judged.corpus is documents.corpus
    assert list(judged.qrels.values()) == [{"d1": 1, "d2": 1}]


def test_part_of_a_judged_set_keeps_grades_and_corpus() -> None:
    whole = RetrievalSet("train", {"1": "a", "2": "b"}, {"d": "x"}, {"1": {"d": 2}, "2": {"d": 1}})
    part = part_of(whole, Rows(["a"], ["x"]).anchor_ids, "dev")
    assert (part.queries, part.qrels, part.corpus) == ({"1": "a"}, {"1": {"d": 2}}, whole.corpus)
