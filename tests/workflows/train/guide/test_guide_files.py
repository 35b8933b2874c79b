"""A guide from a file does what the model would have done whose vectors it holds."""

import json
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.data.prepare import prepare
from embedtune.data.sources.source import open_source
from embedtune.errors import ConfigError, DataError
from embedtune.losses import build_loss
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import Fit
from embedtune.training.step.objective import build_objective
from embedtune.workflows.train.guide.guide_files import check_scores, covered, guide_vectors, guided_data
from embedtune.workflows.train.guide.guiding import choose_guide
from embedtune.workflows.train.run import train


@pytest.fixture
def guide_folder(starter, tmp_path) -> Path:
    """A model whose similarities differ; the BERT with random weights finds everything alike."""
    save_encoder(starter, tmp_path / "guide")
    return tmp_path / "guide"


@pytest.fixture
def plan_of(tmp_path):
    def make(config, data) -> Fit:
        return Fit(
            rows=data.train,
            table=build_table(data.train, data.known_positives),
            objective=build_objective([config.loss[0].model_copy(update={"args": {}})]),
            section=config.training,
            folder=tmp_path / "run",
            lr=0.01,
        )

    return make


@pytest.fixture
def vector_file(recipe, guide_folder, tmp_path):
    """The guide's vectors of all texts, or of those that are trained on, with a role each."""

    def write(*, dev: bool = True, leave_out: int = 0) -> Path:
        data = prepare(recipe().data, 0)
        guide = load_encoder(EncoderSection(name=str(guide_folder)), device="cpu")
        queries = [*data.train.anchors[leave_out:], *(data.dev.queries.values() if dev else ())]
        documents = [*data.train.positives, *(data.dev.corpus.values() if dev else ())]
        texts = {"query": list(dict.fromkeys(queries)), "document": list(dict.fromkeys(documents))}
        records = [
            {"text": text, "role": role, "vector": vector.tolist()}
            for role, some in texts.items()
            for text, vector in zip(some, encode(guide, some, role=role), strict=True)
        ]
        path = tmp_path / "guide.parquet"
        pyarrow.parquet.write_table(pa.Table.from_pylist(records), path)
        return path

    return write


def vectors_of(config):
    """The vectors of the guide's file, with the data opened for them."""
    return guide_vectors(config, open_source(config.data.source))


def test_it_masks_as_the_model_does(recipe, plan_of, vector_file, bert, guide_folder, listener) -> None:
    rows = torch.arange(12)
    found = []
    for name in (str(guide_folder), str(vector_file())):
        config = recipe(guide=name, margin="0.05")
        vectors = vectors_of(config)
        data = guided_data(config, prepare(config.data, 0), vectors)
        plan = plan_of(config, data)
        guiding = choose_guide(config, plan, data.dev, bert, talk=listener, store=None, vectors=vectors)
        student = [torch.randn(12, 8, generator=torch.Generator().manual_seed(i), requires_grad=True) for i in (0, 1)]
        batch = plan.table.batch(rows, student, step=0, guide=guiding.table.batch(rows, torch.device("cpu")))
        loss = build_loss("gist", margin=0.05)
        value = loss(batch)
        found.append((value, torch.autograd.grad(value, student), loss.gauges, guiding.audits))
    (model, model_grads, model_gauges, model_audits), (file, file_grads, file_gauges, file_audits) = found
    torch.testing.assert_close(file, model)
    torch.testing.assert_close(file_grads, model_grads)
    assert model_gauges.keys() == file_gauges.keys()
    for name, gauge in model_gauges.items():
        torch.testing.assert_close(file_gauges[name], gauge)
    assert 0 < model_audits[0].masked_share < 1
    assert file_audits[0].masked_share == pytest.approx(model_audits[0].masked_share)
    assert file_audits[0].positive_first_share == model_audits[0].positive_first_share


