"""How far clusters can be trusted: agreement with labels, how K came about, and how separate they are."""

from collections.abc import Sequence

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import counted, percent
from embedtune.reports.document.blocks import Block, Bullets, Figure, Section, Table, Text
from embedtune.reports.document.charts.lines import Line, line_chart
from embedtune.reports.results.cluster import ClusterAgreement, ClusterResult, TriedClusters
from embedtune.reports.results.train import LabelGroups

RULES = {
    "silhouette": "nearer to the own cluster than to the next",
    "davies_bouldin": "spread against distance of clusters",
    "calinski_harabasz": "variance between against within",
    "bic": "likelihood of a mixture, less its size",
    "eigengap": "largest gap of the graph's eigenvalues",
}
MEASURES = {
    "ami": "AMI",
    "ari": "ARI",
    "v_measure": "V-measure",
    "homogeneity": "homogeneity",
    "completeness": "completeness",
    "accuracy": "accuracy",
    "purity": "purity",
}
MEANING = (
    "AMI (shared information) and ARI (pairs of items) are 0 for chance and 1 for the same groups. The V-measure is "
    "the mean of homogeneity (a cluster has one label) and completeness (a label is in one cluster), and rises with "
    "the number of clusters even by chance. Accuracy is that of the best one-to-one matching. Intervals are for "
    "other items in these clusters and other seeds; clusters found in other data vary more."
)
CANNOT = (
    "These measure how separate the groups are in this encoder's own space. They compare groupings of the same "
    "vectors, never two encoders, and true topics often score lower than found ones."
)

TEST_TEXTS = "Clusters of the test texts"
TEST_ABOUT = (
    "k-means is told how many labels there are, and clusters the test texts by their vectors alone. AMI and ARI are 0 "
    "for chance; the V-measure is not adjusted for it. Intervals and the test treat texts, the clusters found in them, "
    "and seeds as chance."
)


def agreement_blocks(result: ClusterResult) -> list[Block]:
    """The measures with their intervals, and the labels that clusters mix."""
    own = result.agreement
    if own is None:
        return []
    rows = [(name, f"{getattr(own, key):.3f}", _within(own, key).strip(" ()")) for key, name in MEASURES.items()]
    if own.noise_left_out is not None:
        share = own.noise_left_out["share"]
        rows += [
            (f"{name}, of the {percent(share)} in clusters", f"{own.noise_left_out[key]:.3f}", "")
            for key, name in (("ami", "AMI"), ("ari", "ARI"), ("v_measure", "V-measure"))
        ]
    noise = " Rows in no cluster count as clusters of one." if result.noise else ""
    mixed = [(f"{one} and {other}", f"{count:,}") for one, other, count in own.confused]
    return [
        Text(f"{own.texts:,} items with {counted(own.labels, 'label')}; means over the seeds.{noise}"),
        Table(("measure", "value", "95% interval"), rows),
        Text(MEANING, quiet=True),
        Table(("labels found together", "items"), mixed),
    ]


def _within(own: ClusterAgreement, measure: str) -> str:
    ends = own.intervals.get(measure)
    return "" if ends is None else f" ({ends[0]:.3f} to {ends[1]:.3f})"


def choice_blocks(result: ClusterResult) -> list[Block]:
    """The curve, what each rule says, and the reason for K."""
    own = result.choice
    if own is None:
        return [Bullets(levels_said(result))]
    rules = [("elbow", "the curve bends" if own.elbow else "there is none", f"{own.elbow or 'none'}")]
    rules += [
        (name.replace("_", "-"), meaning, f"{value}")
        for name, meaning in RULES.items()
        if (value := getattr(own, name)) is not None
    ]
    curve = line_chart(
        "What k-means minimizes, per item, by the number of clusters",
        [one.k for one in own.tried],
        [Line("inertia", [one.inertia for one in own.tried])],
        unit="clusters (equal ratios are equally far)",
        log=True,
        at=own.elbow,
    )
    return [
        Text(own.said),
        Figure(
            curve,
            Table(("K", "inertia", "silhouette", "Davies-Bouldin", "Calinski-Harabasz", "BIC"), _tried(own.tried)),
            both=True,
        ),
        Table(("rule", "what it looks at", "K"), rules, numbers=False),
    ]


