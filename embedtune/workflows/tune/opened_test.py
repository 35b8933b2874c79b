"""The test split of a race: opened once, when everything is decided, for the start, the default and the winner."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from embedtune.config.systems import BM25
from embedtune.data.rows import RetrievalSet
from embedtune.durable import read_sealed, write_sealed
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.models.encoder import Encoder
from embedtune.signals import is_signal
from embedtune.workflows.shared.scoring import measure, measure_words, read_judged
from embedtune.workflows.shared.talk import Talk

TestScores = dict[str, RetrievalScores]
"""System -> its scores on the test split."""
FILE = "test.json"


def open_test(
    test: RetrievalSet | None, encoder: Encoder, ways: Mapping[str, Callable[[], None]], folder: Path, talk: Talk
) -> TestScores | None:
    """Score each system on the test split, and BM25 if it has texts; of a resumed race, read what was scored before.

    Args:
        test: the split; None where there is none.
        encoder: gets the weights of each system in turn.
        ways: system -> gives the encoder its weights.
        folder: where the scores are kept.
        talk: is told that the split is opened.
    """
    if test is None:
        return None
    kept = read_sealed(folder / FILE)
    if kept is not None:
        return {name: _scores(plain) for name, plain in json.loads(kept).items()}
    judged, found = as_arrays(test), {}
    read = read_judged(encoder, judged)
    with talk.progress("opening the test split", total=len(ways)) as tell:
        for number, (name, prepare) in enumerate(ways.items()):
            tell(number)
            prepare()
            found[name] = measure(encoder, judged, known=read).scores
    if not any(map(is_signal, judged.queries)):
        found[BM25] = measure_words(judged).scores
    plain = {
        name: {
            "query_ids": list(one.query_ids),
            "per_query": {metric: own.tolist() for metric, own in one.per_query.items()},
            "documents": one.documents,
        }
        for name, one in found.items()
    }
    write_sealed(folder / FILE, json.dumps(plain).encode("utf-8", "surrogatepass"))
    return found


def _scores(plain: Mapping[str, object]) -> RetrievalScores:
    values = dict(plain)
    per_query = {metric: np.array(own) for metric, own in values["per_query"].items()}  # type: ignore[attr-defined]
    return RetrievalScores(tuple(values["query_ids"]), per_query, int(values["documents"]))  # type: ignore[arg-type, call-overload]
