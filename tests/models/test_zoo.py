"""Encoders of every shape that people have are encoded, trained one step, saved and read back.

At each point they are compared with plain sentence-transformers, which makes its own features from the same texts.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers.sentence_transformer.modules import WordWeights
from zoo import SHAPES, TEXTS, make

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.objective import LossSection
from embedtune.data.rows import Rows
from embedtune.errors import ModelError
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.training.batch.micro_batches import MicroBatchCollator
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import RowTexts, read_texts
from embedtune.training.run.loop import Loop
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.held import Held
from embedtune.training.step.objective import build_objective

TOLERANCE = 1e-5
TEMPERATURE = 0.05
ROWS = Rows(anchors=list(TEXTS[0:6:2]), positives=list(TEXTS[1:6:2]), negatives=[[TEXTS[3]], [TEXTS[8]], [TEXTS[1]]])
ROLES: tuple[Role, ...] = ("query", "document")


def plain(folder: Path):
    """The model as sentence-transformers itself loads it, in float32, as training needs it."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True).float()


def task(model, role: Role) -> str:
    """The task that a role has in this model; the zoo has one whose documents are named otherwise."""
    routes = {name for part in model.modules() if hasattr(part, "sub_modules") for name in part.sub_modules}
    return "doc" if role == "document" and "doc" in routes else role


def encoded(model, texts: Sequence[str], role: Role, prompt: str) -> np.ndarray:
    """The vectors of texts, (n, D) float32, one call per text, so that nothing is padded."""
    made = [model.encode([text], prompt=prompt, task=task(model, role), show_progress_bar=False)[0] for text in texts]
    return np.stack(made)


def stepped(model, encoder_prompts: dict[Role, str]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Loss and gradients of InfoNCE, written out, on what the model itself makes of the rows."""
    model.eval()  # no shape has dropout
    for part in model.modules():
        if isinstance(part, WordWeights):
            part.requires_grad_(False)  # it saves its settings, and so cannot learn
    columns = [("query", ROWS.anchors), ("document", ROWS.positives), ("document", [own[0] for own in ROWS.negatives])]
    vectors = []
    for role, texts in columns:
        made = torch.cat([one_vector(model, text, role, encoder_prompts[role]) for text in texts])  # (B, D)
        vectors.append(made / made.norm(dim=1, keepdim=True))
    anchors, positives, negatives = vectors
    candidates = torch.cat([positives, negatives])  # (2B, D)
    logits = anchors @ candidates.T / TEMPERATURE  # (B, 2B)
    texts = [*ROWS.positives, *(own[0] for own in ROWS.negatives)]
    own = torch.tensor([[text == positive for text in texts] for positive in ROWS.positives])
    # A text that is a row's positive is not its negative a second time.
    logits = logits.masked_fill(own & ~torch.eye(len(anchors), len(texts), dtype=torch.bool), -torch.inf)
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(len(anchors)))
    loss.backward()
    return loss.detach(), gradients(model)


def one_vector(model, text: str, role: Role, prompt: str) -> torch.Tensor:
    """The vector of one text, (1, D), which nothing pads."""
    features = model.preprocess([text], prompt=prompt or None, task=task(model, role))
    return model(features, task=task(model, role))["sentence_embedding"][:, : model.truncate_dim]


def gradients(model) -> dict[str, torch.Tensor]:
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


def our_step(encoder: Encoder) -> torch.Tensor:
    """The loss of one step, made as training makes it; the gradients are left in the encoder."""
    encoder.model.eval()
    reader = Tokenizer(encoder)
    texts = read_texts(reader, RowTexts(ROWS, 1))
    batch = MicroBatchCollator(texts, Held())([{"label": row} for row in range(len(ROWS))])
    features, labels = Loop.collect_features(None, batch)  # the trainer's own, which looks at nothing else
    known = np.stack([ROWS.anchor_ids, ROWS.positive_ids], axis=1)
    objective = build_objective([LossSection(name="infonce", args={"temperature": TEMPERATURE})])
    loss = sum(ObjectiveAdapter(encoder.model, objective, build_table(ROWS, known), None)(features, labels).values())
    loss.backward()
    return loss.detach()


def descend(model) -> None:
    with torch.no_grad():
        for weight in model.parameters():
            if weight.grad is not None:
                weight -= 0.01 * weight.grad


def agree(encoder: Encoder, model, texts: Sequence[str], when: str) -> None:
    for role in ROLES:
        expected = encoded(model, texts, role, encoder.prompts[role])
        ours = encode(encoder, texts, role=role, normalise=False)
        np.testing.assert_allclose(ours, expected, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{role} {when}")


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_encoded_trained_and_saved_as_plain_sentence_transformers_does(name: str, tmp_path: Path):
    shape = SHAPES[name]
    folder = make(shape, tmp_path / "shape")
    if shape.refused:
        with pytest.raises(ModelError, match=shape.refused):
            load_encoder(EncoderSection(name=str(folder)), device="cpu")
        return
    encoder, model = load_encoder(EncoderSection(name=str(folder)), device="cpu"), plain(folder)
    texts = [text for text in TEXTS if text.split() or not shape.needs_words]
    agree(encoder, model, texts, "as it comes")
    loss, expected = stepped(model, dict(encoder.prompts))
    torch.testing.assert_close(our_step(encoder), loss, rtol=TOLERANCE, atol=TOLERANCE)
    ours = gradients(encoder.model)
    assert ours.keys() == expected.keys()
    for weight, gradient in expected.items():
        torch.testing.assert_close(
            ours[weight], gradient, rtol=1e-4, atol=TOLERANCE, msg=partial("{}: {}".format, weight)
        )
    descend(encoder.model), descend(model)
    agree(encoder, model, texts, "after a step")
    save_encoder(encoder, tmp_path / "saved")
    again = plain(tmp_path / "saved")
    agree(encoder, again, texts, "read by sentence-transformers")
    back = load_encoder(EncoderSection(name=str(tmp_path / "saved")), device="cpu")
    agree(back, again, texts, "read by ourselves")
    assert (back.prompts, back.max_length, back.dimensions) == (encoder.prompts, encoder.max_length, encoder.dimensions)
    assert back.fingerprint() == encoder.fingerprint()


def test_the_zoo_has_the_shapes_that_were_promised():
    assert len(SHAPES) >= 45
