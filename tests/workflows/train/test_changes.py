"""What has changed since a run was started: named, refused, or let through aloud."""

import os
import shutil

import pytest

from embedtune.data.rows import Rows
from embedtune.errors import ConfigError, DataError
from embedtune.workflows.shared.relocation import found_again
from embedtune.workflows.shared.run_folder import RunFolder, new_run
from embedtune.workflows.train.changes import record_changes, record_data, refuse_changes

ROWS = Rows(["one", "둘"], ["first", "둘째"])


@pytest.fixture
def folder(recipe) -> RunFolder:
    return new_run(recipe())


def test_the_same_recipe_may_go_on_wherever_its_results_go(recipe, folder) -> None:
    refuse_changes(folder, recipe())
    refuse_changes(folder, recipe(output="elsewhere"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 3}, "training.epochs was 'auto', is now 3"),
        ({"loss": ["infonce"]}, "loss.0.name was 'gist', is now 'infonce'"),
        ({"loss": ["gist", "sigreg:0.5"]}, "loss.1.name was not set, is now 'sigreg'"),
        ({"margin": 0.1}, "loss.0.args.margin was not set, is now 0.1"),
        ({"columns": "anchor=질문"}, "data.columns.anchor was not set, is now '질문'"),
    ],
)
def test_every_change_is_named(recipe, folder, options, words) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_changes(folder, recipe(**options))
    assert words in caught.value.message


def test_changes_are_let_through_when_told_so(recipe, folder) -> None:
    told = refuse_changes(folder, recipe(epochs=3), accept=True)
    assert told == ["training.epochs was 'auto', is now 3"]
    with pytest.raises(ConfigError) as refused:
        refuse_changes(folder, recipe(epochs=3))
    assert "--accept-changes" in refused.value.next


@pytest.mark.parametrize("options", [{"loss": ["infonce"]}, {"model": "elsewhere"}])
def test_a_run_keeps_its_encoder_and_its_losses(recipe, folder, options) -> None:
    with pytest.raises(ConfigError, match="its own encoder and losses"):
        refuse_changes(folder, recipe(**options), accept=True)
    with pytest.raises(ConfigError) as refused:
        refuse_changes(folder, recipe(**options))
    assert "--accept-changes" not in refused.value.next


def test_other_bytes_are_refused_or_recorded(recipe, folder) -> None:
    assert record_data(folder, {"질문.jsonl": "aa", "b": "bb"}, ROWS) == []
    assert record_data(folder, {"질문.jsonl": "aa", "b": "bb"}, ROWS) == []
    with pytest.raises(DataError, match=r"has changed.*: 질문\.jsonl"):
        record_data(folder, {"질문.jsonl": "cc", "b": "bb"}, ROWS)
    told = record_data(folder, {"질문.jsonl": "cc", "b": "bb"}, ROWS, accept=True)
    warned: list[str] = []
    record_changes(folder, recipe(epochs=3), {"질문.jsonl": "cc", "b": "bb"}, told, warned.append)
    assert len(warned) == 1 and "질문.jsonl" in warned[0]
    assert folder.facts()["changes"] == told == ["the data has changed: 질문.jsonl"]
    assert record_data(folder, {"질문.jsonl": "cc", "b": "bb"}, ROWS) == []
    assert folder.recipe() == recipe(epochs=3)


