"""A text encoder and a signal tower as one model: loadable anywhere, with gradients as two branches would have them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from signal_data import SAMPLES, window

from embedtune.config.sections.encoder import EncoderSection, TowerSection
from embedtune.errors import DataError, ModelError
from embedtune.losses import build_loss
from embedtune.losses.shared.base import EmbeddingBatch
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.towers.signal_input import SignalInput, signal_input_in
from embedtune.models.towers.spectrum import spectrum
from embedtune.models.towers.standardised import in_training, out_of_training
from embedtune.models.towers.text_and_signals import settled_towers, with_signal_tower
from embedtune.signals import KNOWN

KINDS = ("spectrum", "conv", "patch", "vectors")
WINDOWS = [window(label, one, one) for label in ("low", "high") for one in range(3)]


@pytest.fixture(scope="module")
def names() -> list[str]:
    return [KNOWN.add(one, rate_hz=1000.0) for one in WINDOWS]


def built(encoder: Encoder, names: list[str], **keys: object) -> Encoder:
    section = TowerSection(**{"dimensions": 16, **keys})  # type: ignore[arg-type]
    return settled_towers(with_signal_tower(encoder, section, names, seed=3), section)


@pytest.mark.parametrize("kind", KINDS)
def test_plain_sentence_transformers_loads_it_and_saves_it_again(
    bert: Encoder, names: list[str], texts: tuple[str, ...], tmp_path: Path, kind: str
) -> None:
    from sentence_transformers import SentenceTransformer

    encoder = built(bert, names, kind=kind)
    save_encoder(encoder, tmp_path / "once")
    inputs = [spectrum(one[None]) if kind == "spectrum" else one for one in WINDOWS]
    for folder in ("once", "twice"):
        plain = SentenceTransformer(str(tmp_path / folder), device="cpu", trust_remote_code=False)
        for own, theirs in ((names, inputs), (list(texts), list(texts))):
            expected = encode(encoder, own, role="query")
            np.testing.assert_allclose(plain.encode(theirs, normalize_embeddings=True), expected, atol=1e-5)
        plain.save(str(tmp_path / "twice"), create_model_card=False)
    again = load_encoder(EncoderSection(name=str(tmp_path / "once")), device="cpu")
    assert again.signals == encoder.signals
    np.testing.assert_array_equal(encode(again, names, role="document"), encode(encoder, names, role="document"))
    assert again.fingerprint() == encoder.fingerprint()


def test_signals_and_texts_in_one_call(bert: Encoder, names: list[str], texts: tuple[str, ...]) -> None:
    encoder = built(bert, names)
    mixed = [names[0], texts[0], names[1], texts[1]]
    found = encode(encoder, mixed, role="query")
    np.testing.assert_allclose(found[::2], encode(encoder, names[:2], role="query"), atol=1e-6)
    np.testing.assert_allclose(found[1::2], encode(encoder, texts[:2], role="query"), atol=1e-6)


def test_the_gradient_is_that_of_two_branches(bert: Encoder, names: list[str], texts: tuple[str, ...]) -> None:
    encoder = built(bert, names, text="full")
    loss, own = build_loss("infonce", temperature=0.1, temperature_reverse=0.2), list(texts[: len(names)])

    def gradients(signals: torch.Tensor, described: torch.Tensor) -> dict[str, np.ndarray]:
        encoder.model.zero_grad()
        loss(EmbeddingBatch(anchors=signals, positives=described)).backward()
        found = encoder.model.named_parameters()
        return {name: one.grad.numpy().copy() for name, one in found if one.grad is not None}

    reader = Tokenizer(encoder)
    every = list(range(len(names)))
    routed = gradients(
        forward(encoder.model, reader.tokenize(names, "query").features(every)),
        forward(encoder.model, reader.tokenize(own, "document").features(every)),
    )
    sides = encoder.model[0].sub_modules
    wav2vec2, _, dense = sides["signal"]
    values = torch.from_numpy(np.stack([spectrum(one[None]) for one in WINDOWS]))
    hidden = wav2vec2.model(values).last_hidden_state  # (n, 1, H): all of a spectrum at once
    tokens = bert.model.tokenizer(own, padding=True, return_tensors="pt")
    mask = tokens["attention_mask"][:, :, None].float()
    words = sides["text"][0].model(**tokens).last_hidden_state
    mean = (words * mask).sum(1) / mask.sum(1)
    branches = gradients(dense.linear(hidden.mean(1)), sides["text"][-1].linear(mean))
    assert routed.keys() == branches.keys()
    assert any("signal" in name for name in routed)
    assert any("text.0" in name for name in routed)
    for name, own_gradient in routed.items():
        np.testing.assert_allclose(own_gradient, branches[name], atol=1e-6, err_msg=name)


def test_the_first_layer_standardises_the_training_spectra(bert: Encoder, names: list[str]) -> None:
    encoder = built(bert, names, kind="spectrum")
    layer = encoder.model[0].sub_modules["signal"][0].model.feature_extractor.conv_layers[0].conv
    made = np.stack([spectrum(one[None]) for one in WINDOWS])
    plain = load_weights(bert, names)
    mean = made.mean(axis=0)
    spread = (made - mean).std()
    with torch.no_grad():
        ours = layer(torch.from_numpy(made)[:, None])[:, :, 0].numpy()
    expected = ((made - mean) / spread) @ plain["weight"][:, 0].T + plain["bias"]
    np.testing.assert_allclose(ours, expected, atol=1e-3)


@pytest.mark.parametrize("kind", ["spectrum", "vectors"])
def test_the_first_layer_starts_as_a_linear_layer_of_torch_does(bert: Encoder, names: list[str], kind: str) -> None:
    """Between -1 / sqrt(n) and 1 / sqrt(n); the start of wav2vec2 is normal, with a spread of sqrt(2 / n)."""
    weight = load_weights(bert, names, kind)["weight"]
    bound = weight.shape[-1] ** -0.5
    assert 0.99 * bound < np.abs(weight).max() <= bound
    np.testing.assert_allclose(weight.std(), bound / 3**0.5, rtol=0.02)


def load_weights(bert: Encoder, names: list[str], kind: str = "spectrum") -> dict[str, np.ndarray]:
    """The first layer before anything was built into it: that of a tower which sees vectors of mean 0 and spread 1."""
    from embedtune.models.towers import text_and_signals

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_and_signals, "out_of_training", lambda encoder: encoder)
        section = TowerSection(dimensions=16, kind=kind)  # type: ignore[arg-type]
        encoder = with_signal_tower(bert, section, names, seed=3)
    layer = encoder.model[0].sub_modules["signal"][0].model.feature_extractor.conv_layers[0].conv
    return {name: value.numpy() for name, value in layer.state_dict().items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_tower_gives_the_same_vectors_while_it_learns_and_afterwards(
    bert: Encoder, names: list[str], tmp_path: Path, kind: str
) -> None:
    encoder = built(bert, names, kind=kind)
    before = encode(encoder, names, role="query")
    assert encoder.signals is not None
    learning = in_training(encoder, names[:4])  # what it first learned from counts
    assert learning.signals is not None
    handed = np.stack(learning.signals.arrays(names))
    if learning.signals.is_linear:
        np.testing.assert_allclose(handed.mean(axis=0), 0, atol=2e-3)
        np.testing.assert_allclose(handed.std(), 1, atol=1e-3)
    assert learning.signals.in_training is learning.signals.is_linear
    np.testing.assert_allclose(encode(learning, names, role="query"), before, atol=2e-4)
    assert in_training(learning, names) is learning
    save_encoder(learning, tmp_path / "start")  # what a resumed run begins with
    again = load_encoder(EncoderSection(name=str(tmp_path / "start")), device="cpu")
    assert again.signals == learning.signals
    np.testing.assert_array_equal(encode(again, names, role="query"), encode(learning, names, role="query"))
    done = out_of_training(learning)
    assert done.signals == encoder.signals
    np.testing.assert_allclose(encode(done, names, role="query"), before, atol=2e-4)


def test_a_step_moves_the_output_as_it_does_on_numbers_that_were_standardised_by_hand(
    bert: Encoder, names: list[str]
) -> None:
    learning = in_training(built(bert, names, kind="vectors"), names)
    shifted = [KNOWN.add(1000 + 30 * one) for one in WINDOWS]  # the same windows in another unit
    other = in_training(built(bert, shifted, kind="vectors"), shifted)
    moved = []
    for encoder, own in ((learning, names), (other, shifted)):
        layer = encoder.model[0].sub_modules["signal"][0].model.feature_extractor.conv_layers[0].conv
        with torch.no_grad():
            layer.weight += 0.01
        moved.append(encode(encoder, own, role="query"))
    np.testing.assert_allclose(moved[0], moved[1], atol=1e-3)


@pytest.mark.parametrize(
    ("keys", "learns"),
    [
        ({}, {"signal", "projection"}),
        ({"text": "full"}, {"signal", "projection", "encoder"}),
        ({"text": "frozen"}, {"signal"}),
        ({"signal": "frozen"}, {"projection"}),
    ],
)
def test_what_learns_is_as_asked(bert: Encoder, names: list[str], keys: dict[str, str], learns: set[str]) -> None:
    encoder = built(bert, names, **keys)
    found = set()
    for name, parameter in encoder.model.named_parameters():
        if parameter.requires_grad:
            found.add("signal" if ".signal." in name else "encoder" if ".text.0." in name else "projection")
    assert found == learns
    assert encoder.dimensions == (32 if keys.get("text") == "frozen" else 16)
    assert bool(encoder.rates) is (keys.get("text") == "full")


def test_texts_before_the_projection_give_the_same_vectors_and_gradients(
    bert: Encoder, names: list[str], texts: tuple[str, ...]
) -> None:
    encoder = built(bert, names)
    plain = replace(encoder, projects=False)
    vectors, gradients = [], []
    for one in (encoder, plain):
        encoder.model.zero_grad()
        made = forward(one.model.eval(), Tokenizer(one).tokenize(texts, "document").features(range(len(texts))))
        made.square().sum().backward()
        vectors.append(made.detach().numpy())
        gradients.append(encoder.model[0].sub_modules["text"][-1].linear.weight.grad.numpy().copy())
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)
    np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-4)


def test_what_does_not_fit_is_refused(bert: Encoder, names: list[str]) -> None:
    short = KNOWN.add(WINDOWS[0][:-1], place="short.npy")
    encoder = built(bert, names)
    with pytest.raises(DataError, match="511 samples in 1 channel, and the first one has 512"):
        with_signal_tower(bert, TowerSection(), [*names, short], seed=0)
    with pytest.raises(DataError, match="511 samples"):
        encode(encoder, [short], role="query")
    with pytest.raises(ModelError, match="reads texts, and these are signals"):
        encode(bert, names, role="query")
    with pytest.raises(DataError, match="needs 392 samples or more, and these have 300"):
        built(bert, [KNOWN.add(one[:300]) for one in WINDOWS], kind="conv")
    with pytest.raises(ModelError, match="several towers already"):
        with_signal_tower(encoder, TowerSection(), names, seed=0)


def test_channels_are_read_together(bert: Encoder) -> None:
    both = [KNOWN.add(np.stack([one, -one])) for one in WINDOWS]
    for kind in ("spectrum", "conv", "patch"):
        encoder = built(bert, both, kind=kind)
        assert encoder.signals is not None
        assert (encoder.signals.channels, encoder.signals.samples) == (2, SAMPLES)
        assert np.isfinite(encode(encoder, both, role="query")).all()


def test_a_damaged_description_of_the_signals_is_refused(tmp_path: Path) -> None:
    (tmp_path / "signals.json").write_text('{"kind": "spectrum", "length": 7}')
    with pytest.raises(ModelError, match="does not say what signals"):
        signal_input_in(tmp_path)
    assert signal_input_in(None) is None


@pytest.mark.parametrize("facts", [{}, {"envelope": 1.0}])
def test_a_tower_of_other_spectra_is_refused(tmp_path: Path, facts: dict[str, float]) -> None:
    """Its first layer would read numbers of another meaning, and nothing would show it."""
    said = json.dumps({"kind": "spectrum", "samples": 4096, **facts})
    (tmp_path / "signals.json").write_text(said, encoding="utf-8")
    with pytest.raises(ModelError, match="spectra that embedtune no longer computes") as refused:
        signal_input_in(tmp_path)
    assert refused.value.next == "train it again"
    (tmp_path / "signals.json").write_text(said.replace("spectrum", "vectors"), encoding="utf-8")
    assert signal_input_in(tmp_path) is not None
    SignalInput("spectrum", 4096).save(tmp_path)
    assert signal_input_in(tmp_path) == SignalInput("spectrum", 4096)
