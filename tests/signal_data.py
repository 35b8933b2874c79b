"""Small signals whose classes differ in pitch, several recordings of each, and descriptions of the classes."""

import json
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

RATE, SAMPLES = 1000.0, 512
PITCHES = {"low": 40.0, "middle": 120.0, "high": 300.0}
WORDS = {
    "low": ("a low hum", "a deep tone"),
    "middle": ("a tone of middle pitch", "neither deep nor shrill"),
    "high": ("a high whistle", "a shrill tone"),
}


def window(label: str, recording: int, number: int) -> np.ndarray:
    """(samples,) float32: a tone with the pitch of its class, slightly off in each recording, in noise."""
    draw = np.random.default_rng([sorted(PITCHES).index(label), recording, number])
    pitch = PITCHES[label] * (1 + 0.002 * recording)
    time = np.arange(SAMPLES) / RATE
    tone = np.sin(2 * np.pi * (pitch * time + draw.random()))
    return ((1 + recording) * (tone + 0.3 * draw.standard_normal(SAMPLES))).astype(np.float32)


def records(recordings: int = 4, windows: int = 6) -> list[dict[str, object]]:
    """Rows of signal, label and recording."""
    return [
        {"signal": window(label, one, number), "label": label, "recording": f"{label}-{one}", "rate_hz": RATE}
        for label in PITCHES
        for one in range(recordings)
        for number in range(windows)
    ]


def write_windows(path: Path, rows: list[dict[str, object]] | None = None) -> Path:
    """A Parquet file of these rows, the signal as a list of float32 of fixed size."""
    rows = records() if rows is None else rows
    columns = {name: [row[name] for row in rows] for name in rows[0] if name != "signal"}
    flat = np.concatenate([np.asarray(row["signal"], dtype=np.float32) for row in rows])
    size = len(np.asarray(rows[0]["signal"]))
    columns["signal"] = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat), size)
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def write_words(path: Path) -> Path:
    """A file of descriptions."""
    lines = [json.dumps({"label": label, "text": text}) for label, texts in WORDS.items() for text in texts]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
