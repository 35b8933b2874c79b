"""Encodings are judged by how plausible the text is: a single pair of bytes that happens to decode proves nothing."""

import pytest

from embedtune.config.options import schema_of
from embedtune.config.recipe.load import load
from embedtune.data.look import look
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading.encodings import advice_on, certain_encoding, encoding_of, wide_encoding
from embedtune.data.sources.reading.unchanged import declare_encoding, declared_encoding, unchanged_inputs
from embedtune.data.sources.streams import lines
from embedtune.errors import ConfigError, DataError

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
    assert advice_on(content) == "save the file as UTF-8, or name its encoding with --encoding"


def test_a_damaged_character_among_utf8_is_no_other_encoding() -> None:
    assert "the rest is UTF-8" in advice_on("비밀번호를 잊었어요".encode() + b"\xc1\xfa" + "그래서".encode())


def test_the_lines_after_the_broken_one_count_too(put) -> None:
    """One apostrophe in a line of CP949 decodes to a rare syllable; the file as a whole is English."""
    content = "answer\nIt’s\n" + "The patient’s doctor said “yes”.\n" * 20
    problems = Problems("a")
    assert "".join(line for _, line in lines(put("a.txt", content.encode("cp1252")), problems)) == content
    assert problems.count == 0 and "Windows-1252" in problems.notes[0]


@pytest.mark.parametrize(("name", "codec", "text"), [one for one in TEXTS if "똠방각하" not in one[2]])
def test_a_file_that_certainly_is_in_an_encoding_is_read_in_it(put, name, codec, text) -> None:
    """Also where its first thousands of lines are plain ASCII."""
    whole = "id\n" * 40_000 + "\n".join([text.strip()] * 20) + "\n"
    for content in (whole, text * 20):
        problems = Problems("a")
        found = "".join(line for _, line in lines(put("a.txt", content.encode(codec)), problems))
        assert found == content and problems.count == 0
        assert certain_encoding((text * 20).encode(codec)).what in problems.notes[0]


@pytest.mark.parametrize(("name", "codec", "text"), TEXTS)
def test_a_few_letters_are_no_certainty(put, name, codec, text) -> None:
    few = [letter for letter in text if letter > "\x7f"][:2]
    assert certain_encoding("".join(few).encode(codec)) is None


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1250", "Zażółć gęślą jaźń. Proszę zapłacić w ciągu siedmiu dni, a potem przesłać potwierdzenie. "),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy, a proto už nepřijde. "),
        ("iso8859-7", "Πώς αλλάζω τον κωδικό πρόσβασης; Ανοίξτε τις ρυθμίσεις. "),
        ("cp874", "ฉันจะเปลี่ยนรหัสผ่านได้อย่างไร เปิดการตั้งค่า "),
        ("koi8-r", "Как сбросить пароль? Откройте меню настроек, пожалуйста. "),
    ],
)
def test_what_we_do_not_know_is_not_read_as_something_else(codec, text) -> None:
    assert certain_encoding((text * 10).encode(codec)) is None


def test_a_damaged_character_in_another_encoding_is_a_fault_of_its_line(put) -> None:
    content = "질문,답변\n" + "비밀번호를 잊어버렸어요,설정에서 재설정을 누르세요\n" * 2000
    raw = content.encode("cp949") + b"ab\xff,c\n" + "끝,끝\n".encode("cp949")
    problems = Problems("a")
    read = list(lines(put("a.csv", raw), problems))
    assert problems.count == 1 and "broken CP949: byte 0xff" in problems.kept[0][1]
    assert problems.kept[0][0].endswith("a.csv:2002") and read[2002] == (2003, "끝,끝\n")


def test_names_of_columns_in_another_encoding_end_reading(put) -> None:
    with pytest.raises(DataError) as caught:
        list(lines(put("a.csv", "질문,답변\n하나,둘\n".encode("cp949")), Problems("a")))
    assert "CP949" in str(caught.value.next) and str(caught.value.where).endswith("a.csv:1")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ["query,positive\r\nhow?,so.\r\n", "질문,답변\r\n언제?,지금,\r\n그래서, 왜?\r\n"])
def test_wide_encodings_are_read_and_said(put, codec, text) -> None:
    name = wide_encoding(text.encode(codec))
    assert name is not None and name.replace("-", "").lower() == codec.replace("-", "")
    problems = Problems("a")
    assert "".join(line for _, line in lines(put("a.csv", text.encode(codec)), problems)) == text
    assert f"the text is in {name}" in problems.notes[0]


def test_wide_text_longer_than_any_buffer_keeps_its_characters(put) -> None:
    text = "한글 텍스트 𝒳\n" * 40_000
    assert "".join(line for _, line in lines(put("a.txt", text.encode("utf-16")), Problems("a"))) == text


def test_wide_text_that_is_cut_is_refused(put) -> None:
    with pytest.raises(DataError, match="broken UTF-16"):
        list(lines(put("a.csv", "a,b\nc,d\n".encode("utf-16")[:-1]), Problems("a")))


SHORT = [
    ("cp949", "질문,답변\n환불?,사흘.\n"),
    ("cp1252", "question,answer\ncafé?,près\n"),
    ("iso8859-2", "question,answer\nłódź?,gęś\n"),
]


@pytest.mark.parametrize(("codec", "text"), SHORT)
def test_an_encoding_that_is_named_is_used_where_the_file_is_too_short_to_be_certain(put, codec, text) -> None:
    path, problems = put("short.csv", text.encode(codec)), Problems("short.csv")
    with unchanged_inputs():
        declare_encoding(codec)
        assert [line for _, line in lines(path, problems)] == text.splitlines(keepends=True)
    assert problems.notes and codec.upper()[:4] in problems.notes[0].upper().replace("WINDOWS-", "CP")
    assert problems.notes[0].endswith("as --encoding says") and "the file itself" not in problems.notes[0]


def test_utf8_is_read_as_utf8_whatever_is_named(put) -> None:
    path = put("plain.csv", "질문,답변\n")
    with unchanged_inputs():
        declare_encoding("cp1252")
        assert [line for _, line in lines(path, Problems("plain.csv"))] == ["질문,답변\n"]


@pytest.mark.parametrize(
    ("named", "advice"),
    [("utf-8", "it reads as CP949 (Korean Windows): --encoding cp949"), ("ascii", "leave out --encoding ascii")],
)
def test_an_encoding_that_is_named_wrongly_comes_with_advice(put, named, advice) -> None:
    path = put("korean.csv", TEXTS[0][2].encode("cp949"))
    with unchanged_inputs():
        declare_encoding(named)
        with pytest.raises(DataError, match=f"broken {named.upper()}: byte") as refused:
            list(lines(path, Problems("korean.csv")))
    assert advice in refused.value.next


def test_what_was_named_does_not_outlive_its_command(put) -> None:
    with unchanged_inputs():
        declare_encoding("cp1252")
    assert declared_encoding() is None


def test_the_option_reads_the_file_and_refuses_an_unknown_name(put) -> None:
    path = put("short.csv", SHORT[0][1].encode("cp949"))
    assert "1 rows" in look(load(schema_of("check"), None, [], {"data": str(path), "encoding": "cp949"})).described[0]
    for name in ("cp9494", "rot13", "hex", "undefined"):
        with pytest.raises(ConfigError, match=f"no encoding is called '{name}'"):
            load(schema_of("check"), None, [], {"data": str(path), "encoding": name})
