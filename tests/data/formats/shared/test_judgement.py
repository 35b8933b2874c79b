"""Which columns next to a pair judge it, which are asked about and which are left alone."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.source import open_source
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

WORDS = ["entailment", "neutral", "contradiction"]
QUERY, SENTENCES, INFERENCE = ("query", "answer"), ("sentence1", "sentence2"), ("premise", "hypothesis")


def file_of(put, more: Callable[[int], dict[str, Any]], names=QUERY, rows: int = 12):
    first, second = names
    records = [{first: f"question {i}", second: f"answer {i}"} | more(i) for i in range(rows)]
    return put("a.jsonl", "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))


@pytest.mark.parametrize("names", [QUERY, SENTENCES, INFERENCE])
@pytest.mark.parametrize(
    ("column", "labels"),
    [
        ("label", WORDS),
        ("gold_label", ["Entailment", "Neutral", "Contradiction"]),
        ("relation", WORDS),
        ("label", ["함의", "중립", "모순"]),
        ("label", ["SUPPORTS", "NOT ENOUGH INFO", "REFUTES"]),
    ],
)
def test_inference_labels_are_known_by_their_values(put, names, column, labels) -> None:
    chosen = {"label": column} if (names, column) == (INFERENCE, "relation") else {}
    part = read_part(open_table(file_of(put, lambda i: {column: labels[i % 3]}, names)), chosen)
    assert part.content.positives == [f"answer {i}" for i in range(0, 12, 3)]
    assert part.unit == "entailment pairs"


def test_contradictions_of_a_premise_by_any_name_are_its_negatives(put) -> None:
    path = file_of(put, lambda i: {"sentence1": f"premise {i // 3}", "gold_label": WORDS[i % 3]}, SENTENCES)
    rows = read_part(open_table(path), {}).content
    assert list(zip(rows.anchors, rows.positives, rows.negatives, strict=True)) == [
        (f"premise {i}", f"answer {3 * i}", (f"answer {3 * i + 2}",)) for i in range(4)
    ]


def test_a_misspelt_label_is_a_fault_and_does_not_make_the_others_classes(put) -> None:
    path = file_of(put, lambda i: {"label": "entialment" if i == 5 else WORDS[i % 3]}, SENTENCES)
    with pytest.raises(DataError, match="'label' is 'entialment'; it must be one of entailment"):
        read_part(open_table(path), {})


def test_labels_in_numbers_mean_what_the_user_says(put) -> None:
    path = file_of(put, lambda i: {"label": i % 3}, INFERENCE)
    with pytest.raises(DataError, match="does not say which is entailment, neutral, contradiction") as caught:
        read_part(open_table(path), {})
    assert "--columns label=label,entailment=0,contradiction=2" in str(caught.value.next)
    for entailment, contradiction in ((0, 2), (1, 0)):
        chosen = {"entailment": str(entailment), "contradiction": str(contradiction)}
        rows = read_part(open_table(path), chosen).content
        assert rows.positives == [f"answer {i}" for i in range(entailment, 12, 3)]


@pytest.mark.parametrize(
    ("names", "more", "chosen", "kept"),
    [
        (QUERY, lambda i: {"score": i / 2}, {}, 3),
        (SENTENCES, lambda i: {"similarity_score": i / 2}, {}, 3),
        (QUERY, lambda i: {"relevance": i % 4}, {}, 3),
        (QUERY, lambda i: {"점수": i / 2}, {}, 3),
        (("q", "a"), lambda i: {"유사도": i / 2}, {"anchor": "q", "positive": "a"}, 3),
        (SENTENCES, lambda i: {"annotation": {"score": i / 2, "by": "x"}}, {}, 3),
        (SENTENCES, lambda i: {"labels": {"label": i / 2, "binary-label": i % 2}}, {"score": "labels.label"}, 3),
        (QUERY, lambda i: {"label": i / 2}, {}, 3),
        (QUERY, lambda i: {"cosine": i / 2}, {"score": "cosine"}, 3),
    ],
)
def test_scores_keep_the_pairs_from_four_fifths_of_the_highest_up(put, names, more, chosen, kept) -> None:
    part = read_part(open_table(file_of(put, more, names)), chosen)
    assert (
        len(part.content) == kept
    )  # of 0, 0.5 ... 5.5 and of 0 to 3 three times each: those of 4.4, or of 2.4, and up
    assert len(part.scored) == 12


@pytest.mark.parametrize(
    "more",
    [
        lambda i: {"flag": bool(i % 2)},
        lambda i: {"rank": i % 3 + 1},
        lambda i: {"cosine": i / 20},
        lambda i: {"label": i % 3},
        lambda i: {"label": -1},
        lambda i: {"relevance": ["high", "low"][i % 2]},
        lambda i: {"query": f"q{i // 2}", "label": ["posy", "negy"][i % 2]},
        lambda i: {"negative": "n", "label": i % 2},
        lambda i: {"score": 7.5 + 3 * i},
        lambda i: {"score": -i / 2},
        lambda i: {"grade": i % 6 + 1},
        lambda i: {"정답": i % 4 + 1},
    ],
    ids=range(12),
)
def test_what_may_judge_is_asked_about_and_each_answer_is_taken(put, more) -> None:
    path = file_of(put, more)
    (column,) = (name for name in more(0) if name not in ("query", "negative"))
    with pytest.raises(DataError, match=f"the column '{column}' .* may say whether the two texts of a row") as caught:
        read_part(open_table(path), {})
    assert f"class={column} (" in str(caught.value.next)
    assert f"ignore={column} (" in str(caught.value.next)
    assert len(read_part(open_table(path), {"ignore": column}).content) == 12
    by_class = read_part(open_table(path), {"class": column}).content
    assert by_class.labels == [str(more(i)[column]) for i in range(12)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (lambda i: {"id": i}, "id (all different)"),
        (lambda i: {"docid": i % 3}, "docid (a few whole numbers: 0, 1, 2)"),
        (lambda i: {"year": 2019 + i % 3}, "year (numbers from 2019 to 2021)"),
        (lambda i: {"date": f"2024-01-{i + 1:02d}"}, "date"),
        (lambda i: {"split": ["train", "test"][i % 2]}, "split (a few values: test, train)"),
        (lambda i: {"category": ["news", "wiki"][i % 2]}, "category (a few values: news, wiki)"),
        (lambda i: {"분류": ["민원", "복지"][i % 2]}, "분류 (a few values: 민원, 복지)"),
        (lambda i: {"sentiment": ["positive", "negative"][i % 2]}, "sentiment (yes or no: negative, positive)"),
        (lambda i: {"flag": True}, "flag (always True)"),
        (lambda i: {"score": None}, "score (no values)"),
        (lambda i: {"views": i * 17 % 5}, "views (a few whole numbers: 0, 1, 2, 3, 4)"),
        (lambda i: {"relevance": f"because of reason {i}"}, "relevance"),
    ],
    ids=range(12),
)
def test_ids_dates_splits_and_categories_are_left_alone_and_described(put, more, said) -> None:
    path = file_of(put, more)
    part = read_part(open_table(path), {})
    assert len(part.content) == 12
    assert part.said == (f"{path}: columns not used: {said}",)


def test_classes_of_sentences_keep_their_negatives(put) -> None:
    path = file_of(put, lambda i: {"label": f"class {i % 3}", "negative": f"n{i}", "a.b": f"x{i}"}, SENTENCES)
    rows = read_part(open_table(path), {}).content
    assert rows.negatives == [(f"n{i}",) for i in range(12)]
    assert rows.labels == [f"class {i % 3}" for i in range(12)]


def test_labels_that_are_hidden_in_all_rows_are_asked_about(put) -> None:
    for hidden in (None, "-", ""):
        with pytest.raises(DataError, match=r"'label' \(no values\) may say"):
            read_part(open_table(file_of(put, lambda i, hidden=hidden: {"label": hidden})), {})


def test_a_class_of_both_texts_stays_a_class(put) -> None:
    for more in (lambda i: {"label": ["billing", "refund", "login"][i % 3]}, lambda i: {"label": i * 7}):
        rows = read_part(open_table(file_of(put, more)), {}).content
        assert rows.labels == [str(more(i)["label"]) for i in range(12)]
    assert rows.positives == [f"answer {i}" for i in range(12)]


@pytest.mark.parametrize(
    "more",
    [
        lambda i: {"score": i / 12, "is_duplicate": i % 2},
        lambda i: {"entailment_label": ["ENTAILMENT", "NEUTRAL"][i % 2], "relatedness_score": 1 + i / 3},
        lambda i: {"labels": {"label": i / 3, "real-label": i / 3}},
    ],
)
def test_of_two_judgments_the_user_names_one(put, more) -> None:
    with pytest.raises(DataError, match="several columns could say") as caught:
        read_part(open_table(file_of(put, more, SENTENCES)), {})
    assert "--columns score=" in str(caught.value.next)


def test_a_column_that_judges_only_late_in_the_file_is_asked_about_too(put) -> None:
    path = file_of(put, lambda i: {"flag": int(i < 1100)}, rows=1200)
    with pytest.raises(DataError, match="'flag'"):
        read_part(open_table(path), {})
    with pytest.raises(DataError, match="'flag'"):
        list(open_source(str(path)).blocks("", {}, Problems("a")))
    late = file_of(put, lambda i: {"label": i % 2 if i < 1100 else 2}, rows=1200)
    with pytest.raises(DataError, match=r"the column 'label' \(a few whole numbers: 0, 1, 2\) may say"):
        read_part(open_table(late), {})


def test_several_columns_can_be_ignored(put) -> None:
    path = file_of(put, lambda i: {"flag": i % 2, "ok": bool(i % 2)})
    assert len(read_part(open_table(path), {"ignore": "flag+ok"}).content) == 12
    with pytest.raises(DataError, match=r"--columns names 'flag\+okay' as ignore"):
        read_part(open_table(path), {"ignore": "flag+okay"})


def test_scores_that_mining_writes_are_no_judgments(put) -> None:
    mined = {"negatives": ["n"], "positive_score": 0.9, "negative_scores": [0.3]}
    rows = read_part(open_table(file_of(put, lambda i: mined)), {}).content
    assert rows.teacher_scores == [[0.9, 0.3]] * 12
    assert all(one == other for one, other in pairwise(rows.teacher_scores))
