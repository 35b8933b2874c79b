"""Training rows while they are being read."""

from collections.abc import Sequence

from embedtune.data.rows import Rows
from embedtune.data.sources.columns import Columns


class RowList:
    """Columns that grow row by row; a row with a faulty text is left out, for its fault is noted already."""

    def __init__(self, columns: Columns) -> None:
        self.with_labels = "label" in columns
        self.with_groups = columns.group is not None
        self.anchors: list[str] = []
        self.positives: list[str] = []
        self.negatives: list[Sequence[str]] = []
        self.labels: list[str] = []
        self.scores: list[Sequence[float]] = []
        self.groups: list[str] = []
        self.places: list[str] = []
        self.weights: list[float] = []
        self.teachers: list[str | None] = []
        self.prompts: list[tuple[str | None, str | None]] = []

    def append(
        self,
        place: str,
        anchor: str | None,
        positive: str | None,
        *,
        negatives: Sequence[str] = (),
        label: str | None = None,
        scores: Sequence[float] | None = None,
        group: str | None = None,
        weight: float = 1.0,
        teacher: str | None = None,
        prompts: tuple[str | None, str | None] | None = None,
    ) -> None:
        """Add one row unless one of its texts is unusable."""
        if anchor is None or positive is None:
            return
        self.anchors.append(anchor)
        self.positives.append(positive)
        self.negatives.append(tuple(negatives))
        self.labels.append(label or "")
        self.scores.append(scores or ())
        self.groups.append(group or "")
        self.places.append(place)
        self.weights.append(weight)
        self.teachers.append(teacher)
        self.prompts.append(prompts or (None, None))

    def build(self) -> Rows:
        """The rows read so far."""
        return Rows(
            anchors=self.anchors,
            positives=self.positives,
            negatives=self.negatives if any(self.negatives) else (),
            labels=self.labels if self.with_labels else None,
            teacher_scores=self.scores if any(self.scores) else None,
            groups=self.groups if self.with_groups else None,
            places=self.places,
            weights=self.weights if any(weight != 1.0 for weight in self.weights) else None,
            teachers=None if None in self.teachers else [one or "" for one in self.teachers],
            prompts=self.prompts if any(own != (None, None) for own in self.prompts) else None,
        )
