"""A finished run as `--json` gives it, with texts that try to break what shows them."""

import numpy as np
import pytest

from embedtune.data.rows import Finding
from embedtune.evaluation.significance import compare_paired

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
    return {
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
