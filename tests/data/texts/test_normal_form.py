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
    ],
)
def test_these_are_not(one, other) -> None:
    assert near_form(one) != near_form(other)


def test_ids_are_those_of_the_forms() -> None:
    first, second, third = near_ids(["A b.", "a  B", "a c"]).tolist()
    assert first == second != third
