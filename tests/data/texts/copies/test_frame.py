import pytest

from embedtune.data.texts.copies.frame import same_but_for_frame

ENGLISH = "Early renal failure is treated with renol-0, taken twice a day for 3 days, and with rest."
KOREAN = "월세 지원금은 매월 20만원씩 최대 12개월 동안 신청한 사람의 계좌로 지급합니다."
LONG = " ".join(f"Sentence {word} says what clerk {word} does with form {word}." for word in "abcdefghijklmnopqrst")


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        (ENGLISH, f"Handbook_2021_final_v3.pdf - confidential {ENGLISH}"),
        (ENGLISH, f"Renal failure\n{ENGLISH}"),
        (ENGLISH, f"passage: {ENGLISH.lower()}"),
        (ENGLISH, f"“{ENGLISH}” Source: WHO, 2021."),
        (ENGLISH, ENGLISH.replace("treated", "treatd")),
        (ENGLISH, ENGLISH.replace("taken twice", "taken about twice")),
        (ENGLISH[:60], ENGLISH),
        (f"Title A: {ENGLISH}", f"Another title. {ENGLISH}"),
        (KOREAN, f"청년월세 안내 {KOREAN}"),
        (KOREAN, KOREAN.replace("지원금은", "지원 금은")),
        (KOREAN, f"{KOREAN} 문의: 주민센터"),
        (LONG[:300], LONG),
        (f"A title. {LONG[:300]}", LONG),
        (
            "Pay the colour licence by the first of May at the town hall.",
            "Pay the color license by the first of May at the town hall.",
        ),
    ],
)
def test_a_frame_makes_no_difference(part, whole) -> None:
    assert same_but_for_frame(part, whole)


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        (ENGLISH, ENGLISH.replace("3 days", "4 days")),
        (ENGLISH, ENGLISH.replace("renol-0", "hipol-1")),
        (ENGLISH, ENGLISH.replace("is treated", "is not treated")),
        (ENGLISH, f"It is not true that {ENGLISH[0].lower()}{ENGLISH[1:]}"),
        (KOREAN, KOREAN.replace("20만원", "30만원")),
        (KOREAN, KOREAN.replace("지급합니다", "지급하지 않습니다")),
        ("Zinc increases the risk of gout in older men.", "Zinc decreases the risk of gout in older men."),
        (
            "Marfan syndrome is inherited as a dominant trait.",
            "Costello syndrome is inherited as a dominant trait.",
        ),
        ("The office in Busan is open from nine to five.", "The office in Seoul is open from nine to five."),
        (
            "접수는 울산광역시 민원실에서 오전 중에 받습니다.",
            "접수는 부산광역시 민원실에서 오전 중에 받습니다.",
        ),
        (LONG, LONG[:300]),
    ],
)
def test_another_fact_does(part, whole) -> None:
    assert not same_but_for_frame(part, whole)


def test_a_strict_frame_is_set_off() -> None:
    asked = "Where do I order a card?"
    assert same_but_for_frame("Where do I order a card", "Where do I order a card from?")
    assert not same_but_for_frame("Where do I order a card", "Where do I order a card from?", strict=True)
    assert same_but_for_frame(asked, f"Cards: {asked} Please help.", strict=True)


@pytest.mark.parametrize("longer", ["1001", "12", "10"])
def test_the_beginning_of_a_number_is_another_number(longer: str) -> None:
    assert not same_but_for_frame("The answer on refund number 1.", f"The answer on refund number {longer}.")
    assert not same_but_for_frame("1 refund is open, says the desk.", f"{longer}1 refund is open, says the desk.")
