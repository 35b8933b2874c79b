"""The report of a race of recipes: who won and by what evidence, who left when, and what more data would bring."""

from collections.abc import Collection, Iterator

from markupsafe import Markup
from rich.console import Group, RenderableType
from rich.text import Text as TerminalText

from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.verdicts.paired_tests import p_said
from embedtune.findings import counted
from embedtune.racing.decision import small_said
from embedtune.reports.document.blocks import (
    Block,
    Bullets,
    Facts,
    Figure,
    Findings,
    Listing,
    Report,
    Section,
    Table,
    Text,
)
from embedtune.reports.document.charts.axis import KINDS
from embedtune.reports.document.charts.lines import Line, line_chart
from embedtune.reports.document.terminal import findings_below, places, plain_table, verdict_line
from embedtune.reports.document.wording import duration
from embedtune.reports.results.tune import ArmTest, TuneResult
from embedtune.reports.sections.provenance import provenance

LEFT = {
    "winner": "won",
    "default": "the default",
    "final": "lost the final",
    "not in full": "not better in full",
    "behind": "behind",
    "no room": "set aside",
    "not started": "not started",
}

CURSE = (
    "Gains are over all dev queries that were scored and all test queries; the tests above rest on unseen documents, "
    "where there are any. What was chosen on dev looks better there than it is."
)


def table(result: TuneResult, reported: Collection[str] = ()) -> RenderableType:
    """The arms, the decision, the test, the findings, and where everything is."""
    shown = _arms(result)
    word, said = _verdict(result)
    parts: list[RenderableType] = [plain_table(shown.header, shown.rows), TerminalText(), TerminalText(result.decision)]
    parts += [TerminalText(), verdict_line(said, word)]
    if result.comparisons:
        tests = _tests(_on_test(result))
        parts += [TerminalText(), plain_table(tests.header, tests.rows)]
    parts += [TerminalText(line) for line in _further(result)]
    where = {"model": result.model, "recipe": result.recipe, "report": result.report}
    return Group(*parts, *findings_below(result.findings, reported), *places(where))


def tuning(result: TuneResult) -> Report:
    """What the report of a race says."""
    word, said = _verdict(result)
    metric = metric_label(result.metric)
    blocks: list[Block] = [
        Text(result.decision),
        Facts(list(_budget(result))),
        Section(
            "The race",
            [
                Figure(_picture(result), _rounds(result), both=True),
                Text(
                    f"Mean {metric} on dev after each round, of the {KINDS} arms that ran furthest; a line ends where "
                    f"its arm left. {_seeds(result)}",
                    quiet=True,
                ),
            ],
        ),
        Section("The arms", [_arms(result), Text(_explained(result), quiet=True)]),
        Section("The decision on dev", [_tests(_decided(result)), Text(_smallest(result), quiet=True)]),
        Section(
            "Test, opened once",
            [_tests(_on_test(result)), _gains(result), Text(CURSE if result.gains else "", quiet=True)],
        ),
        Section("What more data would bring", [Bullets(list(_further(result))), _curve(result)]),
        Section("What to know", [Findings(result.findings)]),
        Section("What was shared", [Bullets(result.shared)]),
        Section("Again", [Listing("sh", _again(result))]),
        Section("Data", [Bullets(result.described)]),
        Section("Versions and data", provenance(result.facts)),
    ]
    return Report(f"{result.winner}: {result.output}", _heading(result), said, blocks, verdict=word)


def _heading(result: TuneResult) -> str:
    return f"Winner: {result.winner}" if result.winner != result.default else "The default is kept"


def _verdict(result: TuneResult) -> tuple[str, str]:
    """The word and the sentence about test: the winner against the default, or the default against the start."""
    if result.verdict is None:
        return "no verdict", "No verdict: there is no test split."
    if result.winner != result.default:
        return result.verdict.verdict, f"Test: {result.verdict.between('the default', result.winner)}"
    kept = result.comparisons[0]
    said = (
        f"On test, the default is {kept['verdict']} than the start"
        if kept["verdict"] != "no difference shown"
        else "On test, no difference is shown between the default and the start"
    )
    figures = f"{metric_label(kept['metric'])} {kept['before']:.3f} before, {kept['after']:.3f} after"
    return kept["verdict"], f"{said}: {figures} ({p_said(kept['p_value'])}) over {kept['queries']:,} queries."


def _arms(result: TuneResult) -> Table:
    base = result.start.get(result.metric, 0.0)
    rows = [("start", "", "", f"{base:.4f}", "", "")]
    rows += [
        (
            arm["name"],
            f"{arm['price']:g}" if arm["price"] else "",
            f"{arm['steps']:,}" if arm["steps"] else "",
            f"{arm['dev'][result.metric]:.4f}" if arm["dev"] else "",
            "kept" if arm["name"] == result.default == result.winner else LEFT[arm["left"]],
            "" if arm["p_value"] is None else p_said(arm["p_value"]).removeprefix("p ").removeprefix("= "),
        )
        for arm in result.arms
    ]
    return Table(("arm", "price", "steps", f"dev {metric_label(result.metric)}", "how it ended", "p"), rows)


