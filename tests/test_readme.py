"""The README names what there is, and its links and files exist; a failure says which section to edit."""

import re
import textwrap
from functools import partial
from pathlib import Path

import pytest

import embedtune
from embedtune import api, errors
from embedtune.cli.shared.app import verb_names
from embedtune.cli.shared.guard import READER_GONE
from embedtune.clustering import method_names
from embedtune.config.recipe.shipped import recipe_names
from embedtune.data.formats import read_formats
from embedtune.data.views import view_names
from embedtune.evaluation.metrics import metric_names
from embedtune.losses import loss_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
NAMES = {
    "Commands": [f"embedtune {verb}" for verb in verb_names()],
    "Recipes": recipe_names(),
    "Losses": loss_names(),
    "Texts without pairs, and preferences": view_names(),
    "Evaluating encoders": metric_names(),
    "What is in a corpus": method_names(),
}
"""Section -> what it has to name."""


def section(title: str) -> str:
    """The text of a section, without its heading."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


@pytest.mark.parametrize(("title", "name"), [(title, name) for title, names in NAMES.items() for name in names])
def test_what_there_is_is_named(title: str, name: str) -> None:
    assert re.search(rf"`{re.escape(name)}[` ]", section(title)), f"name `{name}` in README.md, section '{title}'"


@pytest.mark.parametrize("name", read_formats())
def test_every_format_is_described(name: str) -> None:
    required = read_formats()[name].REQUIRED
    rows = [line for line in section("Your own data").splitlines() if line.startswith("| ")]
    described = any(all(f"`{role}`" in row for role in required) for row in rows)
    assert described, f"add a row with {', '.join(required)} to the table in README.md, section 'Your own data'"


def test_no_verb_is_promised_that_is_not_there() -> None:
    promised = set(re.findall(r"(?:`|^ *)embedtune ([a-z]+)", README, re.MULTILINE))
    assert promised <= set(verb_names())


def test_every_exit_code_is_named() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")]
    for code in {0, READER_GONE} | {kind.exit_code for kind in kinds}:
        assert re.search(rf"^\| {code} \|", README, re.MULTILINE), f"add exit code {code} to the table in README.md"


def test_the_first_screen_has_the_two_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:40])
    for command in ("make demo", "make test", "pip install", "embedtune train --loss gist"):
        assert command in first_screen


def test_every_make_target_named_exists() -> None:
    named = set(re.findall(r"(?:`|^ +)make ([a-z]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/glossary.md"])
def test_local_links_lead_somewhere(name: str) -> None:
    file = ROOT / name
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", file.read_text(encoding="utf-8")) if "://" not in link]
    assert links
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_the_glossary_explains_words_that_are_used() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = [row.split(" | ")[0] for row in re.findall(r"^\| (.+)", glossary, re.MULTILINE)]
    words = {re.sub(r" \(.*| folder$", "", word).lower() for term in terms[2:] for word in term.split(", ")}
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "embedtune").rglob("*.py"))
    used = (README + code).lower().replace("_", " ").replace("\n    ", " ")
    assert len(words) > 40
    assert [word for word in sorted(words - {"term", "---"}) if word not in used] == []


@pytest.mark.slow
def test_the_python_shown_prints_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    short = {"max_steps": 2, "epochs": 1, "batch_size": 64, "margin": "0", "device": "cpu"}
    monkeypatch.setattr(embedtune, "train", partial(api.train, **short), raising=False)
    text, known = section("From Python"), {"embedtune": embedtune}
    blocks = re.findall(r"(<!-- output -->\n\n)?((?:    .*\n|\n)+)", text)
    shown = [(textwrap.dedent(block).strip("\n"), bool(mark)) for mark, block in blocks if block.strip()]
    assert sum(is_output for _, is_output in shown) == 2
    printed = ""
    for block, is_output in shown:
        if is_output:
            assert [line.rstrip() for line in printed.strip("\n").splitlines()] == block.splitlines()
        else:
            exec(block, known)
            printed = capsys.readouterr().out
    assert "report  comparisons/" in printed
