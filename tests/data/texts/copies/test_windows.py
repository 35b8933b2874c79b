import random

from embedtune.data.texts.copies.windows import LETTERS, windows_of

TEXTS = ["Early renal failure is treated", "", "short", "이 서비스는 주민센터에서 신청합니다", "a" * 30]


def letters_of(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def test_windows_are_the_runs_of_letters_of_each_text() -> None:
    windows = windows_of(TEXTS)
    assert windows.letters.tolist() == [len(letters_of(text)) for text in TEXTS]
    assert windows.sizes.tolist() == [26, 0, 5, 32, 30]
    expected = []
    for owner, text in enumerate(TEXTS):
        letters = letters_of(text)
        expected += [(owner, i, letters[i : i + LETTERS]) for i in range(len(letters) - LETTERS + 1)]
    assert [(o, p) for o, p, _ in expected] == list(zip(windows.owners.tolist(), windows.places.tolist(), strict=True))
    # Equal runs have equal hashes, and different ones different hashes.
    of_run = dict(zip([run for *_, run in expected], windows.hashes.tolist(), strict=True))
    assert [of_run[run] for *_, run in expected] == windows.hashes.tolist()
    assert len(set(of_run.values())) == len(of_run)


def test_case_width_spaces_and_signs_make_no_difference() -> None:
    plain = "the fee is due in may"
    other = "ＴＨＥ fee — is\u200b du\u00ade; in  MAY!"
    assert windows_of([plain]).hashes.tolist() == windows_of([other]).hashes.tolist()


def test_a_window_does_not_depend_on_its_neighbours() -> None:
    draw = random.Random(0)
    text = "".join(draw.choice("abcdefgh가나다라") for _ in range(200))
    whole = windows_of([text]).hashes.tolist()
    assert windows_of(["x", text[50:], "y" * 20, text[:80]]).hashes.tolist()[: 150 - LETTERS + 1] == whole[50:]
