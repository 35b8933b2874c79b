"""The registry: names from the folder, arguments from the constructor, messages for people, no torch for a list."""

import subprocess
import sys
from pathlib import Path

import pytest

import embedtune.losses
from embedtune.errors import ConfigError
from embedtune.losses import build_loss, check_args, loss_class, loss_names


def test_the_names_are_the_files():
    files = Path(embedtune.losses.__file__).parent.glob("*.py")
    expected = {file.stem for file in files if file.stem != "__init__"}
    assert set(loss_names()) == expected
    assert {"gist", "infonce", "triplet", "sigreg", "lejepa", "distill", "margin_mse"} <= expected


def test_a_new_file_is_a_new_loss(tmp_path, monkeypatch):
    (tmp_path / "constant.py").write_text(
        "from embedtune.losses.shared.base import Loss\n"
        "from embedtune.losses.sigreg import SigReg\n"
        "class Constant(Loss):\n"
        '    """Always the same."""\n'
        "    def __init__(self, *, height: float = 1.0):\n"
        "        super().__init__()\n"
        "        self.height = height\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(embedtune.losses, "__path__", [*embedtune.losses.__path__, str(tmp_path)])
    try:
        assert "constant" in loss_names()
        assert build_loss("constant", height=3.0).height == 3.0
    finally:
        sys.modules.pop("embedtune.losses.constant", None)


def test_listing_the_names_loads_no_torch():
    code = "import sys; from embedtune.losses import loss_names; loss_names(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_name_gets_a_guess_and_the_list():
    with pytest.raises(ConfigError, match=r"there is no loss 'tripel'; did you mean 'triplet'\?") as caught:
        loss_class("tripel")
    assert caught.value.next.endswith(", ".join(loss_names()))
    with pytest.raises(ConfigError, match="there is no loss '손실'"):
        build_loss("손실")


@pytest.mark.parametrize("name", ["base", "_contrast"])
def test_shared_files_are_no_losses(name):
    with pytest.raises(ConfigError, match="there is no loss"):
        loss_class(name)


def test_all_unknown_arguments_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        check_args("gist", {"temprature": 0.1, "margin": "auto", "온도": 1})
    assert caught.value.where == "loss.gist.args"
    assert "no argument 'temprature'; did you mean 'temperature'?" in caught.value.message
    assert "no argument '온도'" in caught.value.message
    assert "margin" not in caught.value.message.replace("margin_", "")
    assert "distill_over" in caught.value.next


def test_a_loss_without_arguments_says_so():
    with pytest.raises(ConfigError) as caught:
        check_args("margin_mse", {"temperature": 1})
    assert caught.value.next == "margin_mse takes no arguments"
    check_args("margin_mse", {})


def test_an_attribute_that_is_not_there_is_an_ordinary_error():
    with pytest.raises(AttributeError, match="no attribute 'Losses'"):
        embedtune.losses.Losses  # noqa: B018
