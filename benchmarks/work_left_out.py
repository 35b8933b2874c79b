"""What training gains on a CPU by leaving work out: token vectors that no text uses, layers that do not learn, the
backward passes of texts whose gradients are small.

    python benchmarks/work_left_out.py embeddings --model MODEL --data PATH/welfare-ko --batch 16 --max-length 64
    python benchmarks/work_left_out.py layers --model MODEL --data PATH/banking77-pairs --pairs 1000 --layers 2 3 4
    python benchmarks/work_left_out.py texts --model MODEL --data PATH/banking77-pairs --pairs 480 --batch 32

`embeddings` compares plain AdamW on every token vector with the same on those in use, and with row-wise AdamW, sides
alternating: the median processor time of a step. `layers` trains with the first layers frozen and without, for each
seed, and compares dev scores query by query, on the means over the seeds; `texts` does the same for shares of the
gradient that are left out (`training.skip_below`). All in one process and in processor time, so that other work on the
machine matters little; `OMP_NUM_THREADS=1` makes it comparable between machines.
"""

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from transformers import TrainerCallback

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.student import StudentSection
from embedtune.config.sections.training import TrainingSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.verdicts.significance import compare_paired
from embedtune.models.files.load import load_encoder
from embedtune.models.speed.precision import choose_precision
from embedtune.training.batch.row_table import build_table
from embedtune.training.run import trainer
from embedtune.training.run.fit import Fit
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.training.step.second_pass import SecondPass
from embedtune.workflows.shared.guard.sampled import sampled
from embedtune.workflows.shared.scoring import DEV_METRICS, PRIMARY, SELECTION, score
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.preparing.begun_texts import begun_texts

WARM = 2
"""Steps at the start that do not count."""


@dataclass
class Trained:
    """One run: processor seconds of a typical step and of all, tokens of a step, the share of them that had no backward
    pass, and dev values per query where they were wanted."""

    step_s: float
    whole_s: float
    tokens: float
    skipped: float = 0.0
    values: dict[str, np.ndarray] = field(default_factory=dict)


