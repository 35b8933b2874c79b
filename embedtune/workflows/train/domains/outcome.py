"""The result of a run over domains: the verdict on all of them together, the matrix, and what was forgotten."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from embedtune.config.recipe.load import dump_config
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.evaluation.domains.forgetting import Forgetting
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.findings import Finding
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.train import TrainResult, WeightedLoss
from embedtune.reports.train import training
from embedtune.workflows.shared.machine import peak_memory_bytes
from embedtune.workflows.shared.run_folder import PAGE, REPORT, SESSIONS, STARTED_IN, RunFolder, how_to_use
from embedtune.workflows.shared.run_space import size_bytes
from embedtune.workflows.shared.scoring import PER_QUERY, judge
from embedtune.workflows.train.domains.exam import Exam
from embedtune.workflows.train.kept.card import write_card


@dataclass(frozen=True)
class DomainsOutcome:
    """What a run over domains has found.

    Args:
        stages: the result of each.
        before: scores of the start.
        after: scores of the last model.
        matrix: (D, D) by stage and domain.
        forgetting: what was lost.
    """

    config: TrainConfig
    data: TrainingData
    exam: Exam
    stages: Sequence[TrainResult]
    before: RetrievalScores
    after: RetrievalScores
    matrix: np.ndarray
    forgetting: Forgetting


def finished(outcome: DomainsOutcome, folder: RunFolder, started: float) -> TrainResult:
    """The result of the run, written to its folder with its page and its card."""
    exam, seed = outcome.exam, outcome.config.training.seed
    judgment = judge(outcome.before, outcome.after, exam.unseen, primary=exam.metric, seed=seed)
    lines = (json.loads(line) for line in judgment.lines(exam.texts).splitlines())
    said = ({**line, **asked} for line, asked in zip(lines, exam.asked(), strict=True))
    folder.write(PER_QUERY, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in said))
    stages, recorded = outcome.stages, folder.facts()
    result = TrainResult(
        run=str(folder.path),
        model=str(folder.model),
        losses=tuple(WeightedLoss(one.name, one.weight) for one in outcome.config.loss),
        steps=sum(one.steps for one in stages),
        epochs=float(np.mean([one.epochs for one in stages])),
        examples_per_s=float(np.mean([one.examples_per_s for one in stages])),
        elapsed_s=round(time.perf_counter() - started, 2),
        peak_memory_bytes=peak_memory_bytes(),
        **exam.fields(judgment),
        findings=(*outcome.data.findings, *_of_stages(outcome)),
        described=outcome.data.described,
        how_to_use=how_to_use(folder.model),
        recipe=dump_config(outcome.config),
        facts={name: value for name, value in recorded.items() if name not in (STARTED_IN, SESSIONS)},
        model_bytes=size_bytes(folder.model),
        report=str(folder.path / PAGE),
        date=f"{datetime.now():%Y-%m-%d}",
        domains=tuple(tuple(row) for row in outcome.matrix.tolist()),
        forgetting=outcome.forgetting,
    )
    write_card(folder, outcome.config, result)
    report = training(result)
    folder.write(PAGE, page(report))
    folder.write("report.md", markdown(report))
    folder.write_json(REPORT, result.as_json())
    return result


def _of_stages(outcome: DomainsOutcome) -> list[Finding]:
    """What to know of single stages, each with the name of its domain; what the data show is said once, above."""
    found: list[Finding] = []
    for name, one in zip(outcome.forgetting.names, outcome.stages, strict=True):
        found += [replace(finding, message=f"{name}: {finding.message}") for finding in one.findings]
    return found
