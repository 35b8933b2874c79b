"""What reports say of sets that are no retrieval sets."""

from typing import Any

from embedtune.reports.document.blocks import Matrix, Table, Text
from embedtune.reports.sections.tasks import SHOWN, confused, size, task_blocks


def row(label: str, scores: list[float], counts: list[list[int]]) -> dict[str, Any]:
    """A system's row of a set of texts with candidate labels l0, l1, ..."""
    labels = [f"l{i}" for i in range(len(scores))]
    classes = [{"label": name, "texts": 4, "f1": f1} for name, f1 in zip(labels, scores, strict=True)]
    wrong = [{"label": "l0", "chosen": "l1", "texts": 1200}, {"label": "l1", "chosen": "l0", "texts": 3}]
    confusion = {"labels": labels, "counts": counts}
    return {"task": "candidates", "label": label, "classes": classes, "confused": wrong, "confusion": confusion}


def test_labels_stand_hardest_first_for_the_last_system() -> None:
    two = [row("a", [0.9, 0.1], [[4, 0], [2, 2]]), row("b", [0.2, 0.5], [[1, 3], [0, 4]])]
    two[1]["classes"][1]["texts"] = 0
    about, _, table, rest, heading, *others = task_blocks(two)
    assert isinstance(about, Text) and "Macro F1" in about.text
    assert isinstance(table, Table) and table.header == ("label", "texts", "F1 of a", "F1 of b")
    assert table.rows == [("l0", "4", "0.900", "0.200"), ("l1", "4", "0.100", "0.500")]
    assert not rest and heading
    assert others[0] == confused(two[0]) and isinstance(others[1], Matrix)
    assert others[1].heading.endswith("that a chose")
    assert others[1].table.rows == [("1 l0", "4", "0"), ("2 l1", "2", "2")]


def test_many_labels_are_cut_and_have_no_matrix() -> None:
    count = SHOWN + 5
    own = row("a", [i / count for i in range(count)], [[0] * count for _ in range(count)])
    _, _, table, rest, _, _, matrix = task_blocks([own])
    assert isinstance(table, Table) and len(table.rows) == SHOWN and table.rows[0][0] == "l0"
    assert isinstance(rest, Text) and rest.text.startswith("5 more labels")
    assert not matrix


def test_the_most_confused_are_as_many_as_wanted() -> None:
    table = confused(row("a", [0.5, 0.5], [[0, 0], [0, 0]]), 1)
    assert (table.header, table.rows) == (("label", "a chose", "texts"), [("l0", "l1", "1,200")])
    assert not confused({"label": "a"})  # type: ignore[typeddict-item]


def test_sizes_are_told_in_the_words_of_their_kind() -> None:
    assert size({"task": "retrieval", "queries": 1379, "documents": 9}) == "1,379 queries, 9 documents."
    pairs = {"task": "similarity", "items": "pairs", "queries": 2, "documents": 2}
    assert size(pairs) == "2 pairs, 2 second sentences."
    assert not [block for block in task_blocks([{"task": "retrieval"}]) if block]
