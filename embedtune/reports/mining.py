"""The report of a mining job, as a page and as Markdown: what was found, what was dropped and why, what to change."""

from collections.abc import Mapping
from typing import Any

from embedtune.reports.charts import Series, histogram
from embedtune.reports.html import render
from embedtune.reports.markdown import bullets, code, escape, fenced, findings, table
from embedtune.reports.wording import duration, memory, mining_summary, sentence

REASONS = {
    "known_positive": "known to be relevant to the query",
    "duplicate": "the same text as the query, a positive or a better candidate, but for case and punctuation",
    "same_group": "of the query's own group",
    "range": "outside the range of ranks",
    "min_score": "below the lowest score",
    "max_score": "above the highest score",
    "margin": "too close to the positive's score, or above it (margin)",
    "relative_margin": "too close to the positive's score, or above it (relative margin)",
    "percent_of_positive": "above the percentage of the positive's score",
    "guide": "as good as the positive in the guide's opinion",
    "cross_encoder": "as good as the positive in the cross-encoder's opinion",
}
SCORES = (("positives", "positives"), ("kept", "kept candidates"), ("dropped", "dropped candidates"))
LEADS = (("lead_kept", "kept candidates"), ("lead_dropped", "dropped candidates"))


def mining_page(result: Mapping[str, Any]) -> str:
    """The report as one HTML file.

    Args:
        result: the keys of `embedtune mine --json`.
    """
    counts, margin = result["histogram"], _margin(result)
    scores = histogram(
        "Similarity of the queries to their positives and to the candidates in the range.",
        counts["edges"],
        [Series(name, counts[key], kind) for kind, (key, name) in enumerate(SCORES)],
        unit="cosine similarity",
    )
    leads = histogram(
        "How far candidates lie above the positive of their own query; below zero, the positive is nearer.",
        counts["edges"],
        [Series(name, counts[key], kind) for kind, (key, name) in enumerate(LEADS, start=1)],
        unit="the candidate's similarity less the positive's",
        at=None if margin is None else -margin,
    )
    return render(
        "mining.html",
        result=result,
        summary=mining_summary(result),
        facts=_facts(result),
        reasons=_reasons(result),
        short=_short(result),
        run=_run(result),
        charts=[scores, leads],
    )


def mining_report(result: Mapping[str, Any]) -> str:
    """The same as Markdown, without the chart."""
    calibration = result["calibration"]
    counts = [(escape(row["words"]), f"{row['count']:,}", f"{row['share']:.1%}") for row in _reasons(result)]
    short = [(f"{found} of {result['asked']}", f"{count:,}") for found, count in _short(result)]
    digests = [(code(name), code(digest)) for name, digest in result["facts"]["data_sha256"].items()]
    sections = (
        "# Mined negatives",
        f"**{escape(mining_summary(result))}**",
        table(("", ""), [(name, value) for name, value in _facts(result)], numbers=True),
        findings(result),
        f"## The margin\n\n{escape(sentence(calibration['reason']))}" if calibration else "",
        "## What was dropped\n\n" + table(("reason", "candidates", "share"), counts, numbers=True),
        "## Queries short of negatives\n\n" + table(("negatives found", "queries"), short, numbers=True)
        if short
        else "",
        _examples(result),
        bullets("How it was made", result["described"]),
        table(("", ""), [(escape(name), escape(value)) for name, value in _run(result)]),
        "## Repeat this job\n\nSave this as `mine.yaml` and run `embedtune mine mine.yaml`.",
        fenced("yaml", str(result["recipe"]).strip("\n").splitlines()),
        table(("data", "sha256"), digests),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _margin(result: Mapping[str, Any]) -> float | None:
    """The margin chosen for the job, or None."""
    return result["calibration"]["margin"] if result["calibration"] else None


def _facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {"negatives": "negatives", "queries": "queries", "documents": "documents", "queries_short": "queries short"}
    return [(name, f"{result[key]:,}") for key, name in names.items()]


def _reasons(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [("kept", "kept", result["kept"])]
    rows += [(reason, REASONS.get(reason, reason), count) for reason, count in result["dropped"].items()]
    return [
        {"words": words, "count": count, "share": result["shares"][reason], "reason": reason}
        for reason, words, count in rows
    ]


def _short(result: Mapping[str, Any]) -> list[tuple[int, int]]:
    """(negatives found, queries) below the number asked for."""
    return [(found, count) for found, count in enumerate(result["found"][:-1]) if count]


def _run(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = {
        "output": result["output"],
        "ledger of suspicious pairs": result["ledger"],
        "whole command": duration(result["elapsed_s"]),
        "peak memory": memory(result["peak_memory_bytes"]),
    }
    return [(name, str(value)) for name, value in facts.items() if value]


def _examples(result: Mapping[str, Any]) -> str:
    parts = []
    for example in result["examples"]:
        rows = [("positive", escape(example["positive"]), f"{example['positive_score']:.3f}")]
        rows += [("negative", escape(one["text"]), f"{one['score']:.3f}") for one in example["negatives"]]
        rows += [
            (f"dropped ({one['reason']})", escape(one["text"]), f"{one['score']:.3f}") for one in example["dropped"]
        ]
        parts.append(f"**{escape(example['query'])}**\n\n" + table(("", "text", "score"), rows))
    return "\n\n".join(["## Examples to read", *parts]) if parts else ""
