"""The watch for collapse on made-up vectors: what stops a run, and what must not."""

import pytest
import torch

from embedtune.errors import StoppedError
from embedtune.losses import EmbeddingBatch
from embedtune.training.companions.collapse import PERSISTENCE, CollapseWatch

ROWS = torch.arange(32)


def cloud(spread: float, seed: int, *, rows: int = 32, dimensions: int = 64) -> torch.Tensor:
    """Vectors whose mean cosine is about 1 - spread."""
    noise = torch.randn(rows, dimensions, generator=torch.Generator().manual_seed(seed)) / dimensions**0.5
    return (1 - spread) ** 0.5 * torch.eye(dimensions)[0] + spread**0.5 * noise


def run(watch: CollapseWatch, spreads, *, first: int = 0, labels=None, **options) -> None:
    for step, spread in enumerate(spreads, start=first):
        anchors, positives = cloud(spread, 2 * step, **options), cloud(spread, 2 * step + 1, **options)
        watch.step(EmbeddingBatch(anchors=anchors, positives=positives, labels=labels, step=step), ROWS)


def test_a_cloud_that_shrinks_to_a_point_stops_the_run_in_plain_words():
    with pytest.raises(StoppedError, match="the encoder has collapsed") as stopped:
        run(CollapseWatch(100), [0.9, 0.8, 0.5, *[0.01] * 50])
    assert stopped.value.where == f"step {3 + PERSISTENCE - 1}"
    assert "since step 3" in stopped.value.message
    assert "sigreg" in stopped.value.next


def test_a_cloud_that_keeps_a_few_directions_has_collapsed_too():
    """Two thirds of the distances are left, but texts differ in one direction only."""
    watch = CollapseWatch(100)
    run(watch, [0.9])
    line = torch.eye(64)[0] + torch.linspace(-1, 1, 32)[:, None] * torch.eye(64)[1]
    with pytest.raises(StoppedError):
        for step in range(1, 50):
            watch.step(EmbeddingBatch(anchors=line, positives=line, step=step), ROWS)


@pytest.mark.parametrize("spread", [0.9, 0.2, 0.03])
def test_an_encoder_that_begins_in_a_narrow_cone_may_stay_there(spread):
    run(CollapseWatch(100), [spread] * 100)


def test_a_narrow_moment_passes():
    run(CollapseWatch(100), [0.9, *([0.01] * (PERSISTENCE - 1) + [0.5]) * 5])


def test_batches_of_a_few_rows_stop_nothing_and_are_measured():
    watch = CollapseWatch(100)
    run(watch, [0.9, *[0.0001] * 50], rows=4)
    assert watch.gauges()["collapse.mean_cosine"] > 0.99


def test_rows_of_one_class_may_come_together():
    """Sixteen classes, each a point of its own: all rows but one of each are the same, and nothing is wrong."""
    labels = torch.arange(32) % 2
    watch = CollapseWatch(100)
    points = torch.eye(64)[labels]
    run(watch, [0.9], labels=labels)
    for step in range(1, 50):
        watch.step(EmbeddingBatch(anchors=points, positives=points, labels=labels, step=step), ROWS)
    assert watch.gauges()["collapse.mean_cosine"] == pytest.approx(1 / 3)  # of two classes, and their positives


def test_long_runs_are_measured_a_hundred_times():
    watch = CollapseWatch(1000)
    seen = []
    for step in range(1000):
        run(watch, [0.5], first=step, rows=2, dimensions=4)
        seen.append(bool(watch.gauges()))
    assert sum(seen) == 100 and seen[0] and not seen[1]


def test_a_resumed_watch_remembers_how_the_run_began():
    first, second = CollapseWatch(100), CollapseWatch(100)
    run(first, [0.9, *[0.01] * 4])
    second.restore(first.state())
    with pytest.raises(StoppedError, match="since step 1") as stopped:
        run(second, [0.01] * 50, first=5)
    assert stopped.value.where == f"step {PERSISTENCE}"
