"""What a run on signals does besides: it gives the encoder a signal tower, and checks both towers once saved."""

from itertools import chain

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.rows import Rows
from embedtune.errors import ConfigError
from embedtune.models.encoder import Encoder
from embedtune.models.towers.standardised import in_training
from embedtune.models.towers.text_and_signals import settled_towers, with_signal_tower
from embedtune.signals import is_signal, only_texts
from embedtune.workflows.shared.talk import Talk


def signals_in(rows: Rows) -> list[str]:
    """The distinct signals among the anchors and positives of rows, in order."""
    return [name for name in dict.fromkeys(chain(rows.anchors, rows.positives)) if is_signal(name)]


def tower_for(config: TrainConfig, encoder: Encoder, rows: Rows, talk: Talk) -> Encoder:
    """The encoder that learns from these rows: as it is, or with a tower for the signals among them.

    Raises:
        ConfigError: a tower is asked for and there are no signals, or the model has a tower of another kind.
        DataError: the signals differ in length or channels.
    """
    names, kind = signals_in(rows), config.tower.kind
    if not names:
        if kind != "auto":
            raise ConfigError(
                "a tower reads signals, and there are none in the data",
                where=f"--tower {kind}",
                next="leave it out, or give rows with a column signal (docs/signals.md)",
            )
        return encoder
    if encoder.signals is None:
        encoder = with_signal_tower(encoder, config.tower, names, seed=config.training.seed)
        new = "a new tower"
    else:
        new = "its own tower"
    if encoder.signals is not None and kind not in ("auto", encoder.signals.kind):
        raise ConfigError(
            f"{encoder.name} reads signals with a tower of the kind {encoder.signals.kind}",
            where=f"--tower {kind}",
            next="leave it out to train that tower on, or start from an encoder of texts",
        )
    learns = {"projection": "its projection learns", "full": "all of it learns", "frozen": "it does not learn"}
    if encoder.signals is not None:
        talk.say(f"signals are read by {new} ({encoder.signals.kind}: {encoder.signals.described})")
    talk.say(f"texts are read by {encoder.name}; {learns[config.tower.text]}")
    if config.tower.signal == "full":
        encoder = in_training(encoder, names)
    return settled_towers(encoder, config.tower)


def probes_of(rows: Rows, most: int) -> list[str]:
    """Some training inputs that a saved model is checked on: texts, and signals where there are any."""
    return [*list(dict.fromkeys(only_texts(rows.positives)))[:most], *signals_in(rows)[:most]]
