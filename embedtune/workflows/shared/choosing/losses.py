"""Which losses suit a data set, with reasons counted in the data, and the command that would show which is best.

A proposal from data alone is a guess: it says what the data can serve and what is likely to go wrong, not what is best.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from embedtune.config.course import Course
from embedtune.config.graded import ALIKE
from embedtune.config.sections.training import TrainingSection
from embedtune.data.checks import run_checks
from embedtune.data.checks.in_batch import InBatch
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.data.sets.graded import pairs_like
from embedtune.findings import counted
from embedtune.models.sources.on_hub import STARTER
from embedtune.reports.document.wording import sentence
from embedtune.workflows.shared.choosing.arms import RACED_QUERIES
from embedtune.workflows.shared.choosing.teacher import WEIGHT, few_scores, teacher_temperature, teaches

GRADED = "cosent"
"""Learns from scored pairs."""
RUNS, FEWEST_STEPS = 14, 100
"""Full runs that a race should have steps for: ten, and what settles a starter's rate and margin; and the least."""


@dataclass(frozen=True)
class Advice:
    """What is proposed for a data set.

    Args:
        losses: names and weights, as `--loss` takes them.
        reasons: sentences, each with what was counted.
        command: trains with them.
        know: the command that compares them with others, or what is missing for one.
        can_race: whether a race can.
    """

    losses: tuple[str, ...]
    reasons: tuple[str, ...]
    command: str
    know: str
    can_race: bool = True

    @property
    def sentence(self) -> str:
        """The first reason and where to read on, for a run whose recipe names no loss."""
        more = self.command.partition("--data ")[2]
        race = f", and `{self.know}` finds out what is best" if self.can_race else ""
        return f"loss: none was named. {self.reasons[0]} `embedtune losses --data {more}` gives more reasons{race}."


def advise(
    data: TrainingData, source: str, columns: Mapping[str, str] | None = None, *, model: str = STARTER
) -> Advice:
    """Propose losses for data that are read; `source`, `columns` and `model` name them in the commands."""
    rows, dev = data.train, 0 if data.dev is None else len(data.dev)
    mapped = ",".join(f"{role}={column}" for role, column in (columns or {}).items())
    named = shlex.quote(source) + (f" --columns {shlex.quote(mapped)}" if mapped else "")
    if rows.grades is not None:
        return _on_graded(rows, named)
    losses: tuple[str, ...] = ("infonce",) if data.unpaired else ("gist",)
    scaled = ""
    if teaches(rows):
        losses = (*losses, f"distill:{WEIGHT:g}")
        scaled = f" loss.1.args.teacher_temperature={teacher_temperature(rows):g}"
    flags = " ".join(f"--loss {one}" for one in losses)
    static = model == STARTER
    named += "" if static else f" --model {shlex.quote(model)}"
    steps = RUNS * Course.of(TrainingSection(), len(rows), static=static).steps(len(rows))
    race = f"embedtune tune --data {named} --budget {max(FEWEST_STEPS, round(steps, -1))}steps"
    few = f"a race of recipes needs at least {RACED_QUERIES} dev queries, and there are {dev}"
    can_race = dev >= RACED_QUERIES
    command = f"embedtune train {flags}{scaled} --data {named}"
    return Advice(losses, tuple(_reasons(data)), command, race if can_race else few, can_race)


def _on_graded(rows: Rows, named: str) -> Advice:
    """Pairs with scores that say how similar they are; recipes for these are not raced, so two runs are compared."""
    alike = len(pairs_like(rows))
    return Advice(
        (GRADED,),
        (
            f"{counted(len(rows), 'scored pair')}: {GRADED} learns the order of all scores.",
            f"{alike:,} of them score at least {ALIKE:.0%} of the highest; gist would learn from these alone, and "
            f"--loss {GRADED} --loss gist:0.1 does both.",
        ),
        f"embedtune train --loss {GRADED} --data {named}",
        f"embedtune train --loss {GRADED} --loss gist:0.1 --data {named}, and then embedtune compare RUN RUN",
    )


def _reasons(data: TrainingData) -> Iterator[str]:
    rows = data.train
    if data.unpaired:
        yield "The data has texts without pairs: infonce tells two views of a text from views of other texts."
    else:
        yield f"{counted(len(rows), 'pair')}: gist separates each positive from the other rows of a batch."
    yield from _false_negatives(rows)
    if rows.has_negatives:
        share = sum(map(bool, rows.negatives)) / len(rows)
        yield f"{share:.0%} of the rows have negatives of their own; gist and infonce use them."
    if teaches(rows):
        yield "A teacher has scored positives and negatives: distill learns its order besides the pairs."
    elif (few := few_scores(rows)) is not None:
        yield sentence(few.message)
    elif not data.unpaired:
        yield (
            "No scores of a teacher. Contrast with pairs alone often makes a strong encoder worse on its own corpus "
            "(arXiv:2502.19712): compare with the encoder before training, which `train` does, before you replace it."
        )


def _false_negatives(rows: Rows) -> Iterator[str]:
    """How many right answers a batch holds by accident, as far as the data know."""
    course = Course.of(TrainingSection(), len(rows), static=False)
    counter = InBatch(TrainingSection())
    run_checks([counter], [rows])
    others = max(0, min(course.batch_size, len(rows)) - 1)
    known = counter.known_share() * others
    if rows.labels is not None:
        yield f"The pairs were made from {counted(len(set(rows.labels)), 'class')}; rows of one class are masked."
    if known >= 1:
        yield (
            f"Of the {others} other rows of a batch, {known:.1f} share a text or class with an anchor, and are masked. "
            "Answers that the data do not know of are as likely: let a guide mask them too (--guide self)."
        )
    else:
        yield (
            f"Of the {others} other rows of a batch, {known:.2f} share a text or class with an anchor: few are right "
            "answers, as far as the data know; `train` tries on dev whether a guide finds more."
        )
