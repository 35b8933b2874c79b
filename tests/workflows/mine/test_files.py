"""The files of a mining job."""

from pathlib import Path

from embedtune.workflows.mine.files import files_of


def test_the_files_lie_beside_the_output_and_go_by_its_name(tmp_path: Path) -> None:
    files = files_of(f"{tmp_path}/채굴.v2.parquet")
    assert {path.parent for path in files} == {tmp_path}
    assert [path.name for path in files] == [
        "채굴.v2.parquet", "채굴.v2.ledger.jsonl", "채굴.v2.report.html", "채굴.v2.report.md"
    ]  # fmt: skip


def test_a_home_folder_is_found() -> None:
    assert files_of("~/mined.jsonl").ledger == Path.home() / "mined.ledger.jsonl"
