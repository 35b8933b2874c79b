"""Whether embedtune trains as good an encoder as sentence-transformers: equal start, rows, epochs and objective.

    python benchmarks/training_quality.py --data PATH/welfare-ko --data PATH/medquad --seeds 3 --json quality.json
    python benchmarks/training_quality.py --data PATH/welfare-ko --model SMALL --guide SMALL --epochs 1 --lr 5e-4

Without `--guide`: infonce (temperature 0.05) and MultipleNegativesRankingLoss (scale 20). With it: gist and
GISTEmbedLoss, both at temperature 0.05 and margin 0; sentence-transformers does not accept a static encoder there. The
peer makes its own batches, without duplicates; optimizer, learning rate, schedule and warm-up are the same. Nothing is
chosen on dev: the model of the last step is scored on the test split by nDCG@10 per query, and the means over the seeds
are compared with embedtune's paired test.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer import losses
from sentence_transformers.sentence_transformer.training_args import BatchSamplers
from training_sides import LATER, WARMUP_SHARE
from transformers import PrinterCallback

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import GuideSection, LossSection
from embedtune.config.sections.student import StudentSection
from embedtune.config.sections.training import TrainingSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData, prepare
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.verdicts.significance import compare_paired
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.speed.precision import choose_precision
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import Fit
from embedtune.training.run.trainer import fit
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.workflows.shared.scoring import score
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.guide.guiding import choose_guide

METRIC = "ndcg@10"
TEMPERATURE = 0.05
OURS, PEER = "embedtune", "sentence-transformers"
Train = Callable[[Encoder, TrainConfig, TrainingData, Path], None]


def main() -> None:
    """Train both sides on every set and print their scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--model", default="starter", help="the model both start from")
    parser.add_argument("--guide", help="a frozen guide: GIST instead of InfoNCE")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--lr", type=float, help="learning rate (default: what suits the encoder)")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    report = [beside(args, data) for data in args.data]
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def beside(args: argparse.Namespace, source: str) -> dict[str, Any]:
    """Train both sides on one set."""
    data = prepare(DataSection(source=source), seed=0)
    judged = as_arrays(data.test) if data.test else None
    if judged is None:
        raise SystemExit(f"{source} has no test split")
    values: dict[str, list[np.ndarray]] = {OURS: [], PEER: []}
    seconds: dict[str, list[float]] = {OURS: [], PEER: []}
    with tempfile.TemporaryDirectory() as made:
        start = Path(made) / "start"
        save_encoder(load_encoder(EncoderSection(name=args.model), device="cpu", texts=data.texts), start)
        for seed in range(args.seeds):
            config = recipe(args, str(start), source, seed)
            for side, train in ((OURS, embedtune), (PEER, sentence_transformers)):
                encoder = load_encoder(config.model, device="cpu")
                began = time.perf_counter()
                train(encoder, config, data, Path(made) / f"{side}-{seed}")
                seconds[side].append(round(time.perf_counter() - began, 1))
                values[side].append(scored(encoder, judged))
                print(f"{Path(source).name} seed {seed} {side}: {values[side][-1].mean():.4f}", flush=True)
        before = scored(load_encoder(EncoderSection(name=str(start)), device="cpu"), judged)
    theirs, ours = (np.mean(values[side], axis=0) for side in (PEER, OURS))  # (queries,) each
    found = compare_paired(theirs, ours, metric=METRIC)
    print(f"{Path(source).name}, before {before.mean():.4f}. embedtune compared with the peer: {found}", flush=True)
    scores = {side: [round(float(one.mean()), 4) for one in own] for side, own in values.items()}
    report = {"set": Path(source).name, "before": float(before.mean()), "scores": scores, "seconds": seconds}
    return report | {"comparison": asdict(found), "options": {**vars(args), "json": None}}


def recipe(args: argparse.Namespace, start: str, source: str, seed: int) -> TrainConfig:
    """The configuration of embedtune; the other side takes its values from here."""
    gist = LossSection(name="gist", args={"temperature": TEMPERATURE})
    infonce = LossSection(name="infonce", args={"temperature": TEMPERATURE})
    return TrainConfig(
        model=StudentSection(name=start),
        data=DataSection(source=source),
        loss=[gist if args.guide else infonce],
        guide=GuideSection(name=args.guide or "none"),
        training=TrainingSection(
            epochs=args.epochs,
            batch_size=args.batch,
            warmup_share=WARMUP_SHARE,
            seed=seed,
            lr=args.lr or "auto",
            device="cpu",
            checkpoint_every=LATER,
        ),
    )


def rate(encoder: Encoder, config: TrainConfig) -> float:
    """The learning rate of both sides."""
    return encoder.default_lr if config.training.lr == "auto" else config.training.lr


def scored(encoder: Encoder, judged: JudgedSet) -> np.ndarray:
    """nDCG@10 of each test query: (queries,)."""
    return score(encoder, judged, metrics=(METRIC,)).per_query[METRIC]


def embedtune(encoder: Encoder, config: TrainConfig, data: TrainingData, folder: Path) -> None:
    """Train with embedtune, without a choice on dev."""
    folder.mkdir()
    plan = Fit(
        rows=data.train,
        table=build_table(data.train, data.known_positives),
        objective=recipe_objective(config, encoder.dimensions),
        section=config.training,
        folder=folder,
        lr=rate(encoder, config),
        precision=choose_precision("auto", "cpu", has_products=encoder.has_products).name,
    )
    guiding = choose_guide(config, plan, None, encoder, talk=Silence(), store=None)
    fit(encoder, replace(plan, guide=guiding.table))


def sentence_transformers(encoder: Encoder, config: TrainConfig, data: TrainingData, folder: Path) -> None:
    """The same with sentence-transformers' trainer."""
    section, model = config.training, encoder.model
    steps = section.epochs * -(-len(data.train) // section.batch_size)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=section.epochs,
        per_device_train_batch_size=section.batch_size,
        learning_rate=rate(encoder, config),
        warmup_steps=-int(-WARMUP_SHARE * steps // 1),
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        seed=section.seed,
        use_cpu=True,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    if config.guide.name == "none":
        loss = losses.MultipleNegativesRankingLoss(model, scale=1 / TEMPERATURE)
    else:
        loss = losses.GISTEmbedLoss(model, SentenceTransformer(config.guide.name, device="cpu"), TEMPERATURE)
    columns = {"anchor": list(data.train.anchors), "positive": list(data.train.positives)}
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=Dataset.from_dict(columns), loss=loss
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


if __name__ == "__main__":
    main()
