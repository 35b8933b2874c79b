"""The Python on docs/elsewhere.md runs, where its packages are installed, and finds the text that is asked for."""

import re
import sys
import textwrap
from pathlib import Path

import pytest
from zoo import TEXTS

PAGE = (Path(__file__).parents[1] / "docs" / "elsewhere.md").read_text(encoding="utf-8")
PACKAGES = {"Qdrant": "qdrant_client", "LangChain": "langchain_huggingface", "LlamaIndex": "llama_index.embeddings"}


def block(heading: str) -> str:
    """The first block below a heading."""
    lines = r"((?:^    [^\n]*\n)(?:^    [^\n]*\n|^\n)*)"
    found = re.search(rf"^## {heading}\n.*?{lines}", PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    return textwrap.dedent(found[1])


@pytest.mark.parametrize("heading", PACKAGES)
def test_it_runs_as_it_stands(heading: str, bert_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(PACKAGES[heading])
    code = block(heading).replace("runs/<your run>/model", str(bert_folder))
    if heading == "Qdrant":  # a tiny encoder with random weights finds only the text itself
        code = code.replace("How do I reset my password?", "Refunds take three working days.")
    exec(code, {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == ("1.0 Refunds take three working days." if heading == "Qdrant" else "32")


def test_an_export_answers_without_torch(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    """With the interface of an export's example.py, which tests/models/export/targets runs for real."""
    pytest.importorskip("qdrant_client")
    known = "{'How do I reset my password?': [1, 0], 'Open the settings and press reset password.': [0.8, 0.6]}"
    stand_in = (
        f"import numpy as np\nKNOWN = {known}\n"
        "def encode(texts, role):\n    return np.array([KNOWN.get(text, [0, 1]) for text in texts], dtype=np.float32)\n"
    )
    (tmp_path / "example.py").write_text(stand_in, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "example", raising=False)
    exec(block("From an export, without torch").replace("exports/first", str(tmp_path)), {})
    sys.modules.pop("example", None)
    assert capsys.readouterr().out.splitlines() == [
        "0.8 Open the settings and press reset password.",
        "0.0 Refunds take three working days.",
    ]


def test_the_text_asked_for_is_one_that_other_tests_know() -> None:
    assert PAGE.count(TEXTS[0]) >= 4


def test_the_job_for_ci_names_options_that_exist() -> None:
    from embedtune.config.options import options_of, schema_of

    job = block("GitHub Actions")
    known = {f"--{name.replace('_', '-')}" for verb in ("train", "check") for name in options_of(schema_of(verb))}
    named = set(re.findall(r"--[a-z-]+", job)) - {"--index-url"}
    assert named <= known | {"--fail-if", "--fail-on"}
