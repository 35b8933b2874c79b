"""labelled-list: {anchor, documents: [...], labels: [1, 0, ...]}, as for listwise rankers.

Documents with the label 0 are negatives of their anchor; each other one makes a pair.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.formats import Mined, Part, pairs
from embedtune.data.formats.shared.cells import Cells, cells_of
from embedtune.data.formats.shared.lists import list_of
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.formats.shared.values import truth_of
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import counted, kind_of

UNIT = "labelled lists"
ROLES = {"anchor": pairs.ROLES["anchor"], "documents": ("documents",), "labels": ("labels",)}
REQUIRED = ("anchor", "documents", "labels")
NEEDS = 1


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per document that is labelled 1, each with all documents that are labelled 0."""
    rows, asked, without = RowList(columns), 0, 0
    for cells in cells_of(table, columns):
        anchor, group, asked = cells.text("anchor"), cells.group, asked + 1
        labelled = _labelled(cells)
        positives = [text for text, alike in labelled if alike]
        negatives = [text for text, alike in labelled if not alike]
        without += bool(labelled) and not positives
        for positive in positives:
            rows.append(cells.place, anchor, positive, negatives=negatives, group=group)
    said = (f"{table.name}: {without:,} of {asked:,} lists have no document labelled 1 and are left out",)
    return Part(rows.build(), "pairs from labelled lists", said if without else ())


def _labelled(cells: Cells) -> list[tuple[str, bool]]:
    """Each document with whether it belongs to the anchor; nothing for a fault, which is noted."""
    documents, labels = (list_of(cells.value(role)) for role in ("documents", "labels"))
    if not isinstance(documents, list) or not isinstance(labels, list):
        cells.fault("documents", f"must be a list with a list of as many labels, got {kind_of(documents)}")
        return []
    if len(documents) != len(labels):
        cells.fault("labels", f"has {counted(len(labels), 'label')} for {counted(len(documents), 'document')}")
        return []
    found = []
    for document, label in zip(documents, labels, strict=True):
        alike = truth_of(label)
        text = cells.further(document, cells.columns.one("documents"))
        if alike is None:
            cells.fault("labels", f"must be 1 or 0, got {kind_of(label)}")
        elif text is not None:
            found.append((text, alike))
    return found


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    return {"anchor": "text", "documents": "texts", "labels": "integers"}


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """One record per positive: the positive, then all negatives."""
    for positive in mined.positives:
        documents, labels = [positive, *mined.negatives], [1] + [0] * len(mined.negatives)
        yield {"anchor": mined.anchor, "documents": documents, "labels": labels}
