"""Models made on the spot for all tests: no download, no network, the same weights on every run."""

import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing about the code on a busy machine.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("patient"), max_examples=10_000)
settings.load_profile("patient")

# Before any library reads them: no test may wait for a network or use somebody's tracker.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Threads that spin while they wait made some tests take five times as long on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Each of several test processes has a core of its own.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsspec import AbstractFileSystem

    from embedtune.models.files.load import Encoder

TEXTS = (
    "How do I reset my password?",
    "Open the settings, choose account, and press reset password.",
    "My card was charged twice for one order.",
    "We refund a double charge within five working days.",
    "비밀번호를 잊어버렸어요. 어떻게 다시 설정하나요?",
    "설정에서 계정을 열고 비밀번호 재설정을 누르세요.",
    "한 번 주문했는데 카드가 두 번 결제됐어요.",
    "이중 결제는 영업일 기준 닷새 안에 환불됩니다.",
    "Can I change the delivery address after ordering?",
    "The address can be changed until the parcel leaves the warehouse.",
    "주문한 뒤에 배송지를 바꿀 수 있나요?",
    "상품이 창고를 떠나기 전까지는 주소를 바꿀 수 있습니다.",
)


@pytest.fixture(scope="session", autouse=True)
def _caches_of_their_own(tmp_path_factory: pytest.TempPathFactory):
    """Keep the tests' vector store out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_second_process():
    """A second process takes ten seconds to load the libraries; only the tests of it start one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtune.workflows.train.saved_check._start", lambda: None)
        yield


MULTIPLIES = "embedtune.models.speed.precision.multiplies_bf16"


@pytest.fixture(scope="session", autouse=True)
def _no_hardware_decides():
    """Let `auto` choose float32 on every machine, so that results do not depend on it; `products` tries both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MULTIPLIES, lambda device: False)
        yield


@pytest.fixture(params=["bf16", "fp32"])
def products(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The precision that `auto` chooses in this test: bf16, which torch emulates where the hardware lacks it, or fp32.

    For every test whose outcome `auto` decides. It reaches forks, but other processes still ask the hardware.
    """
    monkeypatch.setattr(MULTIPLIES, lambda device: request.param == "bf16")
    return request.param


@pytest.fixture(scope="session")
def texts() -> tuple[str, ...]:
    """Twelve short texts, half of them Korean."""
    return TEXTS


@pytest.fixture(scope="session")
def bare_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformers BERT with random weights, two layers of 32 dimensions, 64 tokens at most."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.normalizers import NFC
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from tokenizers.trainers import BpeTrainer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    tokenizer.normalizer = NFC()
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.train_from_iterator(TEXTS, BpeTrainer(vocab_size=300, special_tokens=special, show_progress=False))
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def bert_folder(bare_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same BERT as a sentence-transformers folder with mean pooling."""
    from sentence_transformers import SentenceTransformer

    folder = tmp_path_factory.mktemp("models") / "tiny-sentence-bert"
    SentenceTransformer(str(bare_folder), device="cpu", local_files_only=True).save(
        str(folder), create_model_card=False
    )
    return folder


@pytest.fixture(scope="session")
def cross_folder(bare_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of the same shape with random weights: one score per pair."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("models") / "tiny-cross"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        config = BertConfig.from_pretrained(bare_folder, num_labels=1, initializer_range=0.5)
        BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(bare_folder).save_pretrained(folder)
    return folder


@pytest.fixture
def bert(bert_folder: Path) -> "Encoder":
    """The tiny BERT on the CPU, loaded for each test, which may train it."""
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder

    return load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")


@pytest.fixture
def starter() -> "Encoder":
    """A starter made from the twelve texts."""
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.files.load import load_encoder

    return load_encoder(EncoderSection(name="starter"), device="cpu", texts=TEXTS)


@pytest.fixture
def rising(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dev scores of training runs that always rise, so that a run keeps its last model, whatever it learned."""
    from embedtune.workflows.shared.scoring import SELECTION

    scores = count(1)
    monkeypatch.setattr(
        "embedtune.workflows.train.fitting.dev_scores", lambda *_: lambda: {SELECTION: next(scores) / 1000}
    )


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[AbstractFileSystem]":
    """fsspec's file system in memory, empty, and a cache of our own."""
    import fsspec

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    yield system
    for path in system.find("/far"):
        system.rm(path)
