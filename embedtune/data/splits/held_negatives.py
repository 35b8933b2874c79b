"""Given negatives that answer held-out queries: mined before the data was split, they would be learnt as wrong answers.

`embedtune mine` on a file without splits finds negatives among the positives of all its rows. Whoever trains on the
result holds out some of these rows again, and the answers to their queries must not be negatives in training, whether
as they are or behind a title.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from embedtune.data.checks import Gathered
from embedtune.data.rows import Rows
from embedtune.data.texts.copies.alike import copies_among
from embedtune.findings import Finding, counted


def without_answers(train: Rows, held: Iterable[Rows]) -> tuple[Rows, list[Finding]]:
    """Training rows without the negatives that are a positive of these held-out rows, or a copy of one."""
    answers = list(dict.fromkeys(text for rows in held for text in rows.positives))
    given = list(dict.fromkeys(text for own in train.negatives for text in own))
    is_answer = copies_among(given, answers).tolist() if given else list[bool]()
    wrong = {text for text, answer in zip(given, is_answer, strict=True) if answer}
    if not wrong:
        return train, []
    found = Gathered()
    kept = [[number for number, text in enumerate(own) if text not in wrong] for own in train.negatives]
    for row, (own, places) in enumerate(zip(train.negatives, kept, strict=True)):
        if len(places) < len(own):
            place = train.places[row] if train.places else f"row {row + 1}"
            found.add(place, next(text for text in own if text in wrong))
    removed = sum(map(len, train.negatives)) - sum(map(len, kept))
    message = (
        f"{counted(removed, 'negative')} in {counted(found.count, 'row')} left out of training: they answer held-out "
        "dev or test queries."
    )
    rows = replace(
        train,
        negatives=[[own[number] for number in places] for own, places in zip(train.negatives, kept, strict=True)],
        teacher_scores=_scores(train.teacher_scores, kept),
    )
    return rows, [Finding("held-out-negatives", "note", removed, message, "", tuple(found.examples))]


def _scores(scores: Sequence[Sequence[float]] | None, kept: Sequence[Sequence[int]]) -> list[list[float]] | None:
    """Scores of the positive, and of the negatives that are kept."""
    if scores is None:
        return None
    return [
        [*own[:1], *(own[1 + number] for number in places if 1 + number < len(own))]
        for own, places in zip(scores, kept, strict=True)
    ]