def _explained(result: TuneResult) -> str:
    changes = [f"{arm['name']}: {', '.join(arm['changes'])}" for arm in result.arms if arm["changes"]]
    stopped = [f"{arm['name']} stopped: {arm['reason']}" for arm in result.arms if arm["reason"]]
    return (
        "Set aside, not started: the budget had no room. Price: cost of a pair relative to the default. p: of the test "
        "against the leader of the round, or in the final against the default, adjusted by Holm's method; "
        "of an arm that was trained in full after shorter runs, that of full runs. "
        f"{'; '.join(changes + stopped)}."
    )


def _picture(result: TuneResult) -> Markup:
    """Score against the steps of an arm: its line ends where it left; those that ran furthest, as colours allow."""
    spent, places = 0, [0]
    for one in result.race:
        spent += one["steps"] * one["seeds"]
        places.append(spent)
    base = result.start.get(result.metric, 0.0)
    names = [arm["name"] for arm in result.arms if arm["steps"]]  # merged models were never trained
    lines = [Line(name, [base, *(one["scores"].get(name) for one in result.race)]) for name in names]
    known = [line for line in lines if len(line.known) > 1]
    furthest = sorted(known, key=lambda line: (line.values[-1] is None, -len(line.known), -line.known[-1]))
    title = f"{metric_label(result.metric)} on dev by steps spent on an arm"
    return line_chart(title, places, furthest[:KINDS], unit="step")


def _rounds(result: TuneResult) -> Table:
    rows = [
        (
            f"{one['steps']:,}",
            f"{one['seeds']}",
            max(one["scores"], key=lambda name: one["scores"][name]),
            f"{len(one['scores'])}",
            f"{list(one['left'].values()).count('behind')}",
            f"{list(one['left'].values()).count('no room')}",
        )
        for one in result.race
    ]
    return Table(("steps", "seeds", "leader", "arms", "behind", "set aside"), rows, numbers=False)


def _tests(tests: tuple[ArmTest, ...]) -> Table:
    """Tests of one metric, which stands in the corner: a terminal has no room for a column of it."""
    metric = metric_label(tests[0]["metric"]) if tests else ""
    rows = [
        (
            f"{one['b']} against {one['a']}",
            f"{one['before']:.3f}",
            f"{one['after']:.3f}",
            f"{one['difference']:+.4f}",
            f"{one['interval'][0]:+.3f} to {one['interval'][1]:+.3f}",
            p_said(one["p_value"]).removeprefix("p ").removeprefix("= "),
            one["verdict"],
        )
        for one in tests
    ]
    return Table((metric, "before", "after", "difference", "95% interval", "p", "verdict"), rows)


def _gains(result: TuneResult) -> Table:
    rows = [
        (one["system"], metric_label(one["metric"]), f"{one['dev']:+.4f}", f"{one['test']:+.4f}")
        for one in result.gains
    ]
    return Table(("gain over the start", "metric", "on dev", "on test"), rows)


def _decided(result: TuneResult) -> tuple[ArmTest, ...]:
    """The tests of the final and, where a winner of shorter runs was trained in full, that of full runs."""
    return result.dev if result.full is None else (*result.dev, result.full)


def _on_test(result: TuneResult) -> tuple[ArmTest, ...]:
    """The tests of the test split: against the start, and against BM25."""
    return result.comparisons if result.beside_bm25 is None else (*result.comparisons, result.beside_bm25)


def _seeds(result: TuneResult) -> str:
    """Of how many trainings the last points are."""
    shown = f"means of {counted(result.budget['seeds'], 'seed')}"
    if _is_short(result):
        return f"The points before the last are {shown}, the last ones full runs: of the default, and of a winner."
    return f"The last points are {shown}."


def _is_short(result: TuneResult) -> bool:
    """Whether finalists ran shorter than a full run."""
    return result.budget["final_steps"] < result.budget["full_steps"]


def _smallest(result: TuneResult) -> str:
    """What would have been seen and, of several tests, how intervals and p-values go together."""
    together = (
        " The intervals hold all together; p is adjusted by Holm's method, which is a little less strict, so an "
        "interval may just reach beyond 0 where p is below 0.05."
    )
    return (
        f"With these dev queries and seeds, a true difference of {small_said(result.smallest_difference)} would have "
        f"been found 4 times out of 5.{together if len(result.dev) > 1 else ''}"
        if result.smallest_difference
        else ""
    )


def _further(result: TuneResult) -> Iterator[str]:
    if result.curve is not None:
        yield result.curve.sentence
    if result.queries_needed:
        yield f"To see a difference of 0.01 nDCG@10 on test, about {result.queries_needed:,} queries are needed."


def _curve(result: TuneResult) -> Table:
    curve = result.curve
    rows = (
        [] if curve is None else [(f"{n:,}", f"{mean:.4f}") for n, mean in zip(curve.pairs, curve.means, strict=True)]
    )
    return Table(("pairs", metric_label(result.metric) if result.metric else ""), rows)


def _budget(result: TuneResult) -> Iterator[tuple[str, str]]:
    budget = result.budget
    yield "budget", budget["asked"]
    if budget["choosing_steps"]:
        yield "to settle the default", f"{budget['choosing_steps']:,} steps"
    yield "used", f"{budget['used_steps']:,.0f} of {budget['steps']:,} steps"
    yield "a full run", f"{budget['full_steps']:,} steps"
    if _is_short(result):
        yield "a run of the final", f"{budget['final_steps']:,} steps"
    yield "time", duration(result.elapsed_s)


def _again(result: TuneResult) -> str:
    return f"{result.again}\nembedtune train {result.recipe}"
