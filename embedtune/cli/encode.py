"""`embedtune encode`: turn texts into vectors."""

from embedtune import api
from embedtune.cli.shared.options import Force
from embedtune.cli.shared.verb import Asked

EXAMPLES = """
embedtune encode --model runs/first/model --data texts.txt --output vectors.npy
embedtune encode --model runs/first/model --data beir/ --role query --output queries.parquet
embedtune encode --model intfloat/multilingual-e5-small --prompts document="passage: " --data texts.txt
"""


def encode(asked: Asked, force: Force = False) -> None:
    """Turn texts into vectors of length 1, in the order of the texts.

    Vectors of a model that declares dot as its similarity keep their lengths. Memory does not grow with the number of
    texts. After an interruption, the same command resumes where it stopped. A parquet file serves `embedtune train
    --guide FILE`. A file that is read is never written over; any other existing file is replaced only if embedtune
    wrote it, or with --force.
    """
    from embedtune.config.verbs.encode import demand_named

    asked.print(api.encode(asked.config(demand_named), talk=asked.talk, force=force))
