"""The pictures of "How it learns", computed by the losses themselves and drawn by the charts of the reports.

Every picture is a small experiment on made-up vectors; a number in the text next to it comes from the same run.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files

import torch
from torch import Tensor

from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.losses.shared.vectors import unit
from embedtune.reports.document.charts.histogram import Series, histogram
from embedtune.reports.document.charts.lines import Line, line_chart
from embedtune.reports.document.charts.scatter import scatter

BATCHES = (4, 16, 64)
PAIRS_SEEN = 4096
"""By every batch size alike."""


def styles() -> str:
    """The rules of the charts, kept to what is drawn here."""
    page = (files("embedtune.reports.document") / "templates" / "page.css").read_text(encoding="utf-8")
    return "<style>\n.drawn {\n" + page.replace(":root", "&") + "\n}\n</style>"


def drawn(*figures: str) -> str:
    """Figures as a part of the page, one line each, so that Markdown leaves them alone."""
    kept = "".join(" ".join(str(figure).split()) for figure in figures)
    many = " side-by-side" if len(figures) > 1 else ""
    return f'<div class="drawn{many}">{kept}</div>'


def cosines() -> str:
    """Cosines of three vectors, by hand and by the function."""
    vectors = {"refund": (3.0, 4.0), "money back": (4.0, 3.0), "password": (4.0, -3.0)}
    first = torch.tensor(vectors["refund"])
    rows = ["| text | vector | product with *refund* | lengths | cosine |", "| --- | --- | ---: | --- | ---: |"]
    for name, numbers in vectors.items():
        other = torch.tensor(numbers)
        product, lengths = float(first @ other), float(first.norm()) * float(other.norm())
        by_hand = " + ".join(f"{a:g} x {b:g}" for a, b in zip(vectors["refund"], numbers, strict=True))
        rows.append(f"| {name} | {numbers} | {by_hand} = {product:g} | 5 x 5 | {product / lengths:.2f} |")
    return "\n".join(rows)


def attention() -> str:
    """One word reads three: the weights of scaled dot-product attention, and what it becomes."""
    names, keys = ("bank", "river", "money"), torch.tensor([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    query = torch.tensor([2.0, 0.0])
    scores = keys @ query / 2**0.5  # (3,)
    weights = scores.softmax(0)
    expected = torch.nn.functional.scaled_dot_product_attention(query[None, None], keys[None], keys[None])[0, 0]
    become = weights @ keys
    torch.testing.assert_close(become, expected)
    rows = ["| read | key and value | score: q . k / sqrt(2) | weight |", "| --- | --- | ---: | ---: |"]
    for name, key, score, weight in zip(names, keys.tolist(), scores.tolist(), weights.tolist(), strict=True):
        rows.append(f"| {name} | {tuple(key)} | {score:.2f} | {weight:.2f} |")
    said = ", ".join(f"{value:.2f}" for value in become.tolist())
    return (
        "\n".join(rows) + f"\n\nSo *bank*, asking with q = (2, 0), becomes the weighted mean ({said}): nearly *river*."
    )


def small_batches() -> str:
    """InfoNCE and triplet at equal pairs, over batch sizes."""
    found = {name: [held_out(name, size) for size in BATCHES] for name in ("infonce", "triplet")}
    lines = [Line(name, values) for name, values in found.items()]
    chart = line_chart(
        "Right answer first among 400, on held-out pairs", BATCHES, lines, unit="pairs per batch", log=True
    )
    rows = [f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |" for name, values in found.items()]
    head = "| batch | " + " | ".join(map(str, BATCHES)) + " |\n| --- |" + " ---: |" * len(BATCHES)
    return drawn(chart) + "\n\n" + "\n".join([head, *rows])


@cache
def held_out(name: str, size: int, seeds: int = 2) -> float:
    """Share of held-out queries whose own document comes first, after learning two linear maps with this loss."""
    firsts = []
    for seed in range(seeds):
        draw = torch.Generator().manual_seed(seed)
        mixing = torch.randn(2, 16, 48, generator=draw)

        def pairs(number: int, mixing: Tensor = mixing, draw: torch.Generator = draw) -> Tensor:
            meant = torch.randn(number, 16, generator=draw)
            return torch.einsum("nd,sde->sne", meant, mixing) + 2.0 * torch.randn(2, number, 48, generator=draw)

        maps = (torch.randn(2, 48, 24, generator=draw) / 7).requires_grad_()
        loss = build_loss(name)
        optimizer = torch.optim.Adam([maps], lr=0.003)
        for _ in range(PAIRS_SEEN // size):
            queries, documents = torch.bmm(pairs(size), maps)
            optimizer.zero_grad()
            loss(EmbeddingBatch(anchors=queries, positives=documents)).backward()
            optimizer.step()
        with torch.no_grad():
            queries, documents = torch.bmm(pairs(400), maps)
            nearest = (unit(queries) @ unit(documents).T).argmax(dim=1)
        firsts.append(float((nearest == torch.arange(400)).float().mean()))
    return sum(firsts) / seeds


def masking() -> str:
    """Where a guide sees the other documents of a batch, next to the row's own positive."""
    draw = torch.Generator().manual_seed(0)
    topics = unit(torch.randn(12, 24, generator=draw))
    labels = torch.arange(120) % 12
    anchors, positives = (unit(topics[labels] + 0.16 * torch.randn(120, 24, generator=draw)) for _ in range(2))
    cosines = anchors @ positives.T  # (120, 120)
    same = labels[:, None] == labels[None, :]
    own = torch.eye(120, dtype=torch.bool)
    behind = cosines - cosines.diagonal()[:, None]  # (120, 120), above 0: nearer than the row's positive
    edges = torch.linspace(-1.4, 0.6, 41)
    kinds = {"the same topic: false negatives": same & ~own, "another topic: true negatives": ~same}
    series = [
        Series(name, torch.histc(behind[kept], 40, -1.4, 0.6).int().tolist(), kind)
        for kind, (name, kept) in enumerate(kinds.items())
    ]
    chart = histogram(
        "Guide cosine of a candidate, less that of the row's own positive",
        edges.tolist(),
        series,
        unit="cosine",
        at=-0.1,
    )
    rows = ["| margin | false negatives masked | true negatives masked |", "| --- | ---: | ---: |"]
    for margin in (0.0, 0.1, 0.3):
        shares = [float((behind[kept] > -margin).float().mean()) for kept in kinds.values()]
        rows.append(f"| {margin} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")
    return drawn(chart) + "\n\n" + "\n".join(rows)


