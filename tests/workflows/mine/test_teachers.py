"""Mined rows carry the scores of the teacher, in every layout that has room for them, and suspects go to the ledger."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.mine import MineConfig
from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import ConfigError, DataError
from embedtune.workflows.mine.run import mine
from embedtune.workflows.shared.talk import Silence

LAYOUTS = ["rows", "triplet", "n-tuple", "flagembedding"]
ASKED = ("password", "refund", "delivery", "환불")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with sixteen pairs."""
    monkeypatch.chdir(tmp_path)
    put(Path("pairs.jsonl"), [{"anchor": f"How about {ASKED[i % 4]} {i}?", "positive": answer(i)} for i in range(16)])
    return tmp_path


def answer(i: int) -> str:
    return f"On {ASKED[i % 4]} the answer is {i}."


class Progress(Silence):
    """Hears how many pairs the cross-encoder has scored."""

    def __init__(self) -> None:
        self.told: list[int] = []

    @contextmanager
    def progress(self, description: str, total: int | None = None) -> Iterator[Callable[..., None]]:
        own = self.told if description.startswith("scoring pairs") else []
        yield lambda done, *_: own.append(done)


def put(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def config(**options: Any) -> MineConfig:
    given = {"data": "pairs.jsonl", "model": "starter", "store": "none", "device": "cpu", "negatives": 3}
    return load(MineConfig, None, ["mining.block=5", "filters.target_kept=none"], {**given, **options})


def read(path: str) -> list[tuple[str, list[str], list[float]]]:
    """Anchor, [positive, negatives...] and their scores, as `train` reads them."""
    rows = read_part(open_table(Path(path)), {}).content
    texts = [[p, *n] for p, n in zip(rows.positives, rows.negatives, strict=True)]
    assert rows.teacher_scores is not None
    return list(zip(rows.anchors, texts, [list(own) for own in rows.teacher_scores], strict=True))


def ledger(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_carry_what_the_cross_encoder_predicts(here: Path, cross_folder: Path, layout: str, suffix: str) -> None:
    from sentence_transformers import CrossEncoder

    # A margin far below keeps suspects among the negatives, so that there are rows whatever random weights think.
    keep = load(
        MineConfig,
        None,
        ["mining.block=5", "filters.target_kept=none", "cross_encoder.margin=-100"],
        {"data": "pairs.jsonl", "model": "starter", "store": "none", "device": "cpu", "negatives": 3}
        | {"cross_encoder": str(cross_folder), "format": layout, "output": f"mined.{suffix}"},
    )
    mine(keep)
    peer = CrossEncoder(str(cross_folder), device="cpu", local_files_only=True)
    rows = read(f"mined.{suffix}")
    assert len(rows) >= 16
    for anchor, texts, scores in rows:
        expected = [float(peer.predict([(anchor, text)])[0]) for text in texts]
        assert scores == pytest.approx(expected, abs=1e-5)
        assert len(texts) > 1


def test_a_cross_encoder_that_judges_with_an_encoder_adds_the_cosine(here: Path, cross_folder: Path) -> None:
    import shutil

    from sentence_transformers import CrossEncoder

    from embedtune.models.cross.mix import write_mix

    shutil.copytree(cross_folder, here / "both")
    write_mix(here / "both", 20.0, "encoder")
    kept = ["mining.block=5", "filters.target_kept=none"]
    asked = {"data": "pairs.jsonl", "model": "starter", "store": "none", "device": "cpu", "negatives": 12}
    mine(load(MineConfig, None, kept, {**asked, "output": "own.jsonl"}))
    judged = {**asked, "cross_encoder": "both", "output": "judged.jsonl"}
    mine(load(MineConfig, None, [*kept, "cross_encoder.margin=-1000"], judged))
    peer = CrossEncoder(str(cross_folder), device="cpu", local_files_only=True)
    cosines = {
        (anchor, text): one for anchor, texts, own in read("own.jsonl") for text, one in zip(texts, own, strict=True)
    }
    found = [
        (one, float(peer.predict([(anchor, text)])[0]) + 20.0 * cosines[anchor, text])
        for anchor, texts, own in read("judged.jsonl")
        for text, one in zip(texts, own, strict=True)
        if (anchor, text) in cosines
    ]
    assert len(found) >= 32
    for score, expected in found:
        assert score == pytest.approx(expected, abs=1e-4)


def test_a_cross_encoder_is_exact_unless_bf16_is_asked_for(here: Path, cross_folder: Path, monkeypatch) -> None:
    from embedtune.models.cross.cross_encoder import PairScorer

    asked: list[str] = []
    scores = PairScorer.scores
    monkeypatch.setattr(PairScorer, "scores", lambda self, pairs: asked.append(self.products) or scores(self, pairs))
    for precision in ("auto", "bf16", "fp32"):
        mine(config(cross_encoder=str(cross_folder), output=f"{precision}.jsonl", precision=precision))
    assert list(dict.fromkeys(asked)) == ["fp32", "bf16"]
    assert asked[0] == asked[-1] == "fp32"


def test_interrupted_in_a_block_it_asks_the_cross_encoder_only_for_the_rest(
    here: Path, cross_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from embedtune.errors import Interrupted
    from embedtune.models.cross.cross_encoder import PairScorer
    from embedtune.workflows.mine.judges import cross_encoder

    asked: list[int] = []
    scores, breaks = PairScorer.scores, [3]

    def counted(self: PairScorer, pairs: Any) -> Any:
        asked.append(len(pairs))
        if len(asked) in breaks:
            raise KeyboardInterrupt
        return scores(self, pairs)

    monkeypatch.setattr(PairScorer, "scores", counted)
    monkeypatch.setattr(cross_encoder, "PAIRS_AT_A_TIME", 20)
    whole = load(MineConfig, None, ["filters.target_kept=none"], {"data": "pairs.jsonl", "model": "starter"})
    of_one_block = whole.model_copy(update={"cross_encoder": config(cross_encoder=str(cross_folder)).cross_encoder})
    with pytest.raises(Interrupted, match="what is done is kept"):
        mine(of_one_block)
    assert asked == [20, 20, 20]
    heard = Progress()
    mine(of_one_block, talk=heard)
    assert heard.told[0] == 40  # what was done before says nothing of the pace
    in_parts = Path("mined.jsonl").read_bytes()
    pairs = sum(asked) - 20  # the third was asked for again
    assert asked[3:] == [20] * ((pairs - 40) // 20) + [pairs % 20] * (pairs % 20 > 0)
    asked.clear()
    breaks.clear()
    monkeypatch.setattr(cross_encoder, "PAIRS_AT_A_TIME", 10_000)
    mine(of_one_block)
    assert asked == [pairs]
    assert len(in_parts.splitlines()) == len(Path("mined.jsonl").read_bytes().splitlines()) > 0


def test_candidates_above_the_positive_are_dropped_and_listed(here: Path, cross_folder: Path) -> None:
    from sentence_transformers import CrossEncoder

    result = mine(config(cross_encoder=str(cross_folder), output="mined.jsonl"))
    peer = CrossEncoder(str(cross_folder), device="cpu", local_files_only=True)
    assert result.dropped["cross_encoder"] > 0
    for _, _, (positive, *negatives) in read("mined.jsonl"):
        assert all(score <= positive + 1e-5 for score in negatives)
    listed = [one for one in ledger("mined.ledger.jsonl") if one["verdict"] == "cross_encoder"]
    assert listed
    for one in listed:
        found = peer.predict([(one["query"], one["candidate"]), (one["query"], one["positive"])])
        scores = one["cross_encoder_score"], one["cross_encoder_positive_score"]
        assert scores == pytest.approx(found.tolist(), abs=1e-5)
        assert found[0] > found[1]
    assert any("scores in the rows are those of cross-encoder" in said for said in result.described)


def test_a_file_of_scores_teaches_and_leaves_gaps(here: Path) -> None:
    right, wrong = answer(0), answer(4)
    put(
        Path("scores.jsonl"),
        [
            {"query": "How about password 0?", "document": right, "score": 2.5},
            {"query": "How about password 0?", "document": wrong, "score": 3.5},
            {"query": "How about password 0?", "document": answer(8), "score": -1.25},
        ],
    )
    result = mine(config(teacher="scores.jsonl", output="mined.jsonl"))
    first = ledger("mined.jsonl")[0]
    assert first["provenance"]["teacher"] == "teacher scores.jsonl"
    assert first["positive_score"] == 2.5
    assert wrong not in first["negatives"]
    known = dict(zip(first["negatives"], first["negative_scores"], strict=True))
    assert known.pop(answer(8)) == -1.25
    assert known
    assert set(known.values()) == {None}
    assert result.dropped["teacher"] == 1
    suspect = next(one for one in ledger("mined.ledger.jsonl") if one["candidate"] == wrong and one["teacher_score"])
    assert (suspect["teacher_score"], suspect["teacher_positive_score"], suspect["verdict"]) == (3.5, 2.5, "teacher")
    assert suspect["suspicion"] == pytest.approx(1.0)
    by_anchor = {anchor: scores for anchor, _, scores in read("mined.jsonl")}
    assert by_anchor["How about password 0?"][0] == 2.5
    assert all(score != score for score in by_anchor["How about refund 1?"])  # NaN: the teacher says nothing of them


def test_without_a_second_judge_the_scores_are_the_miners_and_nothing_claims_otherwise(here: Path) -> None:
    mine(config(output="mined.jsonl"))
    assert "teacher" not in ledger("mined.jsonl")[0]["provenance"]


def test_a_file_that_cannot_teach_is_refused(here: Path) -> None:
    put(Path("other.jsonl"), [{"query": "a", "document": "b", "score": 1}])
    with pytest.raises(DataError, match="none of the 16 positives has a score"):
        mine(config(teacher="other.jsonl"))
    put(Path("vectors.jsonl"), [{"text": "a", "vector": [1, 0]}])
    with pytest.raises(ConfigError, match="holds vectors"):
        mine(config(teacher="vectors.jsonl"))
    put(Path("pairs_only.jsonl"), [{"query": "a", "document": "b"}])
    with pytest.raises(ConfigError, match="holds the columns 'query', 'document'; a teacher's file holds scores"):
        mine(config(teacher="pairs_only.jsonl"))
    put(Path("words.jsonl"), [{"query": "a", "document": "b", "score": "high"}])
    with pytest.raises(DataError, match=r"'score' must be a number, got a text"):
        mine(config(teacher="words.jsonl"))
    with pytest.raises(ConfigError, match="is not a file") as refused:
        mine(config(teacher="cross-encoder/ms-marco-MiniLM-L6-v2"))
    assert refused.value.where == "--teacher" and "--cross-encoder" in refused.value.next
