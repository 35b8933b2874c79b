"""A model fills the ledger: given decisions stay, its answers are kept, and its agreement comes with an interval."""

import json
from pathlib import Path

import pytest
from fake_endpoint import FakeEndpoint
from sklearn.metrics import cohen_kappa_score

from embedtune.errors import DataError, ModelError
from embedtune.mining.ledger import read_ledger
from embedtune.models.endpoints.address import parse_endpoint
from embedtune.models.endpoints.transport import TRIES, Transport
from embedtune.workflows.data.judge import as_text, judge_ledger

NAME = "http://localhost:1/v1#judge"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Forty pairs: the model says yes to candidates with "right"; people decided twenty, three of them otherwise."""
    lines = []
    for i in range(40):
        right = i % 2 == 0
        decision = ("positive" if right != (i < 3) else "negative") if i < 20 else None
        candidate = f"{'right' if right else 'wrong'} {i}"
        lines.append(
            {"query": f"q{i}", "positive": f"p{i}", "candidate": candidate, "decision": decision, "score": 0.5}
        )
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def judge(body: dict) -> str:
    text = body["messages"][1]["content"]
    return "perhaps" if "39" in text else "Yes." if "Candidate: right" in text else "no"


def ask(ledger: Path, fake: FakeEndpoint, output: str = "judged.jsonl", **more: object):
    transport = Transport(parse_endpoint(NAME), session=fake.session, clock=fake.clock)
    folder = ledger.parent
    return judge_ledger(
        str(ledger), str(folder / output), NAME, store=str(folder / "store"), transport=transport, **more
    )


def test_the_ledger_is_filled_and_agreement_measured(ledger: Path) -> None:
    fake = FakeEndpoint()
    fake.say = judge
    result = ask(ledger, fake)
    assert result.decided == {"positive": 10, "negative": 9} and (result.given, result.unclear) == (20, 1)
    given = [json.loads(line)["decision"] == "positive" for line in ledger.read_text().splitlines()[:20]]
    assert result.kappa == pytest.approx(cohen_kappa_score(given, [i % 2 == 0 for i in range(20)]))
    assert result.interval is not None and result.interval[0] < result.kappa < result.interval[1]
    assert "17 of 20 decisions" in as_text(result) and "95% interval" in as_text(result)
    before, after = (
        [json.loads(line) for line in path.read_text().splitlines()] for path in (ledger, Path(result.output))
    )
    assert after[:20] == before[:20] and after[39]["decision"] is None and after[20]["decided_by"] == "model"
    assert read_ledger(Path(result.output)).open == 1
    assert all(body["temperature"] == 0 for body in fake.bodies)


def test_answers_are_kept_when_the_endpoint_fails(ledger: Path) -> None:
    fake = FakeEndpoint()
    fake.say, fake.coming = judge, ["ok"] * 7 + ["503"] * TRIES
    with pytest.raises(ModelError, match="no usable answer"):
        ask(ledger, fake)
    assert not (ledger.parent / "judged.jsonl").exists()
    again = FakeEndpoint()
    again.say = judge
    ask(ledger, again)
    assert len(again.bodies) == 40 - 7


def test_a_ledger_without_decisions_says_that_nothing_is_known(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(json.dumps({"query": "q", "candidate": "right", "decision": None}) + "\n")
    fake = FakeEndpoint()
    fake.say = judge
    result = ask(path, fake)
    assert result.kappa is None and "is not known" in as_text(result)
    path.write_text("")
    with pytest.raises(DataError):
        ask(path, fake, "other.jsonl")