class TestOnceTrained:
    """A checkpoint counts steps: with other batches, the rest of the run would leave rows out or repeat them."""

    @pytest.fixture(autouse=True)
    def checkpoint(self, folder):
        record_data(folder, {"a": "aa"}, ROWS)
        for step in (9, 10):
            (folder.path / f"checkpoints/checkpoint-{step}").mkdir(parents=True)
            (folder.path / f"checkpoints/checkpoint-{step}/embedtune_manifest.json").write_text("{}")
        return folder.path / "checkpoints/checkpoint-10"

    @pytest.mark.parametrize("option", [{"batch_size": 8}, {"seed": 3}])
    def test_it_keeps_what_decides_its_batches(self, recipe, folder, checkpoint, option) -> None:
        for accept in (False, True):
            with pytest.raises(ConfigError, match=f"training.{next(iter(option))} was") as refused:
                refuse_changes(folder, recipe(**option), accept=accept)
            assert f"--model {checkpoint}" in refused.value.next
            assert "--accept-changes" not in refused.value.next

    def test_it_keeps_its_kind_of_token_embeddings(self, recipe, folder) -> None:
        with pytest.raises(ConfigError, match=r"training\.embeddings was 'auto', is now 'sparse'"):
            refuse_changes(folder, recipe("training.embeddings=sparse"), accept=True)

    @pytest.mark.parametrize(
        "rows",
        [
            Rows(["one"], ["first"]),
            Rows(["둘", "one"], ["둘째", "first"]),
            Rows(["one", "둘"], ["first", "둘째."]),
            Rows(["one", "둘", "three"], ["first", "둘째", "third"]),
            Rows(["onef", "둘"], ["irst", "둘째"]),
        ],
    )
    def test_it_keeps_its_rows_in_their_order(self, folder, checkpoint, rows) -> None:
        facts = folder.facts()
        with pytest.raises(DataError, match=rf"has changed.*: a\. .*2 then, {len(rows)} now") as refused:
            record_data(folder, {"a": "bb"}, rows, accept=True)
        assert f"--model {checkpoint}" in refused.value.next
        assert folder.facts() == facts

    def test_other_bytes_with_the_same_rows_are_accepted(self, folder) -> None:
        more = Rows(ROWS.anchors, ROWS.positives, negatives=[["no"], []])
        assert record_data(folder, {"a": "bb"}, more, accept=True) == ["the data has changed: a"]

    def test_a_run_that_never_recorded_its_rows_is_resumed(self, folder) -> None:
        facts = folder.facts()
        del facts["rows"]
        folder.write_json("run.json", facts)
        assert record_data(folder, {"a": "aa"}, Rows(["x"], ["y"])) == []


def test_rows_may_change_before_the_first_checkpoint(recipe, folder) -> None:
    record_data(folder, {"a": "aa"}, ROWS)
    assert refuse_changes(folder, recipe(batch_size=8), accept=True)
    assert record_data(folder, {"a": "bb"}, Rows(["one"], ["first"]), accept=True)
    assert folder.facts()["rows"]["count"] == 1


class TestPlaces:
    """A recipe with relative names, gone on with from another folder."""

    @pytest.fixture
    def home(self, tmp_path, pairs, monkeypatch):
        home = tmp_path / "집"
        home.mkdir()
        shutil.copy(pairs, home / "pairs.jsonl")
        (tmp_path / "away").mkdir()
        monkeypatch.chdir(home)
        return home

    def test_its_files_are_found_from_elsewhere(self, recipe, home, monkeypatch) -> None:
        folder = new_run(recipe(data="pairs.jsonl"))
        record_data(folder, {}, ROWS)
        monkeypatch.chdir("../away")
        config = found_again(folder.recipe(), folder.started_in)
        assert config.data.source == str(home / "pairs.jsonl")
        assert config.model.name == "starter" and config.guide.name == "self"
        assert refuse_changes(folder, config) == []

    def test_where_it_was_started_nothing_is_renamed(self, recipe, home) -> None:
        folder = new_run(recipe(data="pairs.jsonl"))
        record_data(folder, {}, ROWS)
        assert found_again(folder.recipe(), folder.started_in) == folder.recipe()

    def test_a_file_of_the_same_name_elsewhere_is_another_one(self, recipe, home, monkeypatch) -> None:
        folder = new_run(recipe(data="pairs.jsonl"))
        record_data(folder, {}, ROWS)
        shutil.copy("pairs.jsonl", "../away/pairs.jsonl")
        monkeypatch.chdir("../away")
        with pytest.raises(ConfigError, match=r"data\.source was"):
            refuse_changes(folder, found_again(folder.recipe(), folder.started_in))

    def test_a_project_that_was_moved_goes_on(self, recipe, home, tmp_path, monkeypatch) -> None:
        folder = new_run(recipe(data="pairs.jsonl"))
        record_data(folder, {}, ROWS)
        monkeypatch.chdir(tmp_path)
        home.rename(tmp_path / "moved")
        os.chdir(tmp_path / "moved")
        assert refuse_changes(folder, found_again(folder.recipe(), folder.started_in)) == []
