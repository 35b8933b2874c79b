"""What an encoder is scored on in one go: judged queries with their corpus, or inputs with descriptions to choose from.

The exam, the matrix and forgetting see values per query and the name of a metric, and not which of the two it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from embedtune.data.rows import RetrievalSet
from embedtune.data.sets.choices import Choices
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.question import Questions, questions_of, questions_of_items
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.models.encoder import Encoder
from embedtune.workflows.shared.scoring import PRIMARY, measure
from embedtune.workflows.train.sets.chosen import candidates_of, right


@dataclass(frozen=True)
class ExamPart:
    """q queries of an exam that are scored together.

    Args:
        name: tells them from those of other sets.
        items: what they are called, in the plural.
        metric: what the matrix and the verdict are about.
        query_ids: (q,) distinct.
        queries: (q,) texts, or names of signals.
        groups: which of them count as one; None: each counts by itself.
        documents: how many documents or descriptions there are to find.
        values: the scores of an encoder, metric -> (q,).
        questions: what each query asks, for later comparisons.
    """

    name: str
    items: str
    metric: str
    query_ids: Sequence[str]
    queries: Sequence[str]
    groups: QueryGroups | None
    documents: int
    values: Callable[[Encoder], Mapping[str, np.ndarray]]
    questions: Callable[[], Questions]


def ranked(judged: RetrievalSet) -> ExamPart:
    """Judged queries, by nDCG@10 of their rankings."""
    arrays = as_arrays(judged)
    return ExamPart(
        name=arrays.name,
        items="queries",
        metric=PRIMARY,
        query_ids=arrays.query_ids,
        queries=arrays.queries,
        groups=arrays.groups,
        documents=len(arrays.documents),
        values=partial(_of_rankings, arrays),
        questions=partial(questions_of, arrays),
    )


def chosen(name: str, choices: Choices) -> ExamPart:
    """Inputs with a class each, such as signals, by whether the nearest description is one of their class."""
    items = candidates_of(choices)
    return ExamPart(
        name=name,
        items=items.items,
        metric="accuracy",
        query_ids=[str(place) for place in range(len(items.queries))],
        queries=items.queries,
        groups=items.groups,
        documents=len(items.documents),
        values=lambda encoder: right(encoder, items),
        questions=partial(questions_of_items, items.texts, items.expected, items.documents),
    )


def _of_rankings(judged: JudgedSet, encoder: Encoder) -> Mapping[str, np.ndarray]:
    """The vectors of a stage are of no use later, so none are stored."""
    return measure(encoder, judged).scores.per_query
