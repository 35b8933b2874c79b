"""A run over several sets, killed in the middle of an epoch, and graded losses over cached micro-batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.several_sets import SetLoss, SetSection
from embedtune.config.sections.training import TrainingSection
from embedtune.data.rows import Rows
from embedtune.data.sets.several import joined_rows
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.files.load import load_encoder
from embedtune.training.batch.micro_batches import MicroBatchCollator
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import RowTexts, read_texts
from embedtune.training.batch.set_batches import SetMixing
from embedtune.training.run.fit import Fit
from embedtune.training.run.trainer import fit
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.held import Held
from embedtune.training.step.objective import Objective
from embedtune.training.step.set_terms import set_terms

FAQ = Rows([f"how about {i}" for i in range(14)], [f"it works so {i}" for i in range(14)])
STS = Rows(
    [f"문장 {i} 하나" for i in range(9)],
    [f"문장 {i} 둘" for i in range(9)],
    grades=[i % 5 / 4 for i in range(9)],
    prompts=[("비교: ", None)] * 9,
)
TERMS = DataSection(source="faq", further=[SetSection(source="sts", loss=[SetLoss(name="cosent")])])


class Killed(BaseException):
    """Ends a run as a kill does."""


class KillAfter(TrainerCallback):
    """Dies after a step, before anything is saved of it."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            raise Killed


def trained(folder, bert, mixing, *callbacks, resume=False, **section):
    """The weights after eight steps of five rows, dropout on."""
    encoder, rows = load_encoder(EncoderSection(name=str(bert)), device="cpu"), joined_rows([FAQ, STS])
    plan = Fit(
        rows=rows,
        table=build_table(rows, np.stack([rows.anchor_ids, rows.positive_ids], axis=1)),
        objective=Objective(set_terms([LossSection(name="infonce")], TERMS)),
        section=TrainingSection(epochs=3, max_steps=8, batch_size=5, seed=1, checkpoint_every=2, **section),
        folder=folder,
        lr=1e-3,
        mixing=mixing,
        callbacks=callbacks,
    )
    fit(encoder, plan, resume=resume)
    return {name: value.numpy().tobytes() for name, value in encoder.model.state_dict().items()}


@pytest.mark.parametrize("mixing", [SetMixing((1.0, 2.0)), SetMixing((1.0, 1.0), mixed=False, turns=True)])
def test_a_run_killed_within_an_epoch_ends_with_the_bytes_of_one_that_was_not(tmp_path, bert_folder, mixing):
    whole = trained(tmp_path / "whole", bert_folder, mixing)
    with pytest.raises(Killed):
        trained(tmp_path / "killed", bert_folder, mixing, KillAfter(7))  # resumes after step 6, in the second epoch
    assert trained(tmp_path / "killed", bert_folder, mixing, resume=True) == whole


def gradients(bert, tokens):
    """Of three graded losses over one batch, encoded whole or so many tokens at a time and then again."""
    encoder = load_encoder(EncoderSection(name=str(bert)), device="cpu")
    encoder.model.eval()  # no dropout
    rows = replace(STS, prompts=None)
    terms = set_terms([LossSection(name=name) for name in ("cosent", "cosine", "angle")], DataSection())
    table = build_table(rows, np.stack([rows.anchor_ids, rows.positive_ids], axis=1))
    adapter = ObjectiveAdapter(encoder.model, Objective(terms), table, None, kept=None if tokens is None else 0)
    texts = read_texts(Tokenizer(encoder), RowTexts(rows, 0))
    batch = MicroBatchCollator(texts, Held(tokens, tokens))([{"label": row} for row in range(len(rows))])
    parts = {name.split("_")[0] for name in batch if name != "label"}
    features = [
        {name.split("_", 1)[1]: value for name, value in batch.items() if name.startswith(f"micro{number}_")}
        for number in range(len(parts))
    ]
    sum(adapter(features, batch["label"]).values()).backward()
    return len(parts), [one.grad.clone() for one in encoder.model.parameters() if one.grad is not None]


def test_graded_losses_get_the_gradients_of_the_full_batch_from_cached_micro_batches(bert_folder):
    """The order is over the entire batch, however few texts are encoded at a time."""
    (few, whole), (many, cached) = gradients(bert_folder, None), gradients(bert_folder, 16)
    assert many > few
    for expected, found in zip(whole, cached, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
