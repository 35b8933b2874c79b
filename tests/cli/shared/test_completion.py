"""What the shell is told when it asks how a command line may go on."""

import pytest

from embedtune.cli.shared.app import COMPLETION, main
from embedtune.config.recipe.shipped import recipe_names
from embedtune.losses import loss_names


@pytest.fixture
def completed(monkeypatch, capsys):
    """The words that bash is told for a line, whose last word is incomplete."""

    def ask(line: str) -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv(COMPLETION, "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setattr("sys.argv", ["embedtune"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return capsys.readouterr().out.split()

    return ask


def test_verbs_and_options_are_completed(completed) -> None:
    assert completed("embedtune trai") == ["train"]
    assert completed("embedtune train --batch") == ["--batch-size"]


def test_values_are_completed_where_they_are_a_list_of_words(completed) -> None:
    assert completed("embedtune train --loss gis") == ["gist"]
    assert set(completed("embedtune train --loss ")) == set(loss_names())
    assert completed("embedtune train --precision b") == ["bf16"]
    assert completed("embedtune train --guide ") == ["self", "none"]  # or a model, which only the user knows
    assert set(completed("embedtune train gist")) == {name for name in recipe_names() if name.startswith("gist")}
    assert completed("embedtune losses sigr") == ["sigreg"]


def test_a_file_is_left_to_the_shell(completed) -> None:
    assert completed("embedtune train --data pai") == []
