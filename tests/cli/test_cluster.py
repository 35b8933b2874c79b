"""`embedtune cluster` from the command line: its JSON and its table."""

import json


def test_prints_what_is_in_a_corpus(call, tmp_path):
    path = tmp_path / "series.jsonl"
    rows = [{"values": [one, 2 * one, 1, 5]} for one in range(4)] + [{"values": [5, 1, 2 + one, 0]} for one in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = call("cluster", "--data", str(path), "--k", "2", "--output", str(tmp_path / "out"))
    assert (found["k"], found["kind"], found["texts"]) == (2, "series", 8)
    assert sum(found["sizes"]) == 8
