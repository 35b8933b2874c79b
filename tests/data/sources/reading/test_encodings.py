"""Encodings are judged by how plausible the text is: a single pair of bytes that happens to decode proves nothing."""

import pytest

from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading.encodings import advice_on, encoding_of, wide_encoding
from embedtune.data.sources.streams import lines
from embedtune.errors import DataError

TEXTS = [
    ("CP949", "cp949", "질문,답변\n환불은 언제 되나요?,영업일 기준 3일 걸립니다.\n"),
    ("CP949", "euc_kr", "비밀번호를 잊어버렸습니다"),
    ("CP949", "cp949", "Windows 10 Pro, please: 설정 menu 에서 OK 를 누르세요 (English words all around)"),
    ("CP949", "cp949", "똠방각하 찦차를 타고 왔습니다. 모두가 놀라서 쳐다보았습니다"),  # syllables beyond KS X 1001
    ("WINDOWS-1252", "cp1252", "It’s the child’s risk – “rarely” said… café"),
    ("WINDOWS-1252", "cp1252", "Lucile Packard Children’s Hospital"),
    ("WINDOWS-1252", "latin-1", "Où est l'élève ? À l'école, c'est déjà fini, ça va très bien."),
    ("WINDOWS-1252", "latin-1", "Müller fährt über die Straße nach Köln: größer, schöner, weiß."),
    ("WINDOWS-1252", "cp1252", "ÉCOLE FRANÇAISE, ÊTRE À L'HEURE, ÜBER ALLES ÄPFEL"),
    ("WINDOWS-1252", "latin-1", "Är på väg över ån, små öar. ¿Dónde está el niño?"),
    ("CP932", "cp932", "質問,回答\n返金はいつ届きますか,三日以内です"),
    ("EUC-JP", "euc_jp", "パスワードを忘れた場合は、設定画面を開いてください。"),
    ("GB18030", "gbk", "问题,答案\n如何重置密码？请打开设置页面，然后点击重置。"),
    ("GB18030", "gb18030", "我的订单什么时候到，请告诉我"),
    ("BIG5", "big5", "如何重設密碼？請打開設定頁面，然後點擊重設。"),
    ("WINDOWS-1251", "cp1251", "Как сбросить пароль? Откройте меню настроек."),
]


@pytest.mark.parametrize(("name", "codec", "text"), TEXTS)
def test_the_encoding_is_recognised(name, codec, text) -> None:
    found = encoding_of(text.encode(codec))
    assert found is not None and found.name == name
    assert f"iconv -f {name} -t UTF-8" in advice_on(text.encode(codec))


@pytest.mark.parametrize("content", [b"\xff\xfe\xfd", bytes(range(128, 256)), "Zażółć gęślą jaźń".encode("cp1250")])
def test_what_is_not_plausible_is_not_named(content) -> None:
    assert advice_on(content) == "save the file as UTF-8"


def test_a_damaged_character_among_utf8_is_no_other_encoding() -> None:
    assert "the rest is UTF-8" in advice_on("비밀번호를 잊었어요".encode() + b"\xc1\xfa" + "그래서".encode())


def test_the_lines_after_the_broken_one_count_too(put) -> None:
    """One apostrophe in a line of CP949 decodes to a rare syllable; the file as a whole is English."""
    content = "answer\nIt’s\n" + "The patient’s doctor said “yes”.\n" * 20
    problems = Problems("a")
    list(lines(put("a.txt", content.encode("cp1252")), problems))
    assert problems.hint is not None and "WINDOWS-1252" in problems.hint


def test_names_of_columns_in_another_encoding_end_reading(put) -> None:
    with pytest.raises(DataError) as caught:
        list(lines(put("a.csv", "질문,답변\n하나,둘\n".encode("cp949")), Problems("a")))
    assert "CP949" in str(caught.value.next) and str(caught.value.where).endswith("a.csv:1")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ["query,positive\r\nhow?,so.\r\n", "질문,답변\r\n언제?,지금,\r\n그래서, 왜?\r\n"])
def test_wide_encodings_are_named(put, codec, text) -> None:
    name = wide_encoding(text.encode(codec))
    assert name is not None and name.replace("-", "").lower() == codec.replace("-", "")
    with pytest.raises(DataError, match=name) as caught:
        list(lines(put("a.csv", text.encode(codec)), Problems("a")))
    assert f"iconv -f {name}" in str(caught.value.next)
