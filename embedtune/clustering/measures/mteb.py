"""V-measure and AMI as mteb measures them, for figures next to those of its leaderboard.

They are not comparable with those of `agreement` on the same vectors: mteb draws texts with replacement, so that most
stand among copies of themselves, and takes one start of mini-batch k-means. The draws are one stream of random numbers
from a fixed seed, so a figure can be repeated to the last digit.

Source: mteb 2.26, abstasks/clustering.py (AbsTaskClustering): 10 draws of 16,384 texts, batches of 512.
"""

import random
from collections.abc import Callable

import numpy as np

DRAWS = 10
DRAWN = 16_384
"""Texts of each draw, however many there are."""
BATCH = 512
SEED = 42
"""mteb's own."""


def mteb_measures(
    vectors: np.ndarray, truth: np.ndarray, *, progress: Callable[[int, int], None] | None = None
) -> dict[str, float]:
    """Means over the draws, named `mteb_v_measure` and `mteb_ami`.

    Args:
        vectors: of all texts (n, D); mteb does not change their lengths.
        truth: labels as numbers from 0 (n,).
        progress: is told how many of the draws are done.
    """
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import adjusted_mutual_info_score, v_measure_score

    drawing = random.Random(SEED)
    model = MiniBatchKMeans(
        n_clusters=len(np.unique(truth)), batch_size=BATCH, init="k-means++", n_init=1, random_state=SEED
    )
    found = []
    for done in range(DRAWS):
        rows = drawing.choices(range(len(truth)), k=DRAWN)
        clusters = model.fit_predict(vectors[rows])
        found.append((v_measure_score(truth[rows], clusters), adjusted_mutual_info_score(truth[rows], clusters)))
        if progress is not None:
            progress(done + 1, DRAWS)
    v_measure, ami = np.mean(found, axis=0).tolist()
    return {"mteb_v_measure": v_measure, "mteb_ami": ami}
