"""What is proposed for texts without pairs, and that nothing is proposed where there is nothing to propose."""

import json

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.sources.source import open_source
from embedtune.models.folders.static_folder import declared_static
from embedtune.workflows.train.unpaired_proposal import proposed as proposed_for


def proposed(config):
    return proposed_for(config, open_source(config.data.source))


@pytest.fixture
def corpus(tmp_path):
    def write(texts, name="corpus.txt"):
        path = tmp_path / name
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return str(path)

    return write


LONG = [
    f"이 문서는 {number} 번 서비스의 신청 방법과 금액과 제출 서류를 알려 줍니다." for number in range(9)
]  # 12 words
SHORT = [f"짧은 글 {number}" for number in range(9)]


def test_passages_are_cropped_and_told_apart(corpus):
    config, reasons = proposed(load(TrainConfig, None, (), {"data": corpus(LONG)}))
    assert config.data.views == "crop" and [term.name for term in config.loss] == ["infonce"]
    assert "12 words" in reasons[0] and "infonce" in reasons[1]


@pytest.mark.parametrize(("model", "views"), [("starter", "delete:0.3"), ("intfloat/multilingual-e5-small", "dropout")])
def test_short_texts_are_not_cut(corpus, model, views):
    config, _ = proposed(load(TrainConfig, None, (), {"data": corpus(SHORT), "model": model}))
    assert config.data.views == views


def test_a_loss_that_damages_texts_more_gets_views_that_do(corpus):
    config, reasons = proposed(load(TrainConfig, None, (), {"data": corpus(LONG), "loss": ["denoise"]}))
    assert config.data.views == "delete:0.6" and "they suit denoise" in reasons[0]
    # With another loss, it takes what suits that one.
    config, _ = proposed(load(TrainConfig, None, (), {"data": corpus(LONG), "loss": ["infonce", "denoise:0.1"]}))
    assert config.data.views == "crop"


def test_titles_come_first(corpus):
    rows = [json.dumps({"title": f"제목 {number}", "text": text}) for number, text in enumerate(LONG)]
    config, reasons = proposed(load(TrainConfig, None, (), {"data": corpus(rows, "c.jsonl")}))
    assert config.data.views == "title" and "a title asks for its text" in reasons[0]


def test_what_was_named_stays(corpus):
    path = corpus(LONG)
    config, reasons = proposed(load(TrainConfig, None, (), {"data": path, "loss": ["byol"]}))
    assert [term.name for term in config.loss] == ["byol"] and len(reasons) == 1
    named = load(TrainConfig, None, (), {"data": path, "views": "delete"})
    assert proposed(named) == (named, ())
    # The proposed recipe proposes nothing further, so that a resumed run is the same one.
    assert proposed(config) == (config, ())


def test_pairs_are_left_alone_unless_only_their_texts_are_wanted(pairs, beir):
    plain = load(TrainConfig, None, (), {"data": str(pairs)})
    assert proposed(plain) == (plain, ())
    assert proposed(load(TrainConfig, None, (), {"data": str(pairs), "texts_only": True}))[0].data.views is not None
    folder = str(beir(9, test=[(0, 0)], train=[(1, 1)]))
    judged = load(TrainConfig, None, (), {"data": folder})
    assert proposed(judged) == (judged, ())
    assert proposed(load(TrainConfig, None, (), {"data": folder, "texts_only": True}))[0].data.views == "delete:0.3"


def test_faults_of_the_data_are_left_to_the_reading(tmp_path):
    (tmp_path / "broken.jsonl").write_text("{", encoding="utf-8")
    config = load(TrainConfig, None, (), {"data": str(tmp_path / "broken.jsonl")})
    assert proposed(config) == (config, ())


def test_a_folder_of_static_vectors_is_told_without_loading_it(tmp_path, bert_folder):
    from embedtune.config.sections.encoder import EncoderSection

    (tmp_path / "modules.json").write_text(
        '[{"type": "sentence_transformers.models.StaticEmbedding"}]', encoding="utf-8"
    )
    assert declared_static(EncoderSection(name=str(tmp_path))) and declared_static(EncoderSection(name="starter"))
    assert not declared_static(EncoderSection(name=str(bert_folder)))
