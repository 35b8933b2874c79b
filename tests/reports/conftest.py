"""Results of every command, with texts that try to break what shows them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embedtune.evaluation.verdicts.evidence import Evidence
from embedtune.evaluation.verdicts.significance import compare_paired
from embedtune.findings import Finding
from embedtune.reports.results.base import from_plain
from embedtune.reports.results.compare import CompareResult
from embedtune.reports.results.evaluate import EvaluateResult
from embedtune.reports.results.mine import MineResult
from embedtune.reports.results.train import Curves, TrainResult

NASTY = '<script>alert(1)</script> | **x** `y` \x1b[31m <img src=x onerror="z">'
EVIL = "<script>alert(1)</script>|`x`\x1b[31m"
METRICS = ("ndcg@10", "mrr@10", "recall@10", "recall@100")
HOSTILE = "청년 | 월세 [bold]지원[/bold] <script>x</script> [눌러](http://evil) *a* `b`\x1b[31m\n# heading\u202e"


@pytest.fixture(scope="session")
def verdict():
    """104 unseen queries on which nothing changed but noise."""
    rng = np.random.default_rng(0)
    before = rng.uniform(0, 1, 104)
    return compare_paired(before, before + rng.normal(0, 0.1, 104), metric="ndcg@10", on="unseen")


@pytest.fixture
def result(verdict):
    """A run on a leaking set: all test queries leap, the unseen ones do not."""
    plain = {
        "run": "runs/20250102-030405-gist",
        "model": "runs/20250102-030405-gist/model",
        "losses": [{"name": "gist", "weight": 1.0}, {"name": "sigreg", "weight": 0.05}],
        "steps": 290,
        "epochs": 2.6667,
        "examples_per_s": 2310.4,
        "elapsed_s": 192.3,
        "peak_memory_bytes": 2 * 2**30,
        "before": dict(zip(METRICS, (0.5712, 0.5398, 0.7012, 0.8811), strict=True)),
        "after": dict(zip(METRICS, (0.8121, 0.79, 0.921, 0.971), strict=True)),
        "before_unseen": dict(zip(METRICS, (0.6142, 0.582, 0.744, 0.902), strict=True)),
        "after_unseen": dict(zip(METRICS, (0.6131, 0.58, 0.751, 0.911), strict=True)),
        "verdict": verdict.as_dict(),
        "findings": [
            {
                "code": "copies",
                "severity": "note",
                "count": 2,
                "message": "2 rows are equal",
                "fix": "",
                "examples": (),
            },
            Finding("hostile", "error", 1, HOSTILE, "rename it", (f"a.jsonl:1 {HOSTILE}",)),
            Finding("overlap", "warning", 196, "judgments overlap with training"),
        ],
        "test_queries": 300,
        "unseen_queries": 104,
        "described": ("read 919 pairs from a BEIR folder, split train", HOSTILE),
        "guide": {
            "name": "self",
            "margin": 0.05,
            "positive_first_share": 0.612,
            "masked_share": 0.0131,
            "step": 261,
            "note": "on 771 held-out pairs it ranks the positive first for 61.2%",
        },
        "dev_curve": [(29 * i, {"ndcg@10": 0.5 + i / 100, "mrr@10": 0.4}) for i in range(1, 11)],
        "best_step": 261,
        "how_to_use": ("from sentence_transformers import SentenceTransformer", "", 'model = SentenceTransformer("m")'),
        "recipe": "model:\n  name: starter\nloss:\n- name: gist\n",
        "facts": {"versions": {"embedtune": "0.1.0", "torch": "2.13.0"}, "data_sha256": {"청년 월세.jsonl": "0a1b"}},
    }
    return TrainResult.from_json(plain)


@pytest.fixture
def evidence() -> Evidence:
    """Two systems on one scale and one on a scale of its own; ten queries, of which one was won and two were lost."""
    edges = [place / 40 for place in range(41)]
    counts = {"relevant": [0] * 20 + [3] * 10 + [0] * 10, "irrelevant": [0] * 5 + [7] * 20 + [0] * 15}
    cosines = {"edges": edges, **counts, "threshold": 0.625, "precision": 0.75, "recall": 0.5, "f1": 0.6}
    words = {**cosines, "edges": [20 * edge for edge in edges], "threshold": 12.5}
    recall = {"k": [1, 10, 100], "values": [0.25, 0.5, 0.75]}
    systems = [
        {"label": label, "recall": recall, "scores": scores, "unfound": unfound}
        for label, scores, unfound in (("before", cosines, 2), ("after", cosines, 0), (f"bm25 {NASTY}", words, 1))
    ]
    documents = [
        {"document": "d1", "text": f"월세를 지원합니다 {NASTY}", "grade": 2, "rank_a": 12, "rank_b": 1},
        {"document": "d2", "text": None, "grade": 0, "rank_a": 1, "rank_b": None},
        {"document": "d3", "text": "another", "grade": None, "rank_a": None, "rank_b": 3},
    ]
    helped = {"query": "q1", "text": f"청년 월세 지원 {NASTY}", "a": 0.25, "b": 1.0, "documents": documents}
    hurt = {"query": "q2", "text": None, "a": 0.5, "b": 0.125, "documents": []}
    pair = {
        "a": "before",
        "b": "after",
        "on": "unseen",
        "differences": [-0.375, -0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.75],
        **{"won": 1, "lost": 2, "tied": 7, "minimum_detectable_effect": 0.0625},
        **{"helped": [helped], "hurt": [hurt]},
    }
    facts = {"data": "test", "metric": "ndcg@10", "queries": 10, "depth": 100}
    return from_plain(Evidence, {**facts, "systems": systems, "pairs": [pair]})


@pytest.fixture
def curves() -> Curves:
    """Ten points of four steps each, with a gauge that was measured now and then."""
    steps = list(range(4, 44, 4))
    falling = [8 - place / 2 for place in range(10)]
    now_and_then = [place * 10.0 if place % 2 else None for place in range(10)]
    return Curves(
        tuple(steps),
        4,
        (
            {"name": "loss", "lines": {"loss": [2 * value for value in falling], "gist": falling}},
            {"name": "collapse: effective rank", "lines": {"effective rank": now_and_then}},
            {"name": "dev", "steps": [20, 40], "lines": {"ndcg@10": [0.25, 0.5], f"x {NASTY}": [0.5, 0.25]}},
        ),
    )


@pytest.fixture
def trained(result: TrainResult, evidence: Evidence, curves: Curves) -> TrainResult:
    """The run with everything that goes with it."""
    tests = [
        {"metric": metric, "a": 0.5, "b": 0.625, "difference": 0.125, "interval": (0.0625, 0.25), **decision}
        for metric, decision in zip(
            METRICS,
            [{"p_value": p, "p_holm": p, "verdict": word} for p, word in ((0.0001, "better"), (0.5, "worse"))],
            strict=False,
        )
    ]
    return replace(result, evidence=evidence, curves=curves, metrics=tuple(tests), best_step=40)


@pytest.fixture
def compared(evidence: Evidence, trained: TrainResult) -> CompareResult:
    """Three systems, one of them with two seeds."""
    first = {
        **trained.metrics[0],
        **{"sentence": f"Better: it rose {NASTY}.", "won": 1, "lost": 2, "tied": 7, "on": "all"},
        **{"minimum_detectable_effect": 0.0625, "queries": 10, "over_seeds": None},
        "most_won": [{"query": "q1", "text": f"질문 {NASTY}", "a": 0.25, "b": 1.0}],
        "most_lost": [{"query": "q2", "text": None, "a": 0.5, "b": 0.125}],
    }
    plain = {
        **first,
        "metrics": trained.metrics,
        "names": {"a": ["하나"], "b": [f"둘 {NASTY}", "둘-2"], "c": ["셋"]},
        "seeds": {"a": [0.5], "b": [0.625, 0.6875], "c": [0.375]},
        "others": [{**first, "metrics": trained.metrics[:1], "verdict": "worse", "sentence": "Worse: it fell."}],
        "evidence": [evidence],
        "findings": [{"code": "x", "severity": "warning", "count": 1, "message": NASTY, "fix": "", "examples": ()}],
        "described": [f"read {NASTY}"],
        "facts": {"versions": {"embedtune": "9"}},
        "report": "out/report.html",
    }
    return CompareResult.from_json(plain)


@pytest.fixture
def mined() -> MineResult:
    dropped = {"known_positive": 40, "range": 100, "margin": 60}
    example = {
        "query": f"질문 {NASTY}",
        "positive": f"정답 {NASTY}",
        "positive_score": 0.75,
        "negatives": [{"text": f"오답 {NASTY}", "score": 0.5, "reason": "kept"}],
        "dropped": [{"text": f"버림 {NASTY}", "score": 0.875, "reason": "margin"}],
    }
    plain = {
        "output": "out/<결과>.jsonl",
        "rows": 12,
        "negatives": 34,
        "queries": 11,
        "documents": 1234,
        "queries_short": 3,
        "asked": 4,
        "found": [1, 0, 2, 0, 8],
        "kept": 200,
        "dropped": dropped,
        "shares": {"kept": 0.5, "known_positive": 0.1, "range": 0.25, "margin": 0.15},
        "calibration": {
            **{"margin": 0.0625, "kept": 0.9, "found": None, "queries_empty": 0.0, "rule": "mirror"},
            **{"reason": "a margin of 0.0625 keeps most", "warning": None},
        },
        "histogram": {
            "edges": [-1.0, 0.0, 1.0],
            "positives": [1, 9],
            "kept": [150, 50],
            "dropped": [10, 50],
            "lead_kept": [200, 0],
            "lead_dropped": [20, 40],
        },
        "examples": [example],
        "findings": [
            {"code": "a", "severity": "warning", "count": 3, "message": f"m {NASTY}", "fix": "f", "examples": (NASTY,)}
        ],
        "described": [f"read {NASTY}"],
        "recipe": f"data:\n  source: '{NASTY}'\n",
        "facts": {"versions": {"embedtune": "1.2.3"}, "data_sha256": {"쌍.jsonl": "ab" * 32}},
        "ledger": "out/<결과>.ledger.jsonl",
        "elapsed_s": 75.0,
        "peak_memory_bytes": 2**30,
        "report": "out/<결과>.report.html",
    }
    return MineResult.from_json(plain)


def _row(label: str, value: float, data: str = "세트 test") -> dict[str, Any]:
    metrics = {"recall@5": 0.25, "ndcg@10": value}
    intervals = {name: [each - 0.1, each + 0.1] for name, each in metrics.items()}
    facts = {"task": "retrieval", "model": label, "label": label, "data": data, "dimensions": None}
    facts |= {"truncated": {}, "run": f"{label}.trec"}
    return {**facts, "metrics": metrics, "intervals": intervals, "queries": 1234, "documents": 5678}


@pytest.fixture
def evaluated(evidence: Evidence) -> EvaluateResult:
    test = {"data": "세트 test", "a": "가", "b": EVIL, "difference": 0.2, "p_holm": 0.0002, "verdict": "better"}
    test["interval"] = [0.125, 0.25]
    plain = {
        "models": [_row("가", 0.3), _row(EVIL, 0.5)],
        "metric": "ndcg@10",
        "means": [],
        "comparisons": [{**test, "sentence": "Better: it rose."}],
        "findings": [Finding("odd", "warning", 1, f"a query says {EVIL}.")],
        "described": [f"read {EVIL}"],
        "facts": {"versions": {"embedtune": "9"}, "data_sha256": {"x": "abc"}},
        "evidence": [replace(evidence, data="세트 test")],
        "report": "out/report.html",
    }
    return EvaluateResult.from_json(plain)
