"""The report of a training run as Markdown: the verdict first, then why to believe it, then how to repeat and use it.

Every text that came from data or options is escaped: a document's title can neither break the report nor put a link
in it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.printable import printable
from embedtune.reports.wording import (
    basis,
    by_severity,
    duration,
    memory,
    said,
    score_parts,
    word_and_sentence,
)

CURVE_ROWS = 30


def train_report(result: Mapping[str, Any]) -> str:
    """The report of a run.

    Args:
        result: the keys of `embedtune train --json`; a part whose keys are missing or empty is left out.

    Returns: Markdown that ends with a line end.
    """
    sections = (
        _verdict(result),
        findings(result),
        _guide(result),
        bullets("Data", result.get("described", ())),
        _run(result),
        _curve(result),
        _use(result),
        _repeat(result),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def escape(text: object) -> str:
    """A text as Markdown shows it literally, on one line.

    >>> print(escape("<b>[연금](http://x) *a* | b_c\\n# d"))
    \\<b\\>\\[연금\\](http://x) \\*a\\* \\| b_c\\\\n\\# d
    """
    line = printable(str(text))
    line = re.sub(r"([\\`*\[\]<>#|~&])", r"\\\1", line)
    line = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", line)  # inside a word an underscore means nothing
    return re.sub(r"^(\s*\d*)([-+=.)])(?=[-=\s]|$)", r"\1\\\2", line)  # would open a list or underline a heading


def code(text: object) -> str:
    """A text as a code span, whatever backticks it holds.

    >>> code("a`b"), code("runs/x")
    ('`` a`b ``', '`runs/x`')
    """
    line = printable(str(text))
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if len(fence) > 1 else f"`{line}`"


def _verdict(result: Mapping[str, Any]) -> str:
    verdict = result.get("verdict")
    test = result.get("test_queries", 0)
    unseen = result.get("unseen_queries", test)
    groups = score_parts(
        result.get("before", {}),
        result.get("after", {}),
        result.get("before_unseen"),
        result.get("after_unseen"),
        test_queries=test,
        unseen_queries=unseen,
    )
    word, sentence = word_and_sentence(verdict)
    lines = [f"# {word.capitalize()}", f"**{escape(sentence)}**"]
    for heading, before, after in groups:
        rows = [
            (metric_label(escape(name)), f"{value:.3f}", f"{after[name]:.3f}", f"{after[name] - value:+.3f}")
            for name, value in before.items()
        ]
        lines.append(
            f"{heading.capitalize()}:\n\n{table(('metric', 'before', 'after', 'difference'), rows, numbers=True)}"
        )
    if verdict and basis(test, unseen):
        lines.append(basis(test, unseen))
    return "\n\n".join(lines)


def findings(result: Mapping[str, Any]) -> str:
    lines = []
    for finding in by_severity(result.get("findings", ())):
        lines.append(f"- **{finding.severity}** ({code(finding.code)}): {escape(said(finding))}")
        lines += [f"  - {code(example)}" for example in finding.examples]
    return "\n".join(["## What to know", "", *lines]) if lines else ""


def _guide(result: Mapping[str, Any]) -> str:
    guide = result.get("guide")
    if not guide:
        return ""
    shares = {
        "margin": guide.get("margin"),
        "ranks the positive first": _percent(guide.get("positive_first_share")),
        "drops of the other candidates": _percent(guide.get("masked_share")),
        "measured at step": guide.get("step"),
    }
    rows = [(name, escape(value)) for name, value in shares.items() if value is not None]
    said = f"Guide {code(guide.get('name', 'none'))}: {escape(guide['note'])}." if guide.get("note") else ""
    parts = ["## What the guide is worth", said.replace("..", "."), table(("", ""), rows), _margins(guide)]
    return "\n\n".join(filter(None, parts))


def _margins(guide: Mapping[str, Any]) -> str:
    """What other margins would do, and what is proposed."""
    rows = [
        (f"{one['margin']:g}", f"{one['masked_share']:.2%}", _percent(one["found_share"]) or "none is known")
        for one in guide.get("margins") or ()
    ]
    header = ("at margin", "drops of the other candidates", "finds of the known false negatives")
    proposal = guide.get("proposal")
    said = f"Proposal: {escape(proposal['sentence'])} ({code(proposal['option'])})." if proposal else ""
    return "\n\n".join(filter(None, [table(header, rows, numbers=True), said]))


def _run(result: Mapping[str, Any]) -> str:
    losses = [f"{loss['name']}:{loss['weight']:g}" for loss in result.get("losses", ())]
    facts = {
        "run folder": code(result["run"]) if result.get("run") else None,
        "model": code(result["model"]) if result.get("model") else None,
        "losses": escape(", ".join(losses)) or None,
        "steps": f"{result['steps']:,}" if "steps" in result else None,
        "epochs": f"{round(result['epochs'], 2):g}" if "epochs" in result else None,
        "training pairs per second": f"{result['examples_per_s']:,.0f}" if "examples_per_s" in result else None,
        "whole command": duration(result["elapsed_s"]) if "elapsed_s" in result else None,
        "peak memory": memory(result["peak_memory_bytes"]) if "peak_memory_bytes" in result else None,
    }
    rows = [(name, value) for name, value in facts.items() if value is not None]
    return f"## The run\n\n{table(('', ''), rows)}" if rows else ""


def _curve(result: Mapping[str, Any]) -> str:
    """The dev scores by step: all of them, or CURVE_ROWS of them when there are more."""
    curve = list(result.get("dev_curve") or ())
    if not curve:
        return ""
    best = result.get("best_step")
    stride = -(-len(curve) // CURVE_ROWS)
    shown = [point for i, point in enumerate(curve) if i % stride == 0 or point[0] == best or i == len(curve) - 1]
    names = list(curve[0][1])
    rows = [
        (f"{step:,}{' (kept)' if step == best else ''}", *(f"{scores[name]:.3f}" for name in names))
        for step, scores in shown
    ]
    header = ("step", *(metric_label(escape(name)) for name in names))
    return f"## On the dev split\n\n{table(header, rows, numbers=True)}"


def _use(result: Mapping[str, Any]) -> str:
    lines = result.get("how_to_use", ())
    return f"## Use the model\n\n{fenced('python', lines)}" if lines else ""


def _repeat(result: Mapping[str, Any]) -> str:
    recipe = str(result.get("recipe", "")).strip("\n")
    if not recipe:
        return ""
    facts = result.get("facts") or {}
    versions = result.get("versions") or facts.get("versions") or {}
    parts = [
        "## Repeat this run",
        "Save this as `recipe.yaml` (it is also in the run folder) and run "
        "`embedtune train recipe.yaml --output ANOTHER_FOLDER`.",
        fenced("yaml", recipe.splitlines()),
        table(("package", "version"), [(code(name), code(version)) for name, version in versions.items()]),
        table(("data", "sha256"), [(code(name), code(sha)) for name, sha in facts.get("data_sha256", {}).items()]),
    ]
    return "\n\n".join(filter(None, parts))


def bullets(heading: str, texts: Sequence[str]) -> str:
    return "\n".join([f"## {heading}", "", *(f"- {escape(text)}" for text in texts)]) if texts else ""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False) -> str:
    """A Markdown table of cells that are escaped already, with `numbers` right-aligned; nothing without rows."""
    if not rows:
        return ""
    rule = ["---", *["---:" if numbers else "---" for _ in header[1:]]]
    # A table is cut into cells before its code spans are read, so a bar in one of them ends the cell too.
    safe = ([re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in cells] for cells in (header, rule, *rows))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in safe)


def fenced(language: str, lines: Sequence[str]) -> str:
    """A code block whose fence is longer than any run of backticks within."""
    body = [printable(line, keep="\t") for line in lines]
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", "\n".join(body))), default=0))
    return "\n".join([f"{fence}{language}", *body, fence])


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"
