"""A static student of a transformer: each token has the direction of the teacher's vector for it alone."""

import numpy as np
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ModelError
from embedtune.models.files.load import load_encoder
from embedtune.models.static_student import static_student


def test_tokens_are_what_the_teacher_makes_of_them(bert_folder, texts) -> None:
    teacher = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    table = static_student(teacher, texts)[0].embedding.weight.detach().numpy()
    count = teacher.model.tokenizer.vocab_size
    own = np.arange(5, count)  # after the special tokens
    every = _vectors(teacher, range(count))
    centred = every[own] - every.mean(axis=0)
    expected = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    found = table[own] / np.linalg.norm(table[own], axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)
    assert not table[:5][[0, 2, 3, 4]].any()


def _vectors(teacher, tokens) -> np.ndarray:
    """The teacher's vector of each token between its special tokens, of length 1."""
    rows = torch.tensor([[2, one, 3] for one in tokens])
    with torch.no_grad():
        found = teacher.model.transformers_model(rows, torch.ones_like(rows)).last_hidden_state.mean(dim=1).numpy()
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_two_encoders_make_no_single_table(bert_folder, texts) -> None:
    from embedtune.models.towers.two_sides import two_sides

    one = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    with pytest.raises(ModelError, match="no static student can be made of"):
        static_student(two_sides(one, one), texts)
