"""Does the tuned encoder group the labelled test texts better than its start? Measured beside the search for them."""

from dataclasses import dataclass, field

import numpy as np

from embedtune.clustering.measures.agreement import codes
from embedtune.data.rows import RetrievalSet
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.reports.results.train import LabelGroups
from embedtune.workflows.shared.clusters.labelled import LabelledClusters, compare_clusters, labelled_clusters
from embedtune.workflows.shared.talk import Talk

MOST = 1_000
"""Test texts that are clustered; more take longer than they tell."""
FEWEST = 50
"""Fewer have intervals too wide to see anything."""
PER_LABEL = 4
"""Texts per label on average; halves of fewer leave nothing to group."""


@dataclass
class LabelledTest:
    """The labelled texts of the test split; nothing is done where it has none, or too few.

    Args:
        test: the test split; None for none.
        seed: draws texts where there are many, and is the first of the clusterings.
        talk: gets the progress.
    """

    test: RetrievalSet | None
    seed: int
    talk: Talk
    _before: LabelledClusters | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Choose the texts."""
        self._texts, self._truth = self._chosen()

    def begin(self, encoder: Encoder, store: VectorStore | None) -> None:
        """Cluster the texts by the encoder before training."""
        if self._texts:
            self._before = self._clustered(encoder, store, "before")

    def end(self, encoder: Encoder) -> LabelGroups | None:
        """Both clusterings and their test; None where nothing was clustered."""
        before = self._before
        if before is None:
            return None
        after = self._clustered(encoder, None, "after")
        return LabelGroups(
            texts=len(self._texts),
            labels=int(self._truth.max()) + 1,
            before=before.means,
            after=after.means,
            intervals_before=before.intervals,
            intervals_after=after.intervals,
            verdict=compare_clusters(before, after, seed=self.seed),
        )

    def _chosen(self) -> tuple[list[str], np.ndarray]:
        """The texts and their labels as numbers from 0 (n,); none where they are too few to say anything."""
        labels = None if self.test is None else self.test.labels
        if self.test is None or labels is None:
            return [], np.zeros(0, dtype=np.int64)
        texts = {name: text for part in (self.test.queries, self.test.corpus) for name, text in part.items()}
        names = [name for name in sorted(texts) if name in labels]
        drawn = np.sort(np.random.default_rng(self.seed).permutation(len(names))[:MOST]).tolist()
        truth = codes([labels[names[place]] for place in drawn])
        count = int(truth.max(initial=-1)) + 1
        if count < 2 or len(drawn) < max(FEWEST, PER_LABEL * count):
            return [], truth
        return [texts[names[place]] for place in drawn], truth

    def _clustered(self, encoder: Encoder, store: VectorStore | None, when: str) -> LabelledClusters:
        vectors = encode(encoder, self._texts, role="document", store=store, normalise=True)  # (n, D)
        with self.talk.progress(f"clustering the test texts {when} training") as tell:
            return labelled_clusters(vectors, self._truth, seed=self.seed, progress=tell)
