"""Texts alone and preferences from the recipe to the result."""

import json

import pytest
from safetensors.torch import load_file

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.sources.source import open_source
from embedtune.errors import ConfigError
from embedtune.workflows.train.guide import margin, trials
from embedtune.workflows.train.run import read_data, train

TOPICS = ("password", "refund", "delivery", "invoice", "비밀번호", "환불", "배송", "영수증")


@pytest.fixture
def preferences(tmp_path):
    path = tmp_path / "preferences.jsonl"
    texts = {"anchor": "How about {}?", "chosen": "{} works so.", "rejected": "No idea of {}."}
    rows = [
        {role: text.format(f"{topic} {n}") for role, text in texts.items()} | {"weight": 1 + n}
        for topic in TOPICS
        for n in range(4)
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path, listener):
    def go(**options):
        short = {"output": str(tmp_path / "run"), "store": "none", "device": "cpu", "max_steps": 2, "batch_size": 8}
        return train(load(TrainConfig, None, (), {**short, **options}), talk=listener)

    return go


def test_a_corpus_is_learnt_from_by_what_is_proposed(run, tmp_path, listener):
    path = tmp_path / "corpus.txt"
    texts = [f"All that you need to know about {topic} in case number {n}." for topic in TOPICS for n in range(3)]
    path.write_text("\n".join(texts), encoding="utf-8")
    result = run(data=str(path))
    assert [loss.name for loss in result.losses] == ["infonce"]
    assert "views: crop" in result.recipe and result.verdict is None
    (finding,) = [one for one in result.findings if one.code == "no-evidence"]
    assert finding.fix.startswith("Name a judged set with --eval-data.")
    assert f"`embedtune data queries {path} --output queries`" in finding.fix
    assert f"{finding.message} {finding.fix}" in listener.warned
    assert any("pairs are made of views of them: crop" in said for said in listener.said)


def test_a_split_that_is_missing_is_told_while_reading(beir, listener):
    folder = beir(24, test=[(n, n) for n in range(12)])
    config = load(TrainConfig, None, (), {"data": str(folder), "texts_only": True, "views": "delete", "loss": ["byol"]})
    codes = {one.code: one.message for one in read_data(config, open_source(config.data.source), listener).findings}
    assert "there is no dev split" in codes["no-evidence"]
    assert any(codes["no-evidence"] in said for said in listener.warned)


def test_a_judged_corpus_without_its_pairs_is_judged_on_all_queries(run, beir):
    folder = beir(24, test=[(n, n) for n in range(12)], dev=[(20, 20), (21, 21)])
    result = run(data=str(folder), texts_only=True, views="delete", loss=["byol", "infonce:0.5"])
    assert result.verdict.on == "all" and result.before_unseen is None
    # Nothing warns that gains may be memory: no query was learnt with its document.
    assert result.unseen_queries == result.test_queries == 12
    lines = [json.loads(line) for line in (folder.parent / "run" / "metrics.jsonl").read_text().splitlines()]
    first = next(line for line in lines if "loss" in line)
    assert {"byol.teacher_similarity", "averaged_teacher.momentum", "byol", "infonce"} <= set(first)


def test_damaged_texts_are_written_whole(run, tmp_path, listener):
    """Also such as mean harm; the decoder is no part of the model."""
    path = tmp_path / "corpus.txt"
    harm = ["\x1b[2J<script>alert(1)</script> {{7*7}} \u202egnp.exe", "한글 \x07 =cmd|'/c calc'!A0"]
    texts = [f"{topic}에 대해 알아야 할 것은 모두 {number}번 글에 있습니다." for topic in TOPICS for number in range(3)]
    path.write_text("\n".join(harm + texts), encoding="utf-8")
    result = run(data=str(path), loss=["denoise"])
    assert "views: delete:0.6" in result.recipe
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert {"denoise", "denoise.accuracy", "denoise.saved"} <= set(lines[0])
    saved = {name for file in (tmp_path / "run" / "model").rglob("*.safetensors") for name in load_file(file)}
    assert saved == {"embedding.weight"}


def test_dropout_is_refused_for_an_encoder_without_it(run, tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(f"글 {n}" for n in range(9)), encoding="utf-8")
    with pytest.raises(ConfigError, match="starter has no dropout") as caught:
        run(data=str(path), views="dropout")
    assert "--views crop" in caught.value.next
    assert not (tmp_path / "run").exists()


def test_preferences_are_learnt_from_where_the_encoder_began(run, preferences, tmp_path):
    run(data=str(preferences), loss=["dpo"], max_steps=4)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    lines = [line for line in lines if "dpo" in line]
    # Before the first step the student is its own start.
    assert lines[0]["dpo"] == pytest.approx(0.6931, abs=1e-3) and lines[0]["dpo.drift"] == pytest.approx(0, abs=1e-6)
    assert lines[-1]["dpo.drift"] > 0 and lines[-1]["dpo.reward_margin"] > 0


def test_the_trials_of_a_margin_know_where_the_encoder_began(run, preferences, monkeypatch):
    monkeypatch.setattr(trials, "FEWEST_QUERIES", 1)
    monkeypatch.setattr(trials, "trial_steps", lambda *_: 4)
    monkeypatch.setattr(margin, "margins_for", lambda _: (None, 0.1))
    result = run(data=str(preferences), loss=["gist", "dpo"])
    assert set(result.guide.chosen["tried"]) == {"no guide", "margin 0.1"}
