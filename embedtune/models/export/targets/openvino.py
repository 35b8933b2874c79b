"""openvino: a model.xml with its model.bin for OpenVINO, in fp32 or with weights in fp16."""

from embedtune.models.export.engines import NEEDED_TO_WRITE, demand_packages
from embedtune.models.export.example import write_example
from embedtune.models.export.graph import write_graph
from embedtune.models.export.job import ExportJob
from embedtune.models.export.reading_files import reading_of, write_tokenizer
from embedtune.models.export.settings import ExportSettings
from embedtune.models.export.targets.onnx import settings_of

PRECISIONS = ("fp32", "fp16")
RUNS_ON = "openvino, tokenizers, numpy"
FILE = "model.xml"


def demand() -> None:
    """Refuse before any work where a package is missing.

    Raises:
        ConfigError: names it.
    """
    demand_packages("openvino", NEEDED_TO_WRITE["openvino"], "exporting to OpenVINO")


def write(job: ExportJob) -> ExportSettings:
    """Write the graph, by way of ONNX, and all that `onnx.write` writes.

    Raises:
        ModelError: the encoder cannot be written as one graph.
    """
    import openvino

    reading = reading_of(job.encoder)
    write_tokenizer(job.encoder, job.folder)
    between = job.folder / "model.onnx.fp32"
    try:
        write_graph(job.encoder, reading, between)
        model = openvino.convert_model(str(between))
        openvino.save_model(model, str(job.folder / FILE), compress_to_fp16=job.precision == "fp16")
    finally:
        between.unlink(missing_ok=True)
    settings = settings_of(job, reading, "openvino", FILE)
    settings.write(job.folder)
    write_example(settings, job.folder)
    return settings