class Clock(TrainerCallback):
    """Processor seconds of each step."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.last = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.last = time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        now = time.process_time()
        self.steps.append(now - self.last)
        self.last = now


def main() -> None:
    """Run what is asked and print a table."""
    args = arguments()
    data = prepare(DataSection(source=args.data), seed=0)
    chosen = np.sort(np.random.default_rng(0).permutation(len(data.train))[: args.pairs])
    rows = data.train.take(chosen.tolist())
    print(f"{Path(args.data).name}, {args.model}, {len(rows)} pairs, batches of {args.batch}")
    for line in {"embeddings": embeddings, "layers": layers, "texts": texts}[args.what](args, rows, data):
        print(line, flush=True)


def embeddings(args: argparse.Namespace, rows: Any, data: Any) -> Iterator[str]:
    """Processor time of a step by `training.embeddings`."""
    found: dict[str, list[Trained]] = {way: [] for way in ("train", "used", "sparse")}
    for _ in range(args.repeats):
        for way, runs in found.items():
            runs.append(train(args, rows, data, max_steps=args.steps, embeddings=way))
    for way, runs in found.items():
        steps = sorted(one.step_s for one in runs)
        yield f"| {way} | {runs[0].tokens:,.0f} tokens | {', '.join(f'{one:.3f}' for one in steps)} s |"


def layers(args: argparse.Namespace, rows: Any, data: Any) -> Iterator[str]:
    """Processor time and dev scores by `training.freeze_layers`."""
    yield from compared(args, rows, data, {str(number): {"freeze_layers": number} for number in (0, *args.layers)})


def texts(args: argparse.Namespace, rows: Any, data: Any) -> Iterator[str]:
    """Processor time and dev scores by `training.skip_below`."""
    ways: dict[str, dict[str, Any]] = {"all held": {}}
    ways["all but one micro-batch encoded twice"] = {"micro_batch_tokens": args.micro_batch_tokens}
    ways |= {f"{share:g}": {"skip_below": share} for share in args.below}
    yield from compared(args, rows, data, ways)


def compared(args: argparse.Namespace, rows: Any, data: Any, ways: dict[str, dict[str, Any]]) -> Iterator[str]:
    """One line per way of training, each compared with the first, on the means over the seeds."""
    dev = as_arrays(sampled(data.dev, 0))
    found: dict[str, list[Trained]] = {way: [] for way in ways}
    for seed in args.seeds:
        for way, runs in found.items():
            runs.append(train(args, rows, data, dev=dev, seed=seed, epochs=args.epochs, **ways[way]))
    first, *_ = found.values()
    for way, runs in found.items():
        step, whole = (statistics.median(getattr(one, name) for one in runs) for name in ("step_s", "whole_s"))
        skipped = statistics.fmean(one.skipped for one in runs)
        cells = [way, f"{step:.3f} s", f"{whole:.1f} s", *([f"{skipped:.0%} skipped"] if skipped else [])]
        for metric in (PRIMARY, SELECTION):
            base, own = (np.mean([one.values[metric] for one in of], axis=0) for of in (first, runs))
            cells.append(f"{own.mean():.3f}")
            if runs is not first:
                test = compare_paired(base, own, metric=metric)
                low, high = test.interval
                cells.append(f"{test.difference:+.3f} ({low:+.3f} to {high:+.3f}), p = {test.p_value:.3f}")
        yield f"| {' | '.join(cells)} |"


class Counted(SecondPass):
    """A second pass that remembers what it left out in each step."""

    shares: ClassVar[list[float]] = []

    def _chosen(self, gradient: Any, lengths: np.ndarray) -> np.ndarray:
        chosen = super()._chosen(gradient, lengths)
        self.shares.append(self.gauges()["skipped.tokens"])
        return chosen


def train(
    args: argparse.Namespace, rows: Any, data: Any, *, dev: Any = None, seed: int = 0, **training: Any
) -> Trained:
    """One run of InfoNCE from the encoder as it is."""
    section = StudentSection(name=args.model, max_length=args.max_length)
    options = {"batch_size": args.batch, "lr": args.lr, "device": "cpu", "micro_batch_tokens": None, "seed": seed}
    config = TrainConfig(
        model=section,
        data=DataSection(source=args.data),
        loss=[LossSection(name="infonce")],
        training=TrainingSection(**{"epochs": 1} | options | training),
    )
    trainer.SecondPass = Counted  # type: ignore[misc]
    Counted.shares.clear()
    encoder, clock = load_encoder(section, device="cpu"), Clock()
    precision = choose_precision("auto", "cpu", has_products=encoder.has_products).name
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        plan = Fit(
            rows=rows,
            table=build_table(rows, data.known_positives),
            objective=recipe_objective(config, encoder.dimensions),
            section=config.training,
            folder=Path(folder),
            trial=True,
            lr=args.lr,
            precision=precision,
            callbacks=(clock,),
        )
        number = config.training.freeze_layers
        read = begun_texts(trainer.texts_of(plan, encoder), encoder, number, precision, Path(folder), Silence())
        fitted = trainer.fit(encoder, replace(plan, texts=read))
        whole = time.process_time() - started
    tokens = fitted.tokens_per_s * fitted.elapsed_s / fitted.steps
    values = {} if dev is None else score(replace(encoder, products=precision), dev, metrics=DEV_METRICS).per_query
    gc.collect()
    skipped = statistics.fmean(Counted.shares) if Counted.shares else 0.0
    return Trained(statistics.median(clock.steps[WARM:]), whole, tokens, skipped, dict(values))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("embeddings", "layers", "texts"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--layers", type=int, nargs="+", default=[3])
    parser.add_argument("--below", type=float, nargs="+", default=[0.03, 0.1, 0.3])
    parser.add_argument("--micro-batch-tokens", type=int, default=512)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args()


if __name__ == "__main__":
    main()
