"""Whatever a file holds, a reader reads it or reports what is wrong as an `EmbedtuneError`.

`--hypothesis-profile=long` tries more; `benchmarks/fuzz.py --count 100000` counts and times.
"""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.drawn import drawn
from fuzz.inputs import Case, cases
from fuzz.readers import READERS


@pytest.mark.parametrize("name", READERS)
def test_no_exception_but_ours(tmp_path: Path, name: str) -> None:
    reader, folder = READERS[name], tmp_path / "case"
    (tmp_path / "good").mkdir()
    bases = reader.make(tmp_path / "good")

    @given(st.data())
    def check(data: st.DataObject) -> None:
        case = data.draw(cases(bases))
        folder.mkdir()
        try:
            reader.try_on(case, folder)
        finally:
            shutil.rmtree(folder)

    settings(max_examples=max(20, settings().max_examples // 5))(check)()


@pytest.mark.parametrize("name", READERS)
def test_no_exception_but_ours_in_what_is_drawn_quickly(tmp_path: Path, name: str) -> None:
    """Dialects, encodings, quotation marks, ids and expansion, as benchmarks/fuzz.py draws them by the million."""
    reader, folder = READERS[name], tmp_path / "case"
    (tmp_path / "good").mkdir()
    bases = reader.make(tmp_path / "good")
    for number in range(40):
        folder.mkdir()
        reader.try_on(drawn(bases, f"test/{name}/{number}"), folder)
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", READERS)
def test_good_files_are_read(tmp_path: Path, name: str) -> None:
    """Otherwise the test above might see nothing but refusals."""
    (tmp_path / "good").mkdir()
    read = 0
    for number, files in enumerate(READERS[name].make(tmp_path / "good")):
        (tmp_path / str(number)).mkdir()
        read += READERS[name].try_on(Case(files), tmp_path / str(number))
    assert read
