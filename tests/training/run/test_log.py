"""The log of a run, however its end or its disk has treated it."""

import json
from pathlib import Path

from embedtune.training.run.log import read_log


def test_what_is_whole_is_read_and_what_is_not_is_passed_over(tmp_path: Path) -> None:
    good = [{"step": 1, "loss": 0.5}, {"step": 2, "말": None}]
    harmed = [b'{"step": 3, "lo', b"\xff\xfe", b"[1]", b'{"loss": 1}', b'{"step": NaN}', b'{"step": "4"}', b"[" * 9999]
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"\n".join([json.dumps(good[0]).encode(), *harmed, json.dumps(good[1]).encode(), b""]))
    assert read_log(path) == good
    assert read_log(tmp_path / "none") == []
