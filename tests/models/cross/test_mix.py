"""The weight of the encoder's cosine is kept beside the weights, and is 0 for everybody else's model."""

from dataclasses import replace
from pathlib import Path

import pytest

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.models.cross.cross_encoder import load_cross_encoder
from embedtune.models.cross.cross_start import save_cross_encoder
from embedtune.models.cross.mix import FILE, mix_of


def test_it_is_loaded_as_it_was_saved_and_told_in_the_card(cross_folder: Path, tmp_path: Path) -> None:
    plain = load_cross_encoder(ModelSection(name=str(cross_folder)), device="cpu")
    assert plain.mix == 0.0
    for mix in (12.5, 0.0):
        save_cross_encoder(replace(plain, mix=mix), tmp_path / "kept")
        kept = load_cross_encoder(ModelSection(name=str(tmp_path / "kept")), device="cpu")
        assert (kept.mix, kept.beside) == (mix, plain.name)
        card = (tmp_path / "kept" / "README.md").read_text(encoding="utf-8")
        assert ("scores + 12.5 * cosines" in card) == (mix > 0)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"cosine_weight": "much"}', '{"cosine_weight": NaN}', '{"cosine_weight": -1}']
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match="no number of at least 0 called cosine_weight") as refused:
        mix_of(tmp_path)
    assert str(refused.value.where).endswith(FILE)
