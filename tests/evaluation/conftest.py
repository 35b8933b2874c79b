import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def vectors():
    """Reference values computed with other implementations: {"inputs": ..., "cases": {id: case}}."""
    file = Path(__file__).parents[1] / "vectors" / "metrics.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    return {"inputs": content["inputs"], "cases": {case["id"]: case for case in content["cases"]}}
