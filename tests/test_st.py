"""Our losses in sentence-transformers' own trainer: equal to its losses where these exist, and refused where not."""

from pathlib import Path

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer import losses
from zoo import TEXTS

from embedtune import st
from embedtune.errors import ConfigError
from embedtune.losses import loss_names
from embedtune.models.encoder import Encoder

ANCHORS, POSITIVES = [TEXTS[0], TEXTS[2], TEXTS[4]], [TEXTS[1], TEXTS[3], TEXTS[6]]


@pytest.fixture(scope="module")
def model(bert_folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(bert_folder), device="cpu").eval()


@pytest.fixture(scope="module")
def guide(bert_folder: Path) -> SentenceTransformer:
    other = SentenceTransformer(str(bert_folder), device="cpu")
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return other.eval()


def columns(model: SentenceTransformer, *texts: list[str]) -> list[dict[str, torch.Tensor]]:
    return [model.preprocess(column) for column in texts]


@pytest.mark.parametrize("negatives", [0, 2])
def test_infonce_is_multiple_negatives_ranking(model: SentenceTransformer, negatives: int) -> None:
    texts = [ANCHORS, POSITIVES, *([[TEXTS[5], TEXTS[8], TEXTS[1]], [TEXTS[8], TEXTS[6], TEXTS[5]]][:negatives])]
    texts = texts if not negatives else [*texts[:2], [TEXTS[5], TEXTS[8], "refund"], ["money", "card", "order"]]
    expected = losses.MultipleNegativesRankingLoss(model, scale=20)(columns(model, *texts), None)
    torch.testing.assert_close(st.InfoNCE(model, temperature=0.05)(columns(model, *texts)), expected)


def test_gist_is_gistembed_with_a_guide_that_masks(model: SentenceTransformer, guide: SentenceTransformer) -> None:
    theirs = losses.GISTEmbedLoss(model, guide, temperature=0.05, margin=0.02)
    ours = st.GIST(model, guide=guide, temperature=0.05, margin=0.02)
    value = ours(columns(model, ANCHORS, POSITIVES))
    torch.testing.assert_close(value, theirs(columns(model, ANCHORS, POSITIVES), None))
    assert value != st.InfoNCE(model, temperature=0.05)(columns(model, ANCHORS, POSITIVES))
    assert all(not weight.requires_grad for weight in guide.parameters())
    assert not any(weight is own for weight in guide.parameters() for own in ours.parameters())


def test_equal_texts_are_not_each_others_negatives(model: SentenceTransformer) -> None:
    twice = columns(model, [ANCHORS[0], ANCHORS[1]], [POSITIVES[0], POSITIVES[0]])
    assert st.InfoNCE(model)(twice).item() == 0.0


def test_the_trainer_takes_it_and_it_can_be_wrapped(
    bert_folder: Path, guide: SentenceTransformer, tmp_path: Path
) -> None:
    student = SentenceTransformer(str(bert_folder), device="cpu")
    before = [weight.detach().clone() for weight in student.parameters()]
    loss = losses.MatryoshkaLoss(student, st.GIST(student, guide=guide), matryoshka_dims=[16, 8])
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path), max_steps=1, use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True
    )
    pairs = Dataset.from_dict({"anchor": ANCHORS, "positive": POSITIVES})
    SentenceTransformerTrainer(model=student, args=arguments, train_dataset=pairs, loss=loss).train()
    assert any((old != new).any() for old, new in zip(before, student.parameters(), strict=True))


def test_a_static_encoder_has_tokens_in_one_row(starter: Encoder) -> None:
    model = starter.model.eval()
    value = st.InfoNCE(model, temperature=0.05)(columns(model, ANCHORS[:2], POSITIVES[:2]))
    expected = losses.MultipleNegativesRankingLoss(model, scale=20)(columns(model, ANCHORS[:2], POSITIVES[:2]), None)
    torch.testing.assert_close(value, expected)


def test_labels_are_classes_or_scores(model: SentenceTransformer) -> None:
    classes = torch.tensor([0, 1, 0])
    assert st.Triplet(model)(columns(model, ANCHORS, POSITIVES), classes).isfinite()
    scores = torch.tensor([[0.9, 0.1], [0.8, 0.3], [0.7, 0.2]])
    with_negatives = columns(model, ANCHORS, POSITIVES, [TEXTS[8], TEXTS[5], TEXTS[1]])
    assert st.MarginMSE(model)(with_negatives, scores).isfinite()


def test_what_only_training_makes_is_refused(model: SentenceTransformer) -> None:
    with pytest.raises(ConfigError, match="averaged") as raised:
        st.BYOL(model)
    assert raised.value.next == "embedtune train --loss byol --data ..."
    with pytest.raises(ConfigError, match="needs a guide"):
        st.GIST(model)
    with pytest.raises(AttributeError, match="has no loss 'Nonsense'"):
        _ = st.Nonsense
    with pytest.raises(ConfigError, match="one column"):
        st.InfoNCE(model)(columns(model, ANCHORS))


def test_every_loss_has_its_name_here() -> None:
    assert {name.lower() for name in dir(st) if name != "TrainerLoss"} == {
        name.replace("_", "") for name in loss_names()
    }
