"""A training run from recipe to verdict: what it leaves, what it refuses, and how honest the verdict is."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ConfigError, DataError, ModelError, OutputError
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.run_folder import RunFolder, new_run
from embedtune.workflows.train.run import train

PLAIN = """
import json, sys
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
texts = json.loads(sys.argv[2])
ours = {m for m in sys.modules if m.startswith("embedtune")}
vectors = {
    role: model.encode(texts, prompt_name=role, normalize_embeddings=True).tolist() for role in ("query", "document")
}
print(json.dumps({"vectors": vectors, "ours": sorted(ours)}))
"""


@pytest.mark.parametrize(
    ("model", "products"), [("starter", "fp32"), ("bert", "fp32"), ("bert", "bf16")], indirect=["products"]
)
def test_the_model_gives_the_same_vectors_in_another_process_without_us(
    recipe, texts, bert_folder, model, products
) -> None:
    name = "starter" if model == "starter" else str(bert_folder)
    result = train(recipe("model.prompts.query=질문: ", model=name))
    command = [sys.executable, "-c", PLAIN, result.model, json.dumps(texts)]
    there = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert there["ours"] == []
    encoder = load_encoder(EncoderSection(name=result.model), device="cpu")
    for role in ("query", "document"):
        np.testing.assert_allclose(there["vectors"][role], encode(encoder, texts, role=role), atol=1e-5)


@pytest.mark.usefixtures("products")
def test_training_changes_the_vectors(recipe, texts, bert_folder) -> None:
    result = train(recipe(model=str(bert_folder), lr=0.01))
    before, after = (
        encode(load_encoder(EncoderSection(name=name), device="cpu"), texts, role="query")
        for name in (str(bert_folder), result.model)
    )
    assert np.abs(before - after).max() > 1e-3


@pytest.mark.usefixtures("products")
def test_texts_that_the_encoder_does_not_read_whole_are_told(recipe, bert_folder, listener) -> None:
    result = train(recipe(model=str(bert_folder), max_length=8, max_steps=1), talk=listener)
    cut = [one for one in result.findings if one.code == "truncated-texts"]
    assert {one.message.partition(" reads ")[2].partition(":")[0] for one in cut} == {"8 tokens"}
    assert all(any(one.message in said for said in listener.warned) for one in cut)
    unfit, *_ = [one for one in result.findings if one.code == "vocabulary-does-not-fit"]
    assert " text (" in unfit.message and any(unfit.message in said for said in listener.warned)


def test_the_starter_is_kept_as_it_was_and_never_rebuilt(recipe, texts, monkeypatch) -> None:
    result = train(recipe())
    folder = RunFolder(Path(result.run))
    before = (folder.start / "model.safetensors").read_bytes()
    (folder.path / "report.json").unlink()
    monkeypatch.setattr(
        "embedtune.models.files.load._make_starter", lambda *_: pytest.fail("the starter was built again")
    )
    again = train(recipe(), resume=folder)
    assert (folder.start / "model.safetensors").read_bytes() == before
    assert (again.before, again.after) == (result.before, result.after)


class TestHonesty:
    """Documents that were training positives are remembered, not found: the verdict must not rest on them."""

    @pytest.mark.usefixtures("rising")
    def test_seen_and_unseen_documents_are_scored_apart(self, recipe, beir, listener) -> None:
        # 60 test queries ask for trained documents, 55 for others; no query stands in both splits.
        seen = [(200 + i, i) for i in range(60)]
        unseen = [(300 + i, 100 + i) for i in range(55)]
        folder = beir(160, train=[(i, i) for i in range(90)], test=seen + unseen)
        result = train(recipe(data=str(folder), max_steps=20, lr=0.05), talk=listener)
        assert (result.test_queries, result.unseen_queries) == (115, 55)
        assert result.verdict.on == "unseen"
        assert result.verdict.queries == 55
        gain = result.after_unseen["ndcg@10"] - result.before_unseen["ndcg@10"]
        assert result.verdict.difference == pytest.approx(gain)
        assert result.verdict.difference != pytest.approx(result.after["ndcg@10"] - result.before["ndcg@10"])
        (finding,) = [one for one in result.findings if one.code == "test-documents-seen-in-training"]
        assert (finding.severity, finding.count) == ("warning", 60)
        assert "60 of 115 test judgments (52%)" in finding.message
        assert any(finding.message in warning for warning in listener.warned)
        report = Path(result.run, "report.md").read_text(encoding="utf-8")
        assert "Unseen documents only (55):" in report
        assert finding.message in report.replace("\\", "")

    def test_where_every_document_was_seen_the_verdict_says_so(self, recipe, beir) -> None:
        folder = beir(60, train=[(i, i) for i in range(60)], test=[(100 + i, i) for i in range(60)])
        result = train(recipe(data=str(folder)))
        assert result.verdict.on == "all"
        assert result.before_unseen is None
        assert result.after_unseen is None
        assert result.unseen_queries == 0
        report = Path(result.run, "report.md").read_text(encoding="utf-8")
        assert "All 60 test queries ask for documents that were positives in training or dev" in report

    def test_dev_documents_count_as_seen_since_they_chose_the_model(self, recipe, beir) -> None:
        asked = [(100 + i, 10 + i) for i in range(50)]
        folder = beir(60, train=[(i, i) for i in range(10)], dev=asked[:30], test=[(q + 100, d) for q, d in asked])
        assert train(recipe(data=str(folder))).unseen_queries == 20

    def test_few_queries_are_weak_evidence(self, recipe, listener) -> None:
        result = train(recipe(), talk=listener)
        assert result.test_queries == 5
        assert "weak-test" in {finding.code for finding in result.findings}
        assert "weak evidence" in result.verdict.sentence
        assert any("only 5 test queries: weak evidence" in warning for warning in listener.warned)

    def test_without_a_test_split_there_is_no_verdict(self, recipe, tmp_path) -> None:
        linked = [{"anchor": f"질문 {i // 2}", "positive": f"답 {(i + 1) // 2}"} for i in range(9)]  # a chain of texts
        (tmp_path / "one.jsonl").write_text("\n".join(map(json.dumps, linked)), encoding="utf-8")
        result = train(recipe(data=str(tmp_path / "one.jsonl")))
        assert result.verdict is None
        assert result.before == {}
        assert {"cannot-split", "no-evidence"} <= {finding.code for finding in result.findings}
        assert "No verdict" in Path(result.run, "report.md").read_text(encoding="utf-8")

    def test_the_starter_never_sees_the_words_of_test_queries(self, recipe, beir) -> None:
        folder = beir(60, train=[(i, i) for i in range(30)], test=[(100 + i, 30 + i) for i in range(30)])
        queries = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
        queries[30:] = [query.replace("What of", "Zyxwvut") for query in queries[30:]]
        (folder / "queries.jsonl").write_text("\n".join(queries), encoding="utf-8")
        result = train(recipe(data=str(folder)))
        assert "zyx" not in Path(result.run, "start", "tokenizer.json").read_text(encoding="utf-8").lower()


@pytest.mark.usefixtures("products")
def test_the_same_recipe_gives_the_same_result(recipe, bert_folder) -> None:
    first, second = (
        train(recipe("loss.0.args.margin=0.2", output=name, model=str(bert_folder), epochs=2, max_steps=5))
        for name in ("one", "two")
    )
    for part in ("before", "after", "verdict", "dev_curve", "best_step"):
        assert getattr(first, part) == getattr(second, part)
    assert weights(first) == weights(second)


@pytest.mark.usefixtures("products", "rising")
def test_another_seed_gives_another_model(recipe, bert_folder) -> None:
    first, second = (
        train(recipe(output=name, seed=seed, model=str(bert_folder))) for name, seed in (("one", 1), ("two", 2))
    )
    assert weights(first) != weights(second)


def weights(result) -> bytes:
    return Path(result.model, "model.safetensors").read_bytes()


def test_a_talker_is_told_what_happens(recipe, listener) -> None:
    train(recipe(), talk=listener)
    said = "\n".join(listener.said)
    for words in ("read 48 pairs", "run folder: ", "before training: test nDCG@10",
                  "training on 38 pairs: 0.67 epochs, 2 steps of up to 16,",
                  "after training: test nDCG@10"):  # fmt: skip
        assert words in said


@pytest.mark.parametrize(
    ("overrides", "options", "error"),
    [
        (("model.lora.rank=4",), {}, ConfigError),
        ((), {"store": "{pairs}/store"}, OutputError),
        ((), {"output": "pairs.jsonl/run"}, OutputError),
        ((), {"device": "tpu"}, ConfigError),
        ((), {"model": "owner/none"}, ModelError),
        ((), {"guide": "owner/none"}, ModelError),
        ((), {"data": "nowhere.jsonl"}, DataError),
    ],
)
def test_a_run_refused_leaves_no_folder(recipe, pairs, tmp_path, overrides, options, error) -> None:
    config = recipe(*overrides, **{name: value.replace("{pairs}", str(pairs)) for name, value in options.items()})
    with pytest.raises(error):
        train(config)
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.jsonl"]


def test_a_model_that_was_saved_wrongly_is_no_result(recipe, monkeypatch) -> None:
    """What is on disk is compared with what was measured; a difference ends the run, and no report claims success."""
    import embedtune.workflows.train.stages as training_run

    def save_another(encoder, folder: Path, **options) -> None:
        saving(encoder, folder, **options)
        if folder.name == "model":
            from safetensors.torch import load_file, save_file

            file = folder / "model.safetensors"
            save_file({name: value.flip(0) for name, value in load_file(file).items()}, file)

    saving = training_run.save_encoder
    monkeypatch.setattr(training_run, "save_encoder", save_another)
    config = recipe()
    with pytest.raises(ModelError, match="the saved model is not the trained one"):
        train(config)
    assert not Path(config.output.folder, "report.json").exists()


def test_two_processes_do_not_train_one_run(recipe, tmp_path, listener) -> None:
    config = recipe()
    run = new_run(config)
    with alone(run.lock), pytest.raises(OutputError, match="another embedtune is working"):
        train(config, talk=listener, resume=run)
    assert run.begun
