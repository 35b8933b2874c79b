"""A first recipe: it loads, says what was guessed, and its commands are ones that the command line has."""

import json
import shlex

import pytest
import typer

from embedtune.cli.shared.app import build_app
from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.sources.reading.unchanged import unchanged_inputs
from embedtune.errors import ConfigError, DataError, OutputError
from embedtune.workflows.init.choice import MULTILINGUAL_MODEL
from embedtune.workflows.init.run import init

KOREAN = [(f"주문 {i}번은 언제 오나요?", f"영업일 기준 {i}일 안에 도착합니다.") for i in range(40)]
ENGLISH = [(f"When will order {i} arrive?", f"It will arrive within {i} working days.") for i in range(40)]


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Writes a CSV file of these rows into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(header, rows, name="my data.csv"):
        (tmp_path / name).write_text("".join(",".join(row) + "\n" for row in [header, *rows]), encoding="utf-8")
        return name

    return write


def commands_run(commands):
    """Whether each command is one, with options that its verb has."""
    app = typer.main.get_command(build_app())
    for command in commands:
        program, verb, *words = shlex.split(command)
        known = {name for one in app.commands[verb].params for name in one.opts}
        assert program == "embedtune" and {word for word in words if word.startswith("--")} <= known, command


def test_a_recipe_for_korean_pairs_loads_and_has_the_prompts_of_its_encoder(table):
    result = init(table(("질문", "답변"), KOREAN))
    config = load(TrainConfig, f"./{result.output}")
    assert result.output == "my-data.yaml" and config.data.source == "my data.csv"
    assert config.model.name == MULTILINGUAL_MODEL
    assert config.model.prompts == {"query": "query: ", "document": "passage: "}
    assert [term.name for term in config.loss] == ["gist"] and result.guessed == {}
    assert shlex.split(result.commands[2])[-4:] == ["--data", "my data.csv", "--column", "답변"]
    commands_run(result.commands)


def test_guessed_columns_are_in_the_recipe_and_said(table):
    result = init(table(("Customer question", "Agent answer"), ENGLISH))
    config = load(TrainConfig, f"./{result.output}")
    assert result.guessed == config.data.columns == {"anchor": "Customer question", "positive": "Agent answer"}
    assert any("please confirm" in said for said in result.described) and "please confirm" in result.recipe
    assert "'anchor=Customer question,positive=Agent answer'" in result.commands[0]
    commands_run(result.commands)


def test_an_encoding_that_was_named_is_in_the_recipe_and_in_the_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "question,answer\n" + "".join(f"Gęś {i}?,Łódź {i} jest duża\n" for i in range(30))
    (tmp_path / "polish.csv").write_bytes(text.encode("iso8859-2"))
    with unchanged_inputs():
        result = init("polish.csv", encoding="iso8859-2")
    assert load(TrainConfig, f"./{result.output}").data.encoding == "iso8859-2"
    assert "--encoding iso8859-2" in result.commands[0] and "--encoding iso8859-2" in result.commands[2]
    commands_run(result.commands)


def test_a_wrong_option_is_explained_by_the_help_of_init(table):
    with pytest.raises(ConfigError, match="cp9499") as refused:
        init(table(("질문", "답변"), KOREAN), encoding="cp9499")
    assert refused.value.where == "--encoding" and "`embedtune init --help`" in refused.value.next


def test_what_was_asked_for_is_taken(table):
    result = init(table(("질문", "답변"), KOREAN), model="starter", output="mine.yaml")
    assert load(TrainConfig, "./mine.yaml").model.name == "starter"
    assert result.recipe.startswith("# embedtune train ./mine.yaml\n#\n")


def test_texts_without_pairs_leave_the_loss_to_train(table):
    result = init(table(("text",), [(f"The parcel number {i} left the warehouse today.",) for i in range(40)]))
    assert "loss:" not in result.recipe.replace("# ", "").split("data:")[1].split("Why")[0]
    assert load(TrainConfig, f"./{result.output}").data.views is None
    (said,) = [said for said in result.described if said.startswith("test: none")]
    assert "`embedtune data queries 'my data.csv' --output queries`" in said
    commands_run(result.commands)


@pytest.mark.parametrize(("top", "temperature"), [(0.9, 0.05), (8.5, 1.0)])
def test_scores_of_a_teacher_are_learned_from_next_to_the_pairs(tmp_path, monkeypatch, top, temperature):
    monkeypatch.chdir(tmp_path)
    lines = [
        {"query": q, "pos": [a], "neg": [f"The shop number {i} is closed."], "pos_scores": [top], "neg_scores": [0.1]}
        for i, (q, a) in enumerate(ENGLISH)
    ]
    (tmp_path / "taught.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    result = init("taught.jsonl")
    terms = load(TrainConfig, f"./{result.output}").loss
    assert [(term.name, term.weight, term.args) for term in terms] == [
        ("gist", 1.0, {}),
        ("distill", 0.5, {"teacher_temperature": temperature}),
    ]
    assert any(said.startswith("loss: gist + 0.5 distill (") for said in result.described)


def test_a_file_that_is_there_is_kept_unless_forced(table):
    name = table(("질문", "답변"), KOREAN)
    init(name)
    with pytest.raises(OutputError, match="already there"):
        init(name)
    init(name, force=True)
    with pytest.raises(ConfigError, match=r"must end in \.yaml"):
        init(name, output="recipe.txt")


def test_data_that_cannot_be_used_leave_no_recipe(table, tmp_path):
    rows = [(f"alpha beta {i}", f"gamma delt {i}", f"epsil zeta {i}") for i in range(20)]
    with pytest.raises(DataError, match="cannot tell the format"):
        init(table(("a1", "b1", "c1"), rows))
    assert not list(tmp_path.glob("*.yaml"))


@pytest.mark.parametrize(("rows", "fits"), [(KOREAN, False), (ENGLISH, True)])
def test_a_named_encoder_whose_vocabulary_does_not_fit_is_said(table, bert_folder, listener, rows, fits):
    init(table(("질문", "답변"), rows), model=str(bert_folder), talk=listener)
    assert any("does not fit Hangul text" in said for said in listener.warned) is not fits
