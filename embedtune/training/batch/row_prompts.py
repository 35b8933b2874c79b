"""Texts with the prompts of their rows: of a set, of a column, or the same on both sides of scored pairs.

A prompt is written before its text, and the encoder then adds none of its own. Ids, known positives and everything else
about a row stay those of the texts without prompts.
"""

from collections.abc import Mapping
from dataclasses import replace

from embedtune.data.rows import Rows
from embedtune.errors import ConfigError
from embedtune.models.encoder import Encoder, Role

NO_PROMPTS: Mapping[Role, str] = {"query": "", "document": ""}


def prompted(rows: Rows, prompts: Mapping[Role, str]) -> Rows | None:
    """The rows with a prompt before each text; None where every text gets the encoder's own for its role.

    Similarity is symmetric: both sentences of a scored pair get the query prompt.

    >>> own = Rows(["a", "b"], ["c", "d"], prompts=[("find: ", None), (None, None)])
    >>> found = prompted(own, {"query": "query: ", "document": "passage: "})
    >>> found.anchors, found.positives
    (['find: a', 'query: b'], ['passage: c', 'passage: d'])
    """
    sides = [_of_row(rows, row, prompts) for row in range(len(rows))]
    if all(own == (prompts["query"], prompts["document"]) for own in sides):
        return None
    return replace(
        rows,
        anchors=[own[0] + text for own, text in zip(sides, rows.anchors, strict=True)],
        positives=[own[1] + text for own, text in zip(sides, rows.positives, strict=True)],
        negatives=[[own[1] + text for text in some] for own, some in zip(sides, rows.negatives, strict=True)]
        if rows.negatives
        else (),
    )


def _of_row(rows: Rows, row: int, prompts: Mapping[Role, str]) -> tuple[str, str]:
    query, document = (None, None) if rows.prompts is None else rows.prompts[row]
    query = prompts["query"] if query is None else query
    graded = rows.grades is not None and rows.grades[row] == rows.grades[row]  # not NaN
    return query, document if document is not None else query if graded else prompts["document"]


def without_prompts(encoder: Encoder) -> Encoder:
    """The encoder as it reads texts that have their prompts already.

    Raises:
        ConfigError: it leaves its prompts out of the mean, so it must know where they end.
    """
    if any(getattr(part, "include_prompt", True) is False for part in encoder.model.modules()):
        raise ConfigError(
            f"{encoder.name} leaves prompts out of the mean of the tokens, so rows cannot have prompts of their own",
            where="prompts",
            next="leave out the column prompt and the prompts of data sets, or use another encoder",
        )
    return replace(encoder, prompts=dict(NO_PROMPTS))
