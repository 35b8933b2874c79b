"""Which guide a run gets, how its vectors are made, and how good its audit says it is."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.rows import RetrievalSet
from embedtune.distributed import is_first
from embedtune.durable import read_sealed, write_sealed
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.load import load_encoder
from embedtune.models.similarity import similarity_findings
from embedtune.progress import Progress
from embedtune.reports.document.short_names import short_name
from embedtune.reports.results.train import GuideFacts
from embedtune.training.batch.row_texts import KnownTexts
from embedtune.training.guide.advice import GuideAdvice, propose
from embedtune.training.guide.audit import GuideAudit, HeldOut, MarginEffect, audit_guide, held_out_pairs
from embedtune.training.guide.self_guide import SelfGuide
from embedtune.training.guide.vectors import GuideTable, on_disk
from embedtune.training.run.fit import PreparedFit
from embedtune.workflows.shared.engine.spreading import Spreading
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.guide.guide_files import covered, gives_scores, margin_of
from embedtune.workflows.train.preparing.frozen_vectors import fill
from embedtune.workflows.train.recipe_checks import guided_term
from embedtune.workflows.train.sessions.time_spent import TimeSpent

AUDIT = "guide_audit.json"


@dataclass
class Guiding:
    """The guide of a run.

    Args:
        name: self, none, or the name of the model.
        table: its vectors by row, computed now or during training; None without a guide.
        callbacks: refresh it during training.
        audits: its audits, the oldest first.
        chosen: margins tried on dev and the reason for the one used, where the run chose it.
    """

    name: str
    table: GuideTable | None = None
    callbacks: tuple[TrainerCallback, ...] = ()
    audits: list[GuideAudit] = field(default_factory=list)
    chosen: dict[str, Any] | None = None

    @property
    def proposal(self) -> GuideAdvice | None:
        """What the last audit suggests; nothing where dev has chosen the margin, which is better evidence."""
        if not self.audits or not self.audits[-1].effects or self.chosen is not None:
            return None
        return propose(self.audits[-1], own=self.name == "self")

    def facts(self) -> GuideFacts | None:
        """What the report says about the guide; None where no loss wanted one."""
        if self.table is None and self.chosen is None:
            return None
        note = [self.chosen["reason"]] if self.chosen else []
        if not self.audits:
            note += ["not audited: there were no held-out pairs"] if self.table is not None else []
            return GuideFacts(self.name, self.chosen, note="; ".join(note))
        last = self.audits[-1]
        return GuideFacts(
            name=self.name,
            chosen=self.chosen,
            margin=last.margin,
            positive_first_share=last.positive_first_share,
            masked_share=last.masked_share,
            step=last.step,
            separation=last.separation,
            known_positives=last.known,
            margins=last.effects,
            proposal=self.proposal,
            note="; ".join([*note, last.sentence]),
        )


def choose_guide(
    config: TrainConfig,
    plan: PreparedFit,
    dev: RetrievalSet | None,
    encoder: Encoder,
    *,
    talk: Talk,
    store: VectorStore | None,
    vectors: GuideVectors | None = None,
    chosen: dict[str, Any] | None = None,
    spent: TimeSpent | None = None,
) -> Guiding:
    """The guide of this run: a frozen one with its vectors computed, or `self`, which is filled during training."""
    term = guided_term(config)
    if config.guide.name == "none" or term is None or gives_scores(config):
        return Guiding("none", chosen=chosen)
    frozen = config.guide.name != "self"
    table = GuideTable(plan.table.texts, frozen=frozen)
    guiding = Guiding(config.guide.name, table, chosen=chosen)
    pairs = None if dev is None else held_out_pairs(dev, config.training.seed)
    if not frozen:
        guiding.callbacks = (
            _self_guide(config, plan, guiding, table, pairs, encoder, talk, store, spent or TimeSpent()),
        )
        return guiding
    name, dimensions, encoded = _frozen(config, store, vectors, talk)

    def into_folder(texts: Sequence[str], **how: Any) -> np.ndarray:
        return encoded(texts, into=on_disk(plan.folder, len(texts), dimensions), **how)  # (U, G)

    fill(table, into_folder, f"guide vectors from {short_name(name)}", talk)
    if pairs is not None and vectors is not None:
        pairs = covered(vectors, pairs)
    audit = _audit(config, encoded, pairs, batch_size=plan.course.batch_size)
    if audit is not None:
        guiding.audits.append(audit)
        _tell(guiding, talk)
    return guiding


def _frozen(
    config: TrainConfig, store: VectorStore | None, vectors: GuideVectors | None, talk: Talk
) -> tuple[str, int, Callable[..., np.ndarray]]:
    """Name, dimensions and `encode` of a guide that does not learn: of a model, or as a look-up in a file."""
    if vectors is None:
        model = load_encoder(config.guide, device=config.training.device, precision=config.training.precision)
        said = (finding.message for finding in similarity_findings(model, "cosine", "it judges"))
        for sentence in (*model.notes, *said):
            talk.say(f"guide: {sentence}")
        spreading = Spreading(config.guide.engine, config.guide, config.training.device)

        def encoded(texts: Sequence[str], *, role: Role, **how: Any) -> np.ndarray:
            return encode(model, texts, role=role, store=store, spread=spreading.of(model, role), **how)

        return model.name, model.dimensions, encoded

    def looked_up(
        texts: Sequence[str], *, role: Role, into: np.ndarray | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        return vectors.encode(texts, role, into)

    return Path(config.guide.name).name, vectors.dimensions, looked_up


def _self_guide(
    config: TrainConfig,
    plan: PreparedFit,
    guiding: Guiding,
    table: GuideTable,
    pairs: HeldOut | None,
    encoder: Encoder,
    talk: Talk,
    store: VectorStore | None,
    spent: TimeSpent,
) -> SelfGuide:
    kept = plan.checkpoints / AUDIT
    before = read_sealed(kept)
    guide = replace(encoder, products=plan.precision)
    warmup = float(config.guide.warmup_share)
    # Before its first step the encoder is the one that was loaded, whose vectors can be kept for the next run.
    kept_vectors = store if warmup == 0 and config.guide.refresh == "once" else None
    if pairs is not None and before is not None:  # of a resumed run, which may be past its last snapshot
        guiding.audits.append(_as_audit(before))

    def refreshed(step: int) -> None:
        audit = _audit(
            config, partial(encode, guide, store=kept_vectors), pairs, batch_size=plan.course.batch_size, step=step
        )
        if audit is not None:
            if is_first():
                write_sealed(kept, json.dumps(asdict(audit)).encode())
            guiding.audits.append(audit)
            if len(guiding.audits) == 1:  # one per epoch would drown everything else; the report has the last one
                _tell(guiding, talk)

    # The table has the texts that the run has tokenized, unless views change those.
    known = plan.texts.known if isinstance(plan.texts, KnownTexts) else {}
    return SelfGuide(
        table,
        spent.timed(
            "guide", lambda texts, role: encode(guide, texts, role=role, known=known.get(role), store=kept_vectors)
        ),
        warmup_share=warmup,
        steps=plan.steps,
        steps_per_epoch=plan.steps_per_epoch,
        again=config.guide.refresh == "every_epoch",
        on_refresh=spent.timed("guide", refreshed),
    )


def _as_audit(content: bytes) -> GuideAudit:
    kept = json.loads(content)
    return GuideAudit(**kept | {"effects": tuple(MarginEffect(**effect) for effect in kept["effects"])})


def _audit(
    config: TrainConfig, vectors: Callable[..., np.ndarray], pairs: HeldOut | None, *, batch_size: int, step: int = 0
) -> GuideAudit | None:
    if pairs is None or not pairs.anchors:
        return None
    return audit_guide(
        pairs,
        vectors(pairs.anchors, role="query"),
        vectors(pairs.positives, role="document"),
        batch_size=batch_size,
        margin=margin_of(config),
        step=step,
    )


def _tell(guiding: Guiding, talk: Talk) -> None:
    """Print the audit and what it suggests, in two lines."""
    audit, proposal = guiding.audits[-1], guiding.proposal
    at = f" at step {audit.step}" if audit.step else ""
    talk.say(f"guide {guiding.name}{at}: {audit.sentence}")
    if proposal is not None:
        (talk.warn if proposal.warns else talk.say)(f"proposal: {proposal.words}")
