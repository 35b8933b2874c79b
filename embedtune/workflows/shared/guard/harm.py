"""Whether contrast on these pairs is likely to lower an encoder that is strong already, by figures of the data.

Contrast teaches an encoder to put each pair's texts closer than the texts of other pairs. Where it does that before the
first step, what is left to learn are the quirks of few pairs, and answers to other questions pay for it; so say
arXiv:2502.19712 and arXiv:2505.19274. Measured with all-MiniLM-L6-v2 and InfoNCE (nDCG@10, unseen queries, one seed):
- scifact, 452 pairs, the positive first for 77 % of 200: 0.768 to 0.745 (p = 0.29, 104 queries: a hint and no proof);
- banking77-pairs, 315 pairs, the positive first for 24 % of 200 (of a larger draw): 0.452 to 0.479 (p = 0.004).
The share below lies between them.
"""

from collections.abc import Sequence

import numpy as np

from embedtune.findings import Finding, counted
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder

FEW_PAIRS = 2000
"""More pairs than this teach more than their quirks."""
KNOWN_SHARE = 0.7
"""Share of pairs whose positive comes first, from which an encoder is near the top before it learns."""
FEWEST = 10
"""Fewer pairs to look at say nothing."""
SAMPLE = 200
"""Pairs that are looked at, each among the positives of all the others."""


def first_share(
    encoder: Encoder, anchors: Sequence[str], positives: Sequence[str], *, seed: int, store: VectorStore | None = None
) -> tuple[float, int]:
    """How often the encoder ranks a pair's own positive first among the sampled positives, and of how many pairs.

    Each text is used once, so that a positive shared by two pairs is no false negative.
    """
    kept = list({a: (a, p) for p, a in {p: a for a, p in zip(anchors, positives, strict=True)}.items()}.values())
    draw = np.random.default_rng(seed)
    chosen = sorted(draw.choice(len(kept), min(SAMPLE, len(kept)), replace=False).tolist())
    asked, answers = zip(*(kept[number] for number in chosen), strict=True)
    queries = encode(encoder, asked, role="query", store=store, normalise=True)  # (n, D)
    documents = encode(encoder, answers, role="document", store=store, normalise=True)  # (n, D)
    first = (queries @ documents.T).argmax(axis=1) == np.arange(len(chosen))  # (n,)
    return float(first.mean()), len(chosen)


def harm_finding(
    encoder: Encoder,
    anchors: Sequence[str],
    positives: Sequence[str],
    pairs: int,
    *,
    seed: int,
    store: VectorStore | None = None,
) -> Finding | None:
    """A warning where an encoder that knows these pairs is to learn from few of them by contrast alone.

    Args:
        encoder: before it learns.
        anchors: of the training pairs, or of some of them.
        positives: likewise.
        pairs: how many training pairs there are.
        seed: of the sample.
        store: keeps the vectors.
    """
    if not encoder.pretrained or not encoder.has_products or pairs >= FEW_PAIRS or len(anchors) < 2:
        return None
    share, sampled = first_share(encoder, anchors, positives, seed=seed, store=store)
    if share < KNOWN_SHARE or sampled < FEWEST:
        return None
    message = (
        f"{counted(pairs, 'pair')} are few, and {encoder.name} already ranks the right answer first for {share:.0%} "
        f"of {sampled} of them, among as many answers: contrast alone has little to teach it and may lower its scores "
        "on documents that it has not seen."
    )
    fix = (
        "Give it a teacher: `embedtune train --task reranker` makes one, and `embedtune mine --cross-encoder "
        "RUN/model` writes its scores. Or keep part of the start: --merge auto. The verdict will tell."
    )
    return Finding("contrast-may-hurt", "warning", pairs, message, fix)
