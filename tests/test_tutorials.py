"""Every command of the tutorials runs, one after the other, on a table such as they describe."""

import csv
import re
import shlex
from pathlib import Path

import pytest

from embedtune.cli.shared.app import build_app, verb_names
from embedtune.cli.shared.guard import guarded

DOCS = Path(__file__).parents[1] / "docs"
TABLES = {
    "tutorial.md": (
        "utf-8",
        ("Customer question", "Agent answer"),
        ("password", "refund", "parcel", "invoice", "address"),
        ("How do I change my {} for order {}?", "To change the {} of order {}, open your account and choose edit."),
    ),
    "tutorial.ko.md": (
        "cp949",
        ("질문 내용", "답변 내용"),
        ("비밀번호", "환불", "배송", "영수증", "주소"),
        ("{} 문제로 문의합니다. 주문 번호는 {}번입니다.", "{} 처리 방법입니다. {}번 주문에서 변경을 누르세요."),
    ),
}


def commands(name: str) -> list[list[str]]:
    text = (DOCS / name).read_text(encoding="utf-8")
    return [shlex.split(line)[1:] for line in re.findall(r"^    (embedtune .+)$", text, re.MULTILINE)]


@pytest.mark.parametrize("name", TABLES)
def test_a_tutorial_names_verbs_that_exist_and_leads_to_pages_that_exist(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert {words[0] for words in commands(name)} >= {"init", "check", "train", "search", "runs"}
    assert set(re.findall(r"`embedtune ([a-z]+)", text)) <= set(verb_names())
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links and all((DOCS / link).exists() for link in links)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_its_commands_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    encoding, header, topics, (question, answer) = TABLES[name]
    with Path("helpdesk.csv").open("w", encoding=encoding, newline="") as file:
        rows = [(question.format(topics[i % 5], i), answer.format(topics[i % 5], i)) for i in range(60)]
        csv.writer(file).writerows([header, *rows])
    for words in commands(name):
        short = ["--max-steps", "2", "output.check_saved=here"] if words[0] == "train" else []
        assert guarded(build_app(), [*words, *short]) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    assert "tested on" in shown and "1 run" in shown
    assert not Path("runs/helpdesk/checkpoints").exists()
