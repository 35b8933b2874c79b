"""What a run needs in addition to its batches: companions, a learning rate for heads, and which token vectors learn."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from embedtune.distributed import ranks
from embedtune.errors import ConfigError
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.models.files.vocabulary import token_vectors
from embedtune.models.speed.embeddings import frozen_embeddings, sparse_embeddings
from embedtune.training.companions import Companion
from embedtune.training.companions.averaged import AveragedTeacher
from embedtune.training.companions.clusters import Clusters
from embedtune.training.companions.collapse import CollapseWatch
from embedtune.training.companions.originals import Originals
from embedtune.training.companions.queue import Queue
from embedtune.training.companions.reference import Reference
from embedtune.training.companions.teacher import NamedTeacher
from embedtune.training.run.fit import Fit

HEADS = r"^objective\.losses\.\w+\.heads\."
HEAD_LR = 1e-3
"""The lowest default learning rate of heads: at the 2e-5 of a pretrained encoder they would hardly change."""


def companions_for(run: Fit, encoder: Encoder) -> list[Companion]:
    """What the objective needs besides the batch, and first the watch for collapse, which may stop the run."""
    losses = [term.loss for term in run.objective.terms]
    found: list[Companion] = [] if run.trial else [CollapseWatch(run.steps)]
    if any("averaged" in loss.companions for loss in losses):
        found.append(AveragedTeacher(encoder.model, run.objective, momentum=run.momentum, steps=run.steps))
    if run.reference is not None:
        found.append(Reference(run.reference))
    if run.teacher is not None:
        found.append(NamedTeacher(run.teacher))
    found += [_clusters(run, encoder, loss) for loss in losses if "clusters" in loss.companions]
    found += [_originals(run, encoder, loss) for loss in losses if "originals" in loss.companions]
    return [*found, Queue(run.queue, run.table, run.guide)] if run.queue else found


def _clusters(run: Fit, encoder: Encoder, loss: Any) -> Clusters:
    known = Tokenizer(encoder).tokenize(run.rows.anchors, "query")
    return Clusters(
        run.rows.anchors,
        lambda texts: encode(encoder, texts, role="query", known=known),
        number=loss.clusters,
        seed=run.section.seed,
        steps_per_epoch=run.steps_per_epoch,
    )


def _originals(run: Fit, encoder: Encoder, loss: Any) -> Originals:
    """The texts to reconstruct; the loss gets the vocabulary before the optimizer collects its parameters."""
    originals = Originals(encoder, run.rows, length=loss.length, seed=run.section.seed)
    loss.prepare_tokens(token_vectors(encoder).shape[1], originals.counts())
    return originals


def head_rates(run: Fit) -> dict[str, float]:
    """The learning rate of heads, by a pattern of their names: unlike the encoder, they start at random."""
    if not any(term.loss.has_heads for term in run.objective.terms):
        return {}
    return {HEADS: run.section.head_lr or max(run.lr, HEAD_LR)}


def learning_embeddings(encoder: Encoder, run: Fit) -> AbstractContextManager[object]:
    """Frozen or sparse token vectors for the duration of a run, as its section asks.

    Raises:
        ConfigError: this encoder, device or objective does not allow it.
    """
    if run.section.embeddings == "sparse":
        check_sparse(run)
        return sparse_embeddings(encoder)
    return frozen_embeddings(encoder.model) if run.section.embeddings == "frozen" else nullcontext()


def check_sparse(run: Fit) -> None:
    """Refuse what cannot handle a sparse gradient.

    Raises:
        ConfigError: several processes, fp16, a device other than CPU or CUDA, or a loss that reads the full table.
    """
    reasons = {
        "it works with one process, and there are several": ranks() > 1,
        "fp16 scales gradients, which works with dense ones only": run.precision == "fp16",
        f"it works on cpu and cuda, and this run is on {run.device}": run.device.split(":")[0] not in ("cpu", "cuda"),
    } | {
        f"{term.name} with {term.loss.trains_every_token} has a gradient for every token at each step": True
        for term in run.objective.terms
        if term.loss.trains_every_token
    }
    for reason, holds in reasons.items():
        if holds:
            raise ConfigError(
                f"training.embeddings=sparse is not possible: {reason}",
                where="training.embeddings",
                next="leave training.embeddings out, or change that",
            )
