"""The outputs of layers that do not learn (`training.freeze_layers`), once for the texts of a run and of dev."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from embedtune.data.rows import RetrievalSet
from embedtune.distributed import rank
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.models.encode.begun import Begun, begin
from embedtune.models.encode.tokenizer import TokenizedTexts
from embedtune.models.encoder import Encoder, Role
from embedtune.training.batch.row_texts import BatchTexts, KnownTexts, ViewedTexts
from embedtune.workflows.shared.scoring import Known, read_judged
from embedtune.workflows.shared.talk import Talk


def begun_texts(
    texts: BatchTexts, encoder: Encoder, layers: int, precision: str, folder: Path, talk: Talk
) -> BatchTexts:
    """The training texts, from above the layers that do not learn where their outputs can be kept."""
    if not layers:
        return texts
    if isinstance(texts, ViewedTexts):
        talk.say(f"the first {layers} layers do not learn; each step computes them, since its texts are made for it")
        return texts
    known = begun_parts(texts.known, encoder, layers, precision, folder, "training", talk)
    if isinstance(texts, KnownTexts):
        texts = replace(texts, documents=known["document"])
    return replace(texts, queries=known["query"])


def begun_dev(encoder: Encoder, dev: RetrievalSet, layers: int, folder: Path, talk: Talk) -> tuple[JudgedSet, Known]:
    """The dev split, and its texts tokenized, from above the layers that do not learn where that is possible."""
    with talk.progress("tokenizing the dev texts"):
        judged = as_arrays(dev)
        known = read_judged(encoder, judged)
    return judged, begun_parts(known, encoder, layers, encoder.products, folder, "dev", talk)


def begun_parts(
    parts: Mapping[Role, TokenizedTexts],
    encoder: Encoder,
    layers: int,
    precision: str,
    folder: Path,
    what: str,
    talk: Talk,
) -> dict[Role, TokenizedTexts]:
    """Texts by role, from above these layers, or as they are where that is not possible; says which.

    Args:
        parts: tokenized texts.
        encoder: whose first layers do not learn.
        layers: how many; 0 for none.
        precision: of the products.
        folder: for the outputs.
        what: the texts are, for the user.
        talk: is told.
    """
    if not layers:
        return dict(parts)
    found: dict[Role, TokenizedTexts] = {}
    for role, texts in parts.items():
        with talk.progress(f"the first {layers} layers, {what}, {role} texts", total=len(texts.lengths)) as tell:
            done = begin(encoder, layers, texts, folder / f"{what}-{role}-{rank()}.layers", precision, tell)
        found[role] = texts if done is None else done
    if all(isinstance(one, Begun) for one in found.values()):
        size = sum(one.outputs.nbytes for one in found.values() if isinstance(one, Begun))
        talk.say(
            f"the first {layers} layers do not learn: what they make of the {what} texts is kept ({size / 1e6:,.0f} MB)"
        )
    else:
        why = "these texts have padding, or the disk has too little room for their outputs"
        talk.say(f"the first {layers} layers do not learn; they are computed for the {what} texts each time: {why}")
    return found
