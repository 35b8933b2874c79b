"""What a run needs in addition to its batches: companions, a learning rate for heads, and which token vectors learn."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Literal

from embedtune.config.section import Auto
from embedtune.config.sections.training import TrainingSection
from embedtune.distributed import ranks
from embedtune.errors import ConfigError
from embedtune.losses.shared.base import Loss
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.models.files.vocabulary import token_vectors
from embedtune.models.speed.embeddings import frozen_embeddings, plain_table, sparse_embeddings
from embedtune.models.speed.frozen_layers import frozen_layers
from embedtune.training.companions import Companion
from embedtune.training.companions.averaged import AveragedTeacher
from embedtune.training.companions.clusters import Clusters
from embedtune.training.companions.collapse import CollapseWatch
from embedtune.training.companions.originals import Originals
from embedtune.training.companions.queue import Queue
from embedtune.training.companions.reference import Reference
from embedtune.training.companions.stored import StoredDocuments
from embedtune.training.companions.teacher import NamedTeacher
from embedtune.training.run.fit import Fit
from embedtune.training.step.sparse_adamw import RowAdamW
from embedtune.training.step.used_rows_adamw import UsedRowsAdamW

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
    if run.queue and run.frozen is not None:
        found.append(StoredDocuments(run.queue, run.table, run.frozen, run.guide, run.section.seed))
    elif run.queue:
        found.append(Queue(run.queue, run.table, run.guide))
    return found


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


MANY_WEIGHTS = 2**23
"""Token vectors of so many numbers and more are computed where they are in use only. With 250,037 of 384, a step of 12
layers took 38% less CPU time on 1,058 tokens and 17% less on 3,334; with 30,522 of 384 and 6 layers, 20% less on 533
and 5% less on 3,157. A starter has 2 million numbers and uses most of them: see `sparse_adamw`."""
Embeddings = Literal["train", "used", "frozen", "sparse"]


def choose_embeddings(section: TrainingSection, encoder: Encoder, losses: Mapping[str, Loss]) -> tuple[Embeddings, str]:
    """How token vectors learn, and why, in a sentence for the user; empty where there is nothing to say.

    Never frozen or sparse unless the section asks for it: those change what is learned.
    """
    if section.freeze_layers:
        return "frozen", ""
    if section.embeddings != "auto":
        return section.embeddings, ""
    table = plain_table(encoder)
    # A GPU updates the largest table in a few milliseconds, and would have to wait for the numbers of the rows in use.
    if table is None or table.numel() < MANY_WEIGHTS or table.device.type != "cpu":
        return "train", ""
    for reason, holds in _against_rows(losses, section.precision, "cpu", section.weight_decay).items():
        if holds:
            return "train", f"all {len(table):,} token vectors are updated at each step: {reason}"
    return "used", f"of {len(table):,} token vectors, a step updates those in use so far; no others would change"


def learning_embeddings(encoder: Encoder, run: Fit) -> AbstractContextManager[object]:
    """Frozen or sparse token vectors, or frozen lower layers, for the duration of a run, as its section asks.

    Raises:
        ConfigError: this encoder, device or objective does not allow it.
    """
    way = run.section.embeddings
    if run.section.freeze_layers:
        return frozen_layers(encoder.model, run.section.freeze_layers)
    if row_optimizer(way) is not None:
        check_sparse(run)
        return sparse_embeddings(encoder)
    return frozen_embeddings(encoder.model) if way == "frozen" else nullcontext()


def with_embeddings(run: Fit, encoder: Encoder) -> Fit:
    """The run with the choice of how token vectors learn, where its section was not settled before."""
    way, _ = choose_embeddings(run.section, encoder, _losses(run))
    return replace(run, section=run.section.model_copy(update={"embeddings": way}))


def row_optimizer(way: Embeddings | Auto) -> type[RowAdamW] | None:
    """The optimizer for token vectors with a sparse gradient; None where no gradient is sparse."""
    return {"used": UsedRowsAdamW, "sparse": RowAdamW}.get(way)


def check_sparse(run: Fit) -> None:
    """Refuse what cannot handle a sparse gradient.

    Raises:
        ConfigError: several processes, fp16, a device other than CPU or CUDA, a loss that reads the full table, or
            weight decay with `used`.
    """
    way = run.section.embeddings
    decay = run.section.weight_decay if way == "used" else 0.0
    for reason, holds in _against_rows(_losses(run), run.precision, run.device, decay).items():
        if holds:
            raise ConfigError(
                f"training.embeddings={way} is not possible: {reason}",
                where="training.embeddings",
                next="leave training.embeddings out, or change that",
            )


def _against_rows(losses: Mapping[str, Loss], precision: str, device: str, decay: float) -> dict[str, bool]:
    """What rules out updating only the token vectors in use, and whether it is so."""
    return {
        "it works with one process, and there are several": ranks() > 1,
        "fp16 scales gradients, which works with dense ones only": precision == "fp16",
        f"it works on cpu and cuda, and this run is on {device}": device.split(":")[0] not in ("cpu", "cuda"),
        "weight decay changes every one of them": decay > 0,
    } | {
        f"{name} with {loss.trains_every_token} has a gradient for every token at each step": True
        for name, loss in losses.items()
        if loss.trains_every_token
    }


def _losses(run: Fit) -> dict[str, Loss]:
    """The losses of a run by name."""
    return {term.name: term.loss for term in run.objective.terms}
