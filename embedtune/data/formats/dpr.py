"""DPR's training rows: {question, answers, positive_ctxs: [{title, text}], negative_ctxs, hard_negative_ctxs}.

Source: Karpukhin et al. 2020, arXiv:2004.04906, and the files published with it. As there, a question without a
positive passage is left out.
"""

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.formats.shared.passages import passages_in, without_positive
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable

UNIT = "DPR rows"
ROLES = {
    "question": ("question", "query"),
    "positive_ctxs": ("positive_ctxs",),
    "hard_negative_ctxs": ("hard_negative_ctxs",),
    "negative_ctxs": ("negative_ctxs",),
}
REQUIRED = ("question", "positive_ctxs")


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per positive passage; its negatives are the hard ones of its question, then the others, each once."""
    rows, empty = RowList(columns), list[str]()
    for cells in cells_of(table, columns):
        question, group, faults = cells.text("question"), cells.group, table.problems.count
        positives = passages_in(cells, "positive_ctxs")
        negatives = [*passages_in(cells, "hard_negative_ctxs"), *passages_in(cells, "negative_ctxs")]
        if not positives and table.problems.count == faults:
            empty.append(cells.place)
        for positive in positives:
            rows.append(cells.place, question, positive, negatives=tuple(dict.fromkeys(negatives)), group=group)
    return Part(rows.build(), "pairs from DPR rows", findings=without_positive(empty))