def _tried(tried: Sequence[TriedClusters]) -> list[tuple[str, ...]]:
    return [
        (
            f"{one.k}",
            f"{one.inertia:.4f}",
            *("" if value is None else f"{value:,.3f}" for value in (one.silhouette, one.davies_bouldin)),
            *("" if value is None else f"{value:,.0f}" for value in (one.calinski_harabasz, one.bic)),
        )
        for one in tried
    ]


def quality_blocks(result: ClusterResult) -> list[Block]:
    """Measures without labels, and what they cannot tell."""
    own = result.quality
    known = {
        "silhouette (-1 to 1)": own.silhouette,
        "Davies-Bouldin (lower is better)": own.davies_bouldin,
        "Calinski-Harabasz (higher is better)": own.calinski_harabasz,
        "modularity (at most 1)": own.modularity,
    }
    rows = [(name, f"{value:.3f}") for name, value in known.items() if value is not None]
    if own.silhouette_error:
        rows[0] = (rows[0][0], f"{rows[0][1]} ± {own.silhouette_error:.3f} (on a sample)")
    if result.stability is not None:
        many, least = result.stability.seeds, result.stability.ari_least
        rows.append((f"agreement of {many} seeds (ARI, mean; least)", f"{result.stability.ari_mean:.3f}; {least:.3f}"))
    return [Table(("measure", "value"), rows), Text(CANNOT if rows else "", quiet=True)]


def levels_said(result: ClusterResult) -> list[str]:
    """How many communities finer resolutions have, in a sentence."""
    finer = [f"{count:,} at {resolution}" for resolution, count in result.levels.items()]
    return [f"Finer groups with --resolution: {', '.join(finer)}."] if finer else []


def leak_said(result: ClusterResult) -> list[str]:
    """What a random split leaks, and one by clusters, in a sentence."""
    return [] if result.leak is None else [result.leak.sentence]


def agreement_said(result: ClusterResult) -> list[str]:
    """The agreement with labels in a sentence; the measure that chance cannot raise comes first."""
    own = result.agreement
    if own is None:
        return []
    parts = [f"{name} {getattr(own, key):.3f}{_within(own, key)}" for key, name in list(MEASURES.items())[:3]]
    noise = ", noise counted as clusters of one" if result.noise else ""
    return [f"Against {counted(own.labels, 'label')}: {', '.join(parts)}{noise}."]


def labelled_section(found: LabelGroups | None) -> Section:
    """The measures before and after; empty where no test texts have labels."""
    if found is None:
        return Section(TEST_TEXTS)
    rows = [
        (metric_label(name), *_cells(before, found.intervals_before.get(name)), *_cells(after, intervals.get(name)))
        for name, before in found.before.items()
        for after, intervals in [(found.after[name], found.intervals_after)]
    ]
    header = (
        f"{counted(found.texts, 'text')}, {counted(found.labels, 'label')}",
        "before",
        "95% interval",
        "after",
        "95% interval",
    )
    return Section(TEST_TEXTS, [Text(labelled_sentence(found)), Table(header, rows), Text(TEST_ABOUT, quiet=True)])


def labelled_sentence(found: LabelGroups | None) -> str:
    """Whether the clusters agree better with the labels now; empty where no test texts have labels."""
    if found is None:
        return ""
    said = found.verdict.sentence
    return f"Clusters of the test texts: {said[:1].lower()}{said[1:]}"


def _cells(value: float, ends: tuple[float, float] | None) -> tuple[str, str]:
    return f"{value:.3f}", f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else ""
