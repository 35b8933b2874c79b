"""gguf: refused in words; llama.cpp's own converter writes these files, and knows which architectures it runs."""

from embedtune.errors import ConfigError
from embedtune.models.export.job import ExportJob
from embedtune.models.export.settings import ExportSettings

PRECISIONS = ("fp32", "fp16")
RUNS_ON = "llama.cpp"
FILE = "model.gguf"


def demand() -> None:
    """Refuse: embedtune cannot write the format and prove that the file gives the same vectors.

    Raises:
        ConfigError: always; says which program writes it.
    """
    raise ConfigError(
        "embedtune does not write GGUF: nothing here could run such a file and measure it against the encoder",
        where="--to",
        next="run llama.cpp's convert_hf_to_gguf.py on the model folder, which says whether it knows the architecture; "
        "or export --to onnx",
    )


def write(job: ExportJob) -> ExportSettings:
    """Refused, as `demand` says.

    Raises:
        ConfigError: always.
    """
    demand()
    raise AssertionError(job)
