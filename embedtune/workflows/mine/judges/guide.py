"""What a guide thinks of the candidates: a second encoder, by vectors on disk."""

from dataclasses import dataclass

import numpy as np

from embedtune.config.verbs.mine import MineConfig
from embedtune.mining.candidate_block import PADDING, Opinion
from embedtune.models.encode.store import VectorStore
from embedtune.models.files.load import load_encoder
from embedtune.models.similarity import similarity_findings
from embedtune.search.pairwise import pair_scores
from embedtune.workflows.mine.candidate_search import CandidateSearch, distinct_documents
from embedtune.workflows.mine.job_vectors import VectorWriter, identity_of, in_blocks
from embedtune.workflows.mine.judges.judge import least
from embedtune.workflows.shared.jobs.job import Job, key_of
from embedtune.workflows.shared.talk import Talk


@dataclass(frozen=True)
class GuideJudge:
    """A guide's similarities, from vectors of the texts that are a candidate or a positive of some query.

    Args:
        search: whose candidates it judges.
        queries: (Q, G).
        documents: (some, G), of the documents at `positions`.
        positions: (some,) int64, ascending.
        key: a hash of the guide and how it encodes.
    """

    search: CandidateSearch
    queries: np.ndarray
    documents: np.ndarray
    positions: np.ndarray
    key: str

    def opinion(self, block: int, documents: np.ndarray) -> Opinion:
        """Its scores of the documents (Q, K) of a block."""
        queries = self.search.blocks[block]
        first, pairs = int(queries[0]), self.search.positives_of(block)
        places = np.where(documents == PADDING, PADDING, np.searchsorted(self.positions, documents))  # (Q, K)
        scores = pair_scores(self.queries[queries], self.documents, places)  # (Q, K)
        near = np.searchsorted(self.positions, pairs[:, 1])[:, None]  # (P, 1)
        own = pair_scores(self.queries[pairs[:, 0]], self.documents, near)[:, 0]  # (P,)
        return Opinion(scores, least(own, pairs[:, 0] - first, len(queries)), own)


def ask_guide(
    config: MineConfig, search: CandidateSearch, job: Job, store: VectorStore | None, talk: Talk
) -> GuideJudge | None:
    """Encode with the guide only what it has to judge; None without --guide."""
    section = config.guide
    if section.name is None:
        return None
    with talk.progress("loading the guide"):
        guide = load_encoder(section, device=config.mining.device, precision=config.mining.precision)
    for note in guide.notes:
        talk.say(f"guide: {note}")
    for finding in similarity_findings(guide, "cosine", "it judges"):
        talk.say(f"guide: {finding.message}")
    positions = np.union1d(distinct_documents(search), search.documents.positives[:, 1])  # (some,)
    key = key_of(identity_of(guide))
    folder = job.stage("guide", guide=key, candidates=search.folder.name)
    corpus, queries = search.documents.corpus, search.documents.pairs.queries
    write = VectorWriter(guide, folder, store, talk)
    return GuideJudge(
        search,
        queries=write("query", in_blocks(queries), len(queries)),
        documents=write("document", (corpus.texts(part) for part in in_blocks(positions)), len(positions)),
        positions=positions,
        key=key,
    )
