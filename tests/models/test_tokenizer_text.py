"""The key of stored vectors follows everything of a tokenizer that changes a vector, and nothing else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.tokenizer_text import tokenizer_text

LONG = "How do I reset my password? " * 20 + "The parcel leaves the warehouse."


def edit(file: Path, change: Callable[[dict], None]) -> None:
    settings = json.loads(file.read_text())
    change(settings)
    file.write_text(json.dumps(settings))


CHANGES: dict[str, Callable[[Path], None]] = {
    "truncation side": lambda m: edit(m / "tokenizer_config.json", lambda c: c.update(truncation_side="left")),
    "normalizer": lambda m: edit(m / "tokenizer.json", lambda c: c.update(normalizer={"type": "Lowercase"})),
    "post processor": lambda m: edit(m / "tokenizer.json", lambda c: c.update(post_processor=None)),
    "an added token": lambda m: edit(
        m / "tokenizer.json",
        lambda c: c["added_tokens"].append(
            dict(c["added_tokens"][1], id=9, content=next(k for k, v in c["model"]["vocab"].items() if v == 9))
        ),
    ),
    "vocabulary": lambda m: edit(
        m / "tokenizer.json",
        lambda c: c["model"].update(vocab={k: (v if v < 9 else 294 - v) for k, v in c["model"]["vocab"].items()}),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_edited_tokenizer_has_vectors_of_its_own(
    bert_folder: Path, tmp_path: Path, texts: tuple[str, ...], change: Callable[[Path], None]
):
    folder = Path(shutil.copytree(bert_folder, tmp_path / "m"))
    store, wanted = VectorStore(tmp_path / "store"), [*texts, LONG]

    def vectors(known: VectorStore | None) -> tuple[np.ndarray, str]:
        encoder = load_encoder(EncoderSection(name=str(folder)), device="cpu")
        return encode(encoder, wanted, role="query", store=known), encoder.fingerprint()

    before, first = vectors(store)
    change(folder)
    after, second = vectors(store)
    assert first != second
    np.testing.assert_allclose(after, vectors(None)[0], atol=1e-6)
    assert np.abs(after - before).max() > 1e-4


def test_encoding_and_place_change_nothing(bert: Encoder, bert_folder: Path, tmp_path: Path):
    before = tokenizer_text(bert.model.tokenizer)
    bert.model.encode(["a", LONG])
    assert tokenizer_text(bert.model.tokenizer) == before
    shutil.copytree(bert_folder, tmp_path / "m")
    copy = load_encoder(EncoderSection(name=str(tmp_path / "m")), device="cpu")
    assert tokenizer_text(copy.model.tokenizer) == before


@pytest.mark.parametrize(
    ("name", "value"), [("padding_side", "left"), ("pad_token", "[MASK]"), ("model_input_names", ["input_ids"])]
)
def test_settings_outside_of_the_vocabulary_count(bert: Encoder, name: str, value: object):
    before = tokenizer_text(bert.model.tokenizer)
    setattr(bert.model.tokenizer, name, value)
    assert tokenizer_text(bert.model.tokenizer) != before


def test_where_a_static_encoder_cuts_its_texts_counts(starter: Encoder):
    tokenizer: Tokenizer = starter.model.tokenizer
    before = tokenizer_text(tokenizer)
    tokenizer.enable_truncation(3)
    assert tokenizer_text(tokenizer) != before
