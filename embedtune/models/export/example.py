"""The example in the folder of an export: twenty lines that answer a query with the engine and tokenizers alone."""

from pathlib import Path

from embedtune.durable import write_text
from embedtune.models.export.settings import ExportSettings
from embedtune.models.files.markdown_text import code_span

EXAMPLE = '''"""Answers a query from this folder alone: pip install {packages}"""

from pathlib import Path

import numpy as np
import {engine}
from tokenizers import Tokenizer

FOLDER = Path(__file__).parent
PROMPTS = {prompts!r}
tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))  # pads, and cuts after {length} tokens
{session}


def encode(texts: list[str], role: str) -> np.ndarray:
    """Vectors of texts, one row per text{unit}; role: "query" or "document"."""
    rows = tokenizer.encode_batch([PROMPTS[role] + text for text in texts], add_special_tokens={special})
    ids = np.array([row.ids for row in rows], dtype=np.int64)
    mask = np.array([row.attention_mask for row in rows], dtype=np.int64)
    return {run}


if __name__ == "__main__":
    documents = ["Open the settings and choose a new password.", "환불은 영업일 기준 닷새 안에 됩니다."]
    scores = encode(["How do I reset my password?"], "query") @ encode(documents, "document").T
    print(documents[scores[0].argmax()], scores[0])
'''
INPUTS = '{"input_ids": ids, "attention_mask": mask}'
ENGINES = {
    "onnx": (
        "onnxruntime",
        'session = onnxruntime.InferenceSession(str(FOLDER / "{file}"), providers=["CPUExecutionProvider"])',
        f"session.run(None, {INPUTS})[0]",
    ),
    "openvino": (
        "openvino",
        'model = openvino.Core().compile_model(str(FOLDER / "{file}"), "CPU", {{"INFERENCE_PRECISION_HINT": "f32"}})',
        f'model({INPUTS})["sentence_embedding"]',
    ),
}
CARD = """# {made_from}, exported by embedtune

`{file}` takes token ids and an attention mask, both (texts, tokens), and gives {dimensions} numbers per text.
Pooling and further layers{unit} are inside.

- `tokenizer.json` pads, and cuts after {length} tokens.
- Put the prompts in `embedtune_export.json` before each text.
- `python example.py` answers a query; it needs {packages}.
"""


def write_example(settings: ExportSettings, folder: Path) -> None:
    """Write `example.py` and a `README.md` that says what the file takes and gives."""
    engine, session, run = ENGINES[settings.target]
    unit = settings.similarity == "cosine"
    packages = f"{engine} tokenizers numpy"
    length = settings.max_length or "any number of"
    write_text(
        folder / "example.py",
        EXAMPLE.format(
            packages=packages,
            engine=engine,
            prompts=dict(settings.prompts),
            length=length,
            session=session.format(file=settings.file),
            unit=", of length 1" if unit else "",
            special=settings.special_tokens,
            run=run,
        ),
    )
    write_text(
        folder / "README.md",
        CARD.format(
            made_from=code_span(settings.made_from),
            file=settings.file,
            dimensions=settings.dimensions,
            unit=", and the scaling to length 1," if unit else "",
            length=length,
            packages=packages,
        ),
    )
