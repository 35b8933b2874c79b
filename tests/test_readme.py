"""README and documentation name what there is, and their links and files exist; a failure says which page to edit."""

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
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
TEXTS = [ROOT / name for name in ("README.md", "README.ko.md", "CONTRIBUTING.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)
NAMES = {
    "commands": [f"embedtune {verb}" for verb in verb_names()],
    "recipes": recipe_names(),
    "losses": loss_names(),
    "texts": view_names(),
    "evaluation": metric_names(),
    "clusters": method_names(),
    "domains": ["--domains", "--replay", "--joint"],
    "devices": ["--engine"],
    "large": ["--index", "--memory", "--engine"],
}
"""Page -> what it has to name."""


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, names in NAMES.items() for name in names])
def test_what_there_is_is_named(page: str, name: str) -> None:
    assert re.search(rf"`{re.escape(name)}[` ]", PAGES[page]), f"name `{name}` in docs/{page}.md"


@pytest.mark.parametrize("name", read_formats())
def test_every_format_is_described(name: str) -> None:
    required = read_formats()[name].REQUIRED
    rows = [line for line in PAGES["data"].splitlines() if line.startswith("| ")]
    described = any(all(f"`{role}`" in row for role in required) for row in rows)
    assert described, f"add a row with {', '.join(required)} to the table in docs/data.md"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_verb_is_promised_that_is_not_there(path: Path) -> None:
    promised = set(re.findall(r"(?:`|^ +)embedtune ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert promised - {"hello"} <= set(verb_names())  # CONTRIBUTING.md adds that one


def test_the_readme_is_short() -> None:
    assert len(README.encode()) < 9000


def test_every_exit_code_is_named() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")]
    for code in {0, READER_GONE} | {kind.exit_code for kind in kinds}:
        assert re.search(rf"^\| {code} \|", PAGES["commands"], re.MULTILINE), (
            f"add exit code {code} to docs/commands.md"
        )


def test_the_first_screen_has_the_two_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:40])
    for command in ("make demo", "make test", "pip install", "embedtune train --loss gist"):
        assert command in first_screen


def test_every_make_target_named_exists() -> None:
    named = set(re.findall(r"(?:`|^ +)make ([a-z-]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= set(" ".join(re.findall(r"^([a-z -]+):", MAKEFILE, re.MULTILINE)).split())


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_local_links_lead_somewhere(path: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_page_is_in_the_menu_and_linked_from_the_first() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page for page in PAGES if f"{page}.md\n" not in menu] == []
    assert [page for page in PAGES if f"({page}.md)" not in PAGES["index"] and page != "index"] == []


def test_the_glossary_explains_words_that_are_used() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = [row.split(" | ")[0] for row in re.findall(r"^\| (.+)", glossary, re.MULTILINE)]
    words = {re.sub(r" \(.*| folder$", "", word).lower() for term in terms[2:] for word in term.split(", ")}
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "embedtune").rglob("*.py"))
    used = (
        ("\n".join(PAGES[page] for page in PAGES if page != "glossary") + code)
        .lower()
        .replace("_", " ")
        .replace("\n    ", " ")
    )
    assert len(words) > 40
    assert [word for word in sorted(words - {"term", "---"}) if word not in used] == []


@pytest.mark.slow
def test_the_python_shown_prints_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    short = {"max_steps": 2, "epochs": 1, "batch_size": 64, "margin": "0", "device": "cpu"}
    monkeypatch.setattr(embedtune, "train", partial(api.train, **short), raising=False)
    text, known = PAGES["python"], {"embedtune": embedtune}
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
