"""Two processes against one that holds all rows: loss, queue, and gradients after averaging.

Run as a program, this file is one of the two processes: rank, meeting file.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

from embedtune.config.sections.objective import LossSection
from embedtune.data.rows import Rows
from embedtune.errors import ConfigError
from embedtune.identity import text_id
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.companions import Companion
from embedtune.training.companions.averaged import AveragedTeacher
from embedtune.training.companions.queue import Queue
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.columns import gather
from embedtune.training.step.matryoshka import Matryoshka
from embedtune.training.step.objective import build_objective

# Rows 1 and 6 ask the same, row 7 has the answer of row 2, and rows have different numbers of negatives.
ROWS = Rows(
    anchors=[f"question {1 if number == 6 else number}" for number in range(12)],
    positives=[f"{2 if number == 7 else number}번 답" for number in range(12)],
    negatives=[["wrong a", "wrong b"], [], ["wrong c"], ["wrong d", "wrong e"], [], ["wrong f"]] * 2,
    labels=[str(number % 3) for number in range(12)],
)
KNOWN = [(text_id("question 0"), text_id("5번 답"))]
STEPS = {None: ([8, 9, 10, 11], [0, 1, 2, 3, 4, 5, 6, 7]), 0: ([8, 9, 10], [0, 1, 2, 3, 4]), 1: ([11], [5, 6, 7])}
"""Rows of each of two steps: in one process, and in each of two."""
CASES = {
    "infonce": LossSection(name="infonce", args={"learnable_temperature": True}),
    "gist": LossSection(name="gist", args={"margin": 0.2, "distill_weight": 0.5, "distill_over": "batch"}),
    "triplet": LossSection(name="triplet", args={"mining": "semi_hard"}),
    "sigreg": LossSection(name="sigreg", args={"slices": 16}),
    "lejepa": LossSection(name="lejepa", args={"slices": 16}),
    "simsiam": LossSection(name="simsiam"),
    "byol": LossSection(name="byol", args={"projector": 5}),
    "moco": LossSection(name="moco"),
    "barlow": LossSection(name="barlow", args={"projector": 5}),
    "swav": LossSection(name="swav", args={"prototypes": 5}),
    "dino": LossSection(name="dino", args={"prototypes": 5}),
    "denoise": LossSection(name="denoise", args={"width": 6, "tied": True}),
}
HEADED = ("simsiam", "byol", "barlow", "swav", "dino", "denoise")


class Linear(torch.nn.Module):
    """Texts are vectors drawn from their ids; the encoder is one matrix."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(3)
        self.weight = torch.nn.Parameter(torch.randn(6, 4, generator=draw, dtype=torch.float64))

    def forward(self, features):
        return {"sentence_embedding": features["texts"] @ self.weight}


class Written(Companion):
    """A companion that knows three tokens of each row's texts; their vectors are the model's matrix."""

    def __init__(self, model, loss):
        self.model, self.tokens = model, torch.arange(72).view(12, 2, 3) * 5 % 7 - 1
        self.tokens[..., 0].clamp_(min=0)
        loss.prepare_tokens(4, torch.ones(6))

    def complete(self, batch, rows):
        return replace(
            batch, tokens=self.tokens[rows].sort(dim=-1, descending=True).values, token_vectors=self.model.weight
        )


def drawn(texts, dimensions):
    return np.stack([np.random.default_rng(abs(text_id(text))).standard_normal(dimensions) for text in texts])


def features_of(rows):
    padded = [[*own, "", ""][:2] for own in ROWS.negatives]
    columns = [ROWS.anchors, ROWS.positives, [own[0] for own in padded], [own[1] for own in padded]]
    return [{"texts": torch.from_numpy(drawn([column[row] for row in rows], 6))} for column in columns]


def learnt(name, rank):
    """Terms of two steps and, of the second, the gradients that the optimizer sees."""
    known = [*zip(ROWS.anchor_ids.tolist(), ROWS.positive_ids.tolist(), strict=True), *KNOWN]
    table, guide = build_table(ROWS, np.array(known)), GuideTable(RowTexts(ROWS, 2))
    guide.fill(lambda texts, role: drawn(texts, 3).astype(np.float32))
    objective, model = build_objective([CASES[name]]), Linear()
    objective.prepare(4)
    if name not in HEADED:
        objective = Matryoshka(objective, {4: 1.0, 2: 0.5})
    companions = []
    if name == "denoise":
        companions.append(Written(model, objective.terms[0].loss))
    objective.double()
    companions += [AveragedTeacher(model, objective, momentum=0.5, steps=4), Queue(3, table, guide)]
    adapter = ObjectiveAdapter(model, objective, table, guide, companions).double()
    terms = []
    for rows in STEPS[rank]:
        adapter.zero_grad()
        terms.append(sum(adapter(features_of(rows), torch.tensor(rows)).values()))
        terms[-1].backward()
    gradients = [parameter.grad for parameter in adapter.parameters() if parameter.requires_grad]
    for gradient in gradients if rank is not None else []:
        dist.all_reduce(gradient)  # as data-parallel training averages
        gradient /= 2
    return {"terms": [term.item() for term in terms], "gradients": [one.tolist() for one in gradients]}


def refused():
    """What a process is told when the other one's rows have another number of negatives."""
    try:
        gather(torch.zeros(3, 3 + dist.get_rank(), 4))
    except ConfigError as error:
        return error.message


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What each of the two processes says."""
    meeting = tmp_path_factory.mktemp("ranks") / "meeting"
    command = [sys.executable, __file__]
    started = [
        subprocess.Popen([*command, str(rank), str(meeting)], stdout=subprocess.PIPE, text=True) for rank in range(2)
    ]
    return [json.loads(one.communicate(timeout=1800)[0].splitlines()[-1]) for one in started]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_with_five_and_three_rows_train_as_one_with_eight(ranks, name):
    alone = learnt(name, None)
    for said in ranks:
        assert said[name]["terms"] == pytest.approx(alone["terms"], rel=1e-6)
        assert len(said[name]["gradients"]) == len(alone["gradients"])
        for found, wanted in zip(said[name]["gradients"], alone["gradients"], strict=True):
            wanted = torch.tensor(wanted, dtype=torch.float64)
            assert wanted.abs().max() > 0
            torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_batches_that_do_not_fit_together_are_refused(ranks):
    for said in ranks:
        assert "(3, 3, 4) and (3, 4, 4)" in said["refused"]


if __name__ == "__main__":
    number = int(sys.argv[1])
    dist.init_process_group("gloo", init_method=Path(sys.argv[2]).as_uri(), rank=number, world_size=2)
    print(json.dumps({name: learnt(name, number) for name in CASES} | {"refused": refused()}))
    dist.destroy_process_group()