def test_without_the_held_out_texts_it_is_not_audited(recipe, plan_of, vector_file, bert, listener) -> None:
    config = recipe(guide=str(vector_file(dev=False)), margin="0.1")
    data = prepare(config.data, 0)
    plan = plan_of(config, data)
    guiding = choose_guide(config, plan, data.dev, bert, talk=listener, store=None, vectors=vectors_of(config))
    assert guiding.table.batch(torch.tensor([0]), torch.device("cpu")) is not None and guiding.audits == []
    assert guiding.facts().note == "not audited: there were no held-out pairs"


def test_a_text_without_a_vector_is_refused_before_a_model_loads(recipe, vector_file) -> None:
    config = recipe(guide=str(vector_file(leave_out=3)), model="no/such-model-is-ever-loaded", margin="0.1")
    with pytest.raises(DataError, match="no vector for 3 of 38 texts"):
        guided_data(config, prepare(config.data, 0), vectors_of(config))


def test_a_beir_folder_may_name_its_texts(recipe, beir, tmp_path) -> None:
    folder = beir(8, train=[(i, i) for i in range(6)], test=[(6, 6), (7, 7)])
    records = [{"id": f"q{i}", "vector": [1.0, float(i)]} for i in range(6)]
    records += [{"id": f"d{i}", "vector": [2.0, float(i)]} for i in range(8)]
    path = tmp_path / "guide.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    config = recipe(data=str(folder), guide=str(path), margin="0.1")
    data = prepare(config.data, 0)
    vectors = vectors_of(config).encode(data.train.anchors, "query")
    slopes = vectors[:, 1] / vectors[:, 0]
    numbers = [int(text.split()[-1].rstrip("?")) for text in data.train.anchors]
    assert slopes.tolist() == pytest.approx(numbers)
    assert guided_data(config, data, vectors_of(config)).hashes["guide/guide.jsonl"]


@pytest.fixture
def score_file(pairs, tmp_path) -> Path:
    """Each pair scores 1, and each question scores 2 with the answer to the next one."""
    rows = [json.loads(line) for line in pairs.read_text(encoding="utf-8").splitlines()]
    scores = [{"query": row["anchor"], "document": row["positive"], "score": 1.0} for row in rows]
    scores += [{"query": row["anchor"], "document": after["positive"], "score": 2.0} for row, after in pairwise(rows)]
    path = tmp_path / "scores.jsonl"
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in scores), encoding="utf-8")
    return path


def test_scores_guide_no_loss_and_say_what_is_no_negative(recipe, plan_of, score_file, bert, listener) -> None:
    config = recipe(guide=str(score_file))
    plain = prepare(config.data, 0)
    data = guided_data(config, plain, vectors_of(config))
    assert len(data.known_positives) > len(plain.known_positives)
    guiding = choose_guide(config, plan_of(config, data), data.dev, bert, talk=listener, store=None)
    assert guiding.table is None and guiding.facts() is None


@pytest.mark.parametrize("options", [{"margin": "auto"}, {"known_positives": "closure"}])
def test_what_scores_cannot_do_is_refused(recipe, score_file, options) -> None:
    with pytest.raises(ConfigError):
        check_scores(recipe(guide=str(score_file), **options))


def test_a_run_with_either_kind_of_file(recipe, vector_file, score_file) -> None:
    guided = train(recipe(guide=str(vector_file()), margin="0.1", output="vectors"))
    assert guided.guide.masked_share is not None
    scored = train(recipe(guide=str(score_file), output="scores"))
    assert scored.guide is None and any("scores from scores.jsonl" in one for one in scored.described)


def test_a_file_that_is_not_there_is_a_mistake(recipe, tmp_path) -> None:
    with pytest.raises(DataError, match="no such file"):
        train(recipe(guide=str(tmp_path / "none.parquet")))


def test_only_pairs_with_vectors_are_audited(recipe, vector_file) -> None:
    config = recipe(guide=str(vector_file()), margin="0.1")
    from embedtune.training.guide.audit import held_out_pairs

    pairs = held_out_pairs(prepare(config.data, 0).dev)
    file = vectors_of(config)
    assert covered(file, pairs).anchors == pairs.anchors
    unknown = pairs.take([0, 1, 2])
    unknown.anchors[1] = "아무도 모르는 질문"
    assert covered(file, unknown).anchors == [unknown.anchors[0], unknown.anchors[2]]
