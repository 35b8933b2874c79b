"""The report of a clustering: what is there, how sure it is, how K came about, and what to do with it."""

from collections.abc import Collection, Sequence

from rich.console import Group, RenderableType
from rich.text import Text as TerminalText

from embedtune.findings import percent
from embedtune.reports.document.blocks import (
    Block,
    Bullets,
    Example,
    Facts,
    Figure,
    Figures,
    Findings,
    Listing,
    Passage,
    Report,
    Section,
    Shares,
    Table,
    Text,
)
from embedtune.reports.document.charts.lines import Line, line_chart
from embedtune.reports.document.charts.scatter import scatter
from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import findings_below, places, plain_table
from embedtune.reports.document.wording import duration, memory
from embedtune.reports.results.cluster import ClusterResult, FoundCluster
from embedtune.reports.sections.clusters import (
    agreement_blocks,
    agreement_said,
    choice_blocks,
    leak_said,
    levels_said,
    quality_blocks,
)
from embedtune.reports.sections.provenance import provenance

SHOWN = 20
"""Clusters that a terminal shows."""
CARDS = 60
"""Clusters that a page shows with examples; a table names the others."""


def table(result: ClusterResult, reported: Collection[str] = ()) -> RenderableType:
    """The clusters with their keywords, one sentence, agreement with labels, the findings, and where everything is."""
    rows = [(_numbered(one), f"{one.size:,}", _share(one)) for one in result.clusters[:SHOWN]]
    more = len(result.clusters) - SHOWN
    if more > 0:
        rows.append((f"and {more:,} more", f"{sum(one.size for one in result.clusters[SHOWN:]):,}", ""))
    shown = [plain_table(("cluster", _unit(result), "share"), rows)] if rows else []
    said = [
        result.how,
        *([result.choice.said] if result.choice else []),
        *levels_said(result),
        *agreement_said(result),
        *leak_said(result),
    ]
    files = {"rows": result.clusters_file, "report": result.report}
    words = [TerminalText(printable(sentence)) for sentence in said]
    return Group(*shown, TerminalText(), *words, *findings_below(result.findings, reported), *places(files))


def _numbered(one: FoundCluster) -> str:
    return f"{one.cluster}  {one.name}".strip()


def _share(one: FoundCluster) -> str:
    return percent(one.share) if one.size else "0%"


def _unit(result: ClusterResult) -> str:
    return {"texts": "texts", "series": "series", "nodes": "nodes"}[result.kind]


def clustering(result: ClusterResult) -> Report:
    """What the report of a clustering says."""
    blocks: list[Block] = [
        Facts(_facts(result)),
        Section("What to know and what to change", [Findings(result.findings)]),
        Section("Clusters", [Shares(("cluster", _unit(result)), _sizes(result)), *_shapes(result)]),
        Section("Map", _map(result)),
        Section("Agreement with labels", agreement_blocks(result)),
        Section("Each cluster", [*_cards(result)]),
        Section("How many clusters", choice_blocks(result)),
        Section("How separate they are", quality_blocks(result)),
        Section("What to do next", [Bullets(leak_said(result)), Listing("sh", "\n".join(_next(result)))]),
        Section("How it was made", [Bullets(result.described), Table(("", ""), _run(result), numbers=False)]),
        Section(
            "Repeat this",
            [
                Text("Save this as cluster.yaml and run:"),
                Listing("sh", "embedtune cluster cluster.yaml"),
                Listing("yaml", result.recipe),
                *provenance(result.facts),
            ],
        ),
    ]
    return Report(f"Clusters: {result.output}", "Clusters", result.how, blocks)


def _facts(result: ClusterResult) -> list[tuple[str, str]]:
    values = {"clusters": f"{result.k:,}", _unit(result): f"{result.texts:,}"}
    values |= {"in no cluster": f"{result.noise:,}"} if result.noise else {}
    values |= {"seeds agree (ARI)": f"{result.stability.ari_mean:.2f}"} if result.stability else {}
    values |= {"agreement with labels (AMI)": f"{result.agreement.ami:.3f}"} if result.agreement else {}
    return list(values.items())


def _sizes(result: ClusterResult) -> list[tuple[str, int, float]]:
    return [(_numbered(one), one.size, one.share) for one in result.clusters]


def _shapes(result: ClusterResult) -> list[Block]:
    """The mean series of the clusters."""
    own = [one for one in result.clusters if one.shape]
    drawn = [
        line_chart(
            f"Cluster {one.cluster}: mean of {one.size:,} series",
            range(len(one.shape)),
            [Line("mean", one.shape)],
            unit="time, each series scaled to mean 0 and deviation 1",
        )
        for one in own[:CARDS]
    ]
    rows = [(f"{one.cluster}", f"{one.size:,}", ", ".join(text.id for text in one.examples)) for one in own]
    return [Figures(drawn, Table(("cluster", "series", "typical"), rows))] if own else []


def _map(result: ClusterResult) -> list[Block]:
    if result.map is None:
        return []
    drawn = scatter("Each dot is one item; numbers are clusters.", result.map.x, result.map.y, result.map.cluster)
    return [
        Figure(drawn, Table(("", ""), [("map", result.map.said)], numbers=False)),
        Text(result.map.said, quiet=True),
    ]


def _cards(result: ClusterResult) -> Sequence[Block]:
    names = {one.cluster: one.name for one in result.clusters}
    if not any(text.text for one in result.clusters for text in one.examples):
        rows = [(_numbered(one), ", ".join(text.id for text in one.examples)) for one in result.clusters]
        return [Table(("cluster", "typical"), rows, numbers=False)]
    cards = [_card(one, names) for one in result.clusters[:CARDS]]
    rest = [(_numbered(one), f"{one.size:,}") for one in result.clusters[CARDS:]]
    return [*cards, Table(("further clusters", "size"), rest)]


def _card(one: FoundCluster, names: dict[int, str]) -> Example:
    """A cluster to read: its keywords, the texts nearest to its middle, and those nearly in the next one."""
    words = ", ".join(word.word for word in one.keywords) or one.name
    standing = [f"{one.size:,} ({_share(one)})"]
    standing += [f"mean cosine to the middle {one.cohesion:.2f}"] if one.cohesion is not None else []
    near = one.nearest
    standing += [f"next to {near.cluster} ({names.get(near.cluster, '')})"] if near else []
    standing += [f"labels: {', '.join(f'{own.label} {own.texts:,}' for own in one.labels)}"] if one.labels else []
    passages = [Passage("typical", _score(text.similarity), None, text.text) for text in one.examples]
    shown = {text.id for text in one.examples}
    passages += [
        Passage("at the edge", _score(text.similarity), None, text.text)
        for text in one.doubtful
        if text.id not in shown
    ]
    return Example(f"{one.cluster}: {words}", "; ".join(standing), passages)


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _next(result: ClusterResult) -> list[str]:
    if result.kind != "texts":
        return []
    file = result.clusters_file
    return [
        f"embedtune cluster --data NEW.jsonl --assign {result.output}   # new texts into these clusters",
        f"embedtune train --data {file} --group cluster   # no cluster on both sides of a split",
    ]


def _run(result: ClusterResult) -> list[tuple[str, str]]:
    rows = [("rows with clusters", result.clusters_file), ("time", duration(result.elapsed_s))]
    return [*rows, ("peak memory", memory(result.peak_memory_bytes))]
