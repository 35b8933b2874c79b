"""What a recipe leaves open stands in the run's own recipe, and a resumed run takes it from there."""

import pytest

from embedtune.config.section import AUTO
from embedtune.losses import build_loss
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.train.changes import as_begun, refuse_changes
from embedtune.workflows.train.preparing.settled import record, settled

OPEN = ("epochs", "batch_size", "lr")


@pytest.mark.parametrize(("kind", "warmup", "refresh"), [("bert", 0.0, "once"), ("starter", 0.1, "every_epoch")])
def test_course_rate_and_guide_follow_from_the_encoder(kind, warmup, refresh, recipe, request) -> None:
    encoder = request.getfixturevalue(kind)
    config = recipe(epochs="auto", batch_size="auto", max_steps=None)
    found = settled(config, [build_loss("infonce")], encoder, 300)
    assert all(getattr(found.training, name) != AUTO for name in OPEN)
    # A static encoder learns at its full rate from 10,000 pairs on, and at a tenth of it with few.
    assert found.training.lr == pytest.approx(encoder.default_lr * (0.1 if kind == "starter" else 1))
    assert (found.guide.warmup_share, found.guide.refresh) == (warmup, refresh)


def test_what_is_given_stands(recipe, bert) -> None:
    values = ("guide.warmup_share=0.3", "guide.refresh=every_epoch", "training.embeddings=frozen")
    values += ("training.scoring_precision=bf16",)
    config = recipe(*values, epochs=7, batch_size=9, lr=0.5)
    assert settled(config, [build_loss("infonce")], bert, 300) == config


def test_a_resumed_run_takes_what_was_settled_and_is_not_refused(recipe, bert, tmp_path) -> None:
    config = recipe(epochs="auto", batch_size="auto")
    folder = RunFolder(tmp_path)
    first = settled(config, [build_loss("infonce")], bert, 300)
    record(first, folder)
    again = as_begun(config, folder)
    assert again.training == first.training
    assert again.guide == first.guide
    assert refuse_changes(folder, again) == []
