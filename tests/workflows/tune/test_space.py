from dataclasses import replace
from pathlib import Path

import pytest

from embedtune.config.recipe.load import dump_config
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import GuideSection, LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData, prepare
from embedtune.errors import ConfigError
from embedtune.models.encoder import Encoder
from embedtune.racing.arm import Arm
from embedtune.workflows.tune.space import arms_of


@pytest.fixture(scope="module")
def data(questions: Path) -> TrainingData:
    return prepare(DataSection(source=str(questions)), seed=0)


def recipe(guide: str = "none", **args: float) -> TrainConfig:
    return TrainConfig(
        loss=[LossSection(name="gist", args=args)],
        guide=GuideSection(name=guide),
        training=TrainingSection(epochs=2, batch_size=32, lr=0.01),
    )


def arms(config: TrainConfig, encoder: Encoder, data: TrainingData, folder: Path, **listed: list[str]) -> list[Arm]:
    (folder / "default.yaml").write_text(dump_config(config), encoding="utf-8")
    found = arms_of(config, listed, encoder, data, folder / "default.yaml")
    assert found[0] == (Arm("default"), config)
    assert all(own != config for _, own in found[1:])
    return [arm for arm, _ in found]


def test_a_starter_and_a_transformer_race_in_spaces_of_their_own(
    starter: Encoder, bert: Encoder, data: TrainingData, tmp_path: Path
) -> None:
    static, transformer = ({arm.name for arm in arms(recipe(), one, data, tmp_path)} for one in (starter, bert))
    assert "rate x4" in static - transformer
    assert "frozen token embeddings" in transformer - static
    assert {"rate x2", "rate x1/2", "temperature x2", "sigreg added"} <= static & transformer


def test_guides_race_against_what_the_default_has(bert: Encoder, data: TrainingData, tmp_path: Path) -> None:
    without = {arm.name for arm in arms(recipe(), bert, data, tmp_path)}
    having = {arm.name for arm in arms(recipe("self", margin=0.0), bert, data, tmp_path)}
    assert "self guide 0" in without and "no guide" not in without
    assert "no guide" in having and "self guide 0" not in having


def test_own_negatives_race_against_none(starter: Encoder, data: TrainingData, tmp_path: Path) -> None:
    mined = replace(data, train=replace(data.train, negatives=[("a text about nothing",)] * len(data.train)))
    assert "no own negatives" in {arm.name for arm in arms(recipe(), starter, mined, tmp_path)}
    assert "no own negatives" not in {arm.name for arm in arms(recipe(), starter, data, tmp_path)}
    needs = recipe().model_copy(update={"loss": [LossSection(name="triplet", args={"mining": "given"})]})
    assert "no own negatives" not in {arm.name for arm in arms(needs, starter, mined, tmp_path)}


def test_parts_of_a_transformer_race_and_a_starter_has_none(
    starter: Encoder, bert: Encoder, data: TrainingData, tmp_path: Path
) -> None:
    static, transformer = ({arm.name for arm in arms(recipe(), one, data, tmp_path)} for one in (starter, bert))
    assert {"frozen lower layers", "LoRA"} <= transformer - static
    with pytest.raises(ConfigError, match="adapters"):
        arms(recipe(), starter, data, tmp_path, small=["model.lora.rank=4"])


def test_negatives_are_looked_for_where_rows_have_none(starter: Encoder, data: TrainingData, tmp_path: Path) -> None:
    own = replace(data, train=replace(data.train, negatives=[("a text about nothing",)] * len(data.train)))
    assert "mined negatives" in {arm.name for arm in arms(recipe(), starter, data, tmp_path)}
    assert "mined negatives" not in {arm.name for arm in arms(recipe(), starter, own, tmp_path)}
    with pytest.raises(ConfigError, match="negatives of their own"):
        arms(recipe(), starter, own, tmp_path, more=["negatives.mined=3"])


def test_lengths_are_relative_to_the_default(starter: Encoder, data: TrainingData, tmp_path: Path) -> None:
    found = {arm.name: arm for arm in arms(recipe(), starter, data, tmp_path)}
    assert found["half batches"].batch == 0.5 and found["half batches"].course == pytest.approx(1, abs=0.1)
    assert found["twice the epochs"].course == pytest.approx(2)
    assert found["rate x2"].batch == found["rate x2"].course == 1


def test_listed_arms_replace_the_space(starter: Encoder, data: TrainingData, tmp_path: Path) -> None:
    listed = {"hot": ["loss.0.args.temperature=0.5"]}
    assert [arm.name for arm in arms(recipe(), starter, data, tmp_path, **listed)] == ["default", "hot"]


def test_a_loss_refuses_the_arguments_of_an_arm(starter: Encoder, data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="temperature"):
        arms(recipe(), starter, data, tmp_path, cold=["loss.0.args.temperature=-1"])


@pytest.mark.parametrize("change", ["data.source=other.jsonl", "model.name=other"])
def test_an_arm_cannot_change_what_all_arms_share(starter: Encoder, data: TrainingData, tmp_path: Path, change) -> None:
    with pytest.raises(ConfigError, match=f"changes {change.partition('=')[0]}, which all arms"):
        arms(recipe(), starter, data, tmp_path, other=["training.lr=0.01", change])