def space() -> str:
    """Vectors of two dimensions before training, after pulling alone, and after pulling with SIGReg."""
    draw = torch.Generator().manual_seed(0)
    start = torch.randn(150, 2, generator=draw) * torch.tensor([1.0, 0.25]) + torch.tensor([1.5, 0.5])
    pulled = _moved(start, lambda batch: _apart(batch))
    spread = _moved(start, lambda batch: _apart(batch) + 0.05 * build_loss("sigreg")(batch))
    names = ("before", "positives pulled together, nothing else", "the same with sigreg:0.05")
    return drawn(*(_map(name, vectors) for name, vectors in zip(names, (start, pulled, spread), strict=True)))


def _apart(batch: EmbeddingBatch) -> Tensor:
    return (batch.anchors - batch.positives).square().sum(dim=1).mean()


def _moved(start: Tensor, objective: Callable[[EmbeddingBatch], Tensor]) -> Tensor:
    """The vectors after some steps: a text's other reading is a neighbour at random."""
    draw = torch.Generator().manual_seed(1)
    vectors = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([vectors], lr=0.02)
    for step in range(300):
        order = torch.randperm(len(start), generator=draw)
        optimizer.zero_grad()
        objective(EmbeddingBatch(anchors=vectors, positives=vectors[order], step=step)).backward()
        optimizer.step()
    return vectors.detach()


def _map(name: str, vectors: Tensor) -> str:
    places = ((vectors + 3.2) / 6.4).clamp(0, 1)
    return str(scatter(name, places[:, 0].tolist(), places[:, 1].tolist(), [0] * len(vectors)))
