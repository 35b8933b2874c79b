"""Anchors that are near duplicates of another, or state its opposite in nearly the same words."""

from embedtune.data.checks import Gathered, RowBlock, shown
from embedtune.data.rows import LabelledTexts, RawTexts, Rows
from embedtune.data.texts.near_duplicates import NearIndex
from embedtune.findings import Finding, counted
from embedtune.identity import text_ids
from embedtune.signals import is_signal

MOST_TEXTS = 30_000
"""Distinct texts compared with each other; of more only the first, and the finding says so."""
_LONGEST = 2000  # characters; shared words mean little in longer texts


class NearAnchors:
    """Compares distinct anchors, or the texts of content without pairs, with each other."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[str, str]] = {}  # text id -> place and text
        self._left_out = False

    def feed(self, block: RowBlock) -> None:
        """Add anchors, up to the limit."""
        content = block.content
        if isinstance(content, Rows):
            texts, ids = content.anchors, content.anchor_ids
        elif isinstance(content, LabelledTexts | RawTexts):
            texts, ids = content.texts, text_ids(content.texts)
        else:
            return
        for row, (text, identity) in enumerate(zip(texts, ids.tolist(), strict=True), block.start):
            if len(text) <= _LONGEST and identity not in self._texts and not is_signal(text):
                if len(self._texts) == MOST_TEXTS:
                    self._left_out = True
                    return
                self._texts[identity] = block.places[row], text

    def findings(self) -> list[Finding]:
        """Anchors with an earlier near duplicate, and those that negate an earlier one; each anchor once."""
        kept = list(self._texts.values())
        near, negated = Gathered(), Gathered()
        reported: set[int] = set()
        for copy in NearIndex([text for _, text in kept]).within():
            if copy.text not in reported:
                reported.add(copy.text)
                place, text = kept[copy.text]
                other, like = kept[copy.other]
                (negated if copy.negated else near).add(f"{place}: {shown(text)} ~ {other}: {shown(like)}")
        among = f" (of the first {MOST_TEXTS:,} distinct ones)" if self._left_out else ""
        return [
            *near.finding(
                "near-copies",
                "note",
                f"{counted(near.count, 'anchor')}{among} {_verb(near, 'has', 'have')} an earlier near duplicate; "
                "in a batch they are each other's negatives.",
                "Where they mean the same, keep one, or let a guide mask the other (--guide).",
            ),
            *negated.finding(
                "negated-copies",
                "note",
                f"{counted(negated.count, 'anchor')}{among} {_verb(negated, 'says', 'say')} the opposite of an "
                "earlier one in nearly the same words.",
                "Encoders hardly distinguish them; check that their positives differ.",
            ),
        ]


def _verb(found: Gathered, one: str, several: str) -> str:
    return one if found.count == 1 else several
