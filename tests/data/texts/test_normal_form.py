import pytest

from embedtune.data.texts.normal_form import near_form, near_ids


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Reset my password", "reset  my password!"),
        ("“Hello,” she said.", "hello she said"),
        ("비밀번호를 잊어버렸어요.", "비밀번호를 잊어 버렸어요"),
        ("\u1112\u1161\u11ab글", "한글"),
        ("Ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("well - known", "well known"),
        ("«Zug»", "zug"),
        ("re\u200bset", "reset"),
        ("re\u00adset\ufeff", "Reset"),
        ("신청\u2060하기", "신청하기"),
        ("don’t", "don't"),
        ("2–3 days", "2-3 days"),
        ("5\u00a0mg", "5 mg"),
        ("「서울」", "서울"),
        ("•  first", "first"),
        ("STRASSE", "straße"),
    ],
)
def test_these_are_nearly_the_same(one, other) -> None:
    assert near_form(one) == near_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.5 mg", "15 mg"),
        ("C", "C++"),
        ("C", "C#"),
        ("50", "50%"),
        ("비밀번호", "비밀번로"),
        ("!", "?"),
        ("a-b", "ab"),
        ("-5 degrees", "5 degrees"),
        ("−5 degrees", "5 degrees"),
        (".5 mg", "5 mg"),
        ("rooms 1, 2", "rooms 12"),
        ("1 2", "12"),
        ("10² m", "102 m"),
        ("1½", "11/2"),
        ("p < 0.05", "p > 0.05"),
    ],
)
def test_these_are_not(one, other) -> None:
    assert near_form(one) != near_form(other)


def test_ids_are_those_of_the_forms() -> None:
    first, second, third = near_ids(["A b.", "a  B", "a c"]).tolist()
    assert first == second != third
