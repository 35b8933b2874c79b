"""The ranking of the test split before training, kept until the run is done, and read by resumed ones."""

import io
from hashlib import sha256

import numpy as np

from embedtune.durable import read_sealed, write_sealed
from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.workflows.shared.run_folder import RunFolder

_NAME = "before.ranking"
"""Among the checkpoints, with which it is removed."""


def keep_ranking(run: RunFolder, judged: JudgedSet, ranking: Ranking) -> None:
    """Write a ranking of a judged set into a run that has just begun.

    Raises:
        OutputError: it cannot be written.
    """
    content = io.BytesIO(_digest(judged))
    content.seek(0, io.SEEK_END)
    for array in (ranking.scores, ranking.positions):
        np.save(content, array, allow_pickle=False)
    write_sealed(run.checkpoints / _NAME, content.getvalue())


def kept_ranking(run: RunFolder, judged: JudgedSet) -> Ranking | None:
    """The ranking that was kept; None if there is none, if it is damaged, or if the judged set has changed since.

    Raises:
        OSError: the machine cannot read it now.
    """
    sealed, digest = read_sealed(run.checkpoints / _NAME), _digest(judged)
    if sealed is None or not sealed.startswith(digest):
        return None
    content = io.BytesIO(sealed[len(digest) :])
    scores, positions = (np.load(content, allow_pickle=False) for _ in range(2))
    return Ranking(scores, positions)


def _digest(judged: JudgedSet) -> bytes:
    """What tells the set from any other: its texts, their order and the document that each query may not find."""
    digest = sha256()
    for texts in (judged.query_ids, judged.queries, judged.document_ids, judged.documents):
        digest.update(len(texts).to_bytes(8, "little"))
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little") + data)
    digest.update(np.ascontiguousarray(judged.self_pairs).tobytes())
    return digest.digest()
