"""Bytes to text: UTF-8 stays as it is; older encodings are told by how their text reads, or refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from index.errors import UnreadableText
from index.loading.text.decoding import decode_text
from index.loading.text.legacy_encodings import guessed_encoding

# Written for this test, of invented places; each language with the encodings that were common for it.
SENTENCES: dict[str, tuple[str, ...]] = {
    "English: cp1252 mac_roman": (
        "The mayor of Brennick said: “We don’t have a second mill – and never will.”",
        "It’s the miller’s daughter who counted the sacks, the report says.",
        "The bridge cost £40 and was closed in May—nobody knew why.",
    ),
    "German: latin-1 cp1252 iso8859_15 mac_roman": (
        "Die Mühle an der Brücke wurde im Frühjahr geschlossen, weil das Wasser zu hoch stand.",
        "Der Bürgermeister erklärte, die Straße nach Sölden bleibe für Lastwagen gesperrt.",
    ),
    "French: latin-1 cp1252 iso8859_15": (
        "Le maire a déclaré que le moulin resterait fermé jusqu'à l'été prochain.",
        "Où est passée la clé de l'église ? Personne ne l'a retrouvée depuis Noël.",
    ),
    "Spanish: cp1252 latin-1": (
        "El alcalde anunció que el molino permanecerá cerrado hasta el próximo año.",
        "¿Quién contó los sacos? La niña del molinero, según el informe de mañana.",
    ),
    "Portuguese: cp1252 latin-1": (
        "A Câmara não aprovou a construção da ponte, apesar da opinião da população.",
        "As eleições serão no próximo mês, segundo a informação do município.",
    ),
    "Swedish: cp1252 latin-1": ("Kvarnen vid ån stängdes på våren eftersom vattnet stod för högt.",),
    "Danish: cp1252 latin-1": ("Møllen ved åen blev lukket om foråret, fordi vandet stod for højt.",),
    "Icelandic: cp1252 latin-1": (
        "Það var ekki fyrr en um vorið að myllunni við ána var lokað.",
        "Alþingi samþykkti að vegurinn til þorpsins yrði lokaður fyrir vörubíla.",
    ),
    "Estonian: cp1252 latin-1": ("Jõe ääres asuv veski suleti kevadel, sest vesi tõusis liiga kõrgele.",),
    "Polish: cp1250 iso8859_2": (
        "Młyn nad rzeką został zamknięty wiosną, ponieważ poziom wody był zbyt wysoki.",
        "Zbiory były lepsze, niż się spodziewano, mówią starsi mieszkańcy.",
    ),
    "Czech: cp1250 iso8859_2": ("Mlýn u řeky byl na jaře uzavřen, protože hladina vody byla příliš vysoká.",),
    "Slovak: cp1250 iso8859_2": (
        "Mlyn pri rieke bol na jar zatvorený, pretože hladina vody bola príliš vysoká.",
    ),
    "Hungarian: cp1250 iso8859_2": (
        "A folyó melletti malmot tavasszal bezárták, mert túl magas volt a vízállás.",
        "A polgármester szerint az út a faluba továbbra is zárva marad a teherautók előtt.",
    ),
    "Romanian: cp1250 iso8859_2": (
        "Moara de lângă râu a fost închisă primăvara, fiindcă apa era prea înaltă, spun sătenii.",
    ),
    "Russian: cp1251 koi8_r cp866 iso8859_5 mac_cyrillic": (
        "Мельница у реки была закрыта весной, потому что вода стояла слишком высоко.",
        "Глава города сообщил, что дорога в деревню останется закрытой для грузовиков.",
    ),
    "Ukrainian: cp1251 koi8_u": (
        "Млин біля річки закрили навесні, тому що вода стояла надто високо.",
        "Міський голова повідомив, що дорога до села залишиться зачиненою.",
    ),
    "Bulgarian: cp1251": ("Кметът съобщи, че пътят към селото остава затворен за камиони.",),
    "Serbian: cp1251": ("Млин поред реке затворен је у пролеће јер је водостај био превисок.",),
    "Greek: cp1253 iso8859_7": (
        "Ο μύλος δίπλα στο ποτάμι έκλεισε την άνοιξη, επειδή το νερό ήταν πολύ ψηλά.",
        "Ο δήμαρχος δήλωσε ότι ο δρόμος προς το χωριό θα παραμείνει κλειστός.",
    ),
    "Turkish: cp1254": (
        "Nehir kıyısındaki değirmen, su seviyesi çok yükseldiği için ilkbaharda kapatıldı.",
        "Belediye başkanı, köye giden yolun kamyonlara kapalı kalacağını söyledi.",
        "Belediye başkanı, köye giden yolun",
    ),
    "Lithuanian: cp1257 iso8859_13": (
        "Malūnas prie upės pavasarį buvo uždarytas, nes vandens lygis buvo per aukštas.",
    ),
    "Hebrew: cp1255 iso8859_8": ("ראש העיר הודיע כי הדרך אל הכפר תישאר סגורה למשאיות.",),
    "Arabic: cp1256 iso8859_6": ("أعلن رئيس البلدية أن الطريق إلى القرية سيبقى مغلقا أمام الشاحنات.",),
    "Thai: cp874": ("โรงสีริมแม่น้ำถูกปิดในฤดูใบไม้ผลิเพราะระดับน้ำสูงเกินไป",),
    "Japanese: shift_jis euc_jp iso2022_jp": (
        "川のそばの水車小屋は、春に水位が高くなりすぎたため閉鎖された。",
        "市長は、村へ行く道はトラックに対して閉鎖されたままだと発表した。",
    ),
    "Chinese: gb18030 gbk": (
        "河边的磨坊在春天关闭了，因为水位太高。",
        "市长宣布，通往村庄的道路将继续对卡车关闭。",
    ),
    "Chinese in Taiwan: big5": ("市長宣布，通往村莊的道路將繼續對卡車關閉。",),
    "Korean: cp949 euc_kr": ("시장은 마을로 가는 길이 트럭에 대해 계속 폐쇄될 것이라고 발표했다.",),
}
WRITTEN = [
    pytest.param(encoding, sentence, id=f"{encoding}-{sentence[:12]}")
    for language, sentences in SENTENCES.items()
    for encoding in language.split(": ")[1].split()
    for sentence in sentences
    # What an encoding has no letters for was not written in it.
    if sentence.encode(encoding, "replace").decode(encoding) == sentence
]
PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)


def refused_or(data: bytes) -> str | None:
    try:
        return decode_text(data, "notes.txt")
    except UnreadableText:
        return None


@pytest.mark.parametrize(("encoding", "sentence"), WRITTEN)
def test_a_sentence_in_an_older_encoding_is_read_as_it_was_written(encoding: str, sentence: str) -> None:
    assert decode_text(sentence.encode(encoding), "notes.txt") == sentence


@pytest.mark.parametrize("language", SENTENCES)
def test_many_sentences_of_a_language_are_read_as_they_were_written(language: str) -> None:
    text = "\r\n\r\n".join(SENTENCES[language] * 3)
    for encoding in language.split(": ")[1].split():
        written = text.encode(encoding, "replace").decode(encoding)
        assert decode_text(written.encode(encoding), "notes.txt") == written.replace("\r\n", "\n")


@given(PRINTABLE)
@example("caf\u00e9")
@example("\u2028")
def test_utf_8_is_read_as_it_is(text: str) -> None:
    if not text.startswith("\ufeff"):
        assert decode_text(text.encode(), "notes.txt") == text


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_ascii_is_read_as_it_is(text: str) -> None:
    assert decode_text(text.encode(), "notes.txt") == text


@given(PRINTABLE, st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]))
def test_a_byte_order_mark_decides(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding), "notes.txt") == text


@given(
    st.binary(max_size=300)
    | st.text("\xe9\xfc\x93 ae\n", max_size=80).map(lambda text: text.encode("latin-1"))
)
@example(b"\xff\xfe")
@example(b"\x1b$B")
@example(b"\xef\xbb\xbf\xff")
@example(b"\xff\xfe\x00\x00")
def test_any_bytes_are_read_or_refused_and_what_is_read_can_be_stored(data: bytes) -> None:
    text = refused_or(data)
    if text is not None:
        text.encode("utf-8")
        assert "\r" not in text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["A mill stood here.", "Мельница у реки, весной.", "Η μύλος, το νερό."])
def test_utf_16_without_a_mark_is_told_by_its_zeros(encoding: str, text: str) -> None:
    assert decode_text(text.encode(encoding), "notes.txt") == text


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 20,
        bytes(range(128)) * 4,
        "A mill.".encode("utf-32-le"),
        b"\x89PNG\r\n\x1a\n" + bytes(200) + b"\xff\xfe\x80",
        bytes(range(128, 256)) * 8,
        b"word " * 40 + b"\x81\x8d\x8f\x90\x9d" * 10,
    ],
    ids=["all bytes", "controls", "UTF-32 without a mark", "an image", "high bytes", "bytes of no letter"],
)
def test_what_is_no_text_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(UnreadableText, match=r"notes\.txt"):
        decode_text(data, "notes.txt")


def test_damaged_utf_8_is_utf_8_with_marks_of_damage() -> None:
    text = "Die Mühle an der Brücke, die für Wägen zu schmal ist. " * 10
    data = text.encode()[:200] + b"\xff" + text.encode()[200:]
    assert decode_text(data, "notes.txt").count("\N{REPLACEMENT CHARACTER}") == 1


def test_a_cut_character_at_the_end_of_marked_text_is_one_mark_of_damage() -> None:
    assert decode_text("A mill.".encode("utf-16") + b"a", "notes.txt") == "A mill.\N{REPLACEMENT CHARACTER}"


def test_marked_text_with_much_damage_is_refused() -> None:
    with pytest.raises(UnreadableText, match=r"notes\.txt is damaged: 3 of its characters"):
        decode_text(b"\xef\xbb\xbfa\xffb\xffc\xffd", "notes.txt")


def test_offsets_stay_in_place_where_control_characters_stood() -> None:
    text = decode_text(b"before\x0bafter" + b" and more" * 50, "notes.txt")
    assert text.startswith("before after")


def test_a_long_file_is_told_by_the_first_lines_that_are_not_ascii() -> None:
    text = "A line of plain letters, and nothing more.\n" * 20_000 + "Die Mühle an der Brücke für Wägen.\n"
    assert decode_text(text.encode("cp1252"), "notes.txt") == text


def test_a_word_of_marks_alone_tells_no_script() -> None:
    assert guessed_encoding("“so”".encode("cp1252")) in ("cp1252", None)


@pytest.mark.parametrize("words", ["Die Mühle an der", "Frühjahr geschlossen, weil das"])
def test_one_letter_that_could_be_of_many_rarer_encodings_is_refused(words: str) -> None:
    assert refused_or(words.encode("mac_roman")) is None


@pytest.mark.parametrize(
    "words", ["ein Café", "Mühle", "the naïve miller", "£40", "a second mill – and never"]
)
def test_one_letter_is_read_in_the_encoding_that_most_files_are_in(words: str) -> None:
    assert decode_text(words.encode("cp1252"), "notes.txt") == words


@pytest.mark.parametrize("data", [b"One line\0 of text.\n", b"ab\0cdefg hijk lmno p"])
def test_a_stray_zero_does_not_make_ascii_another_alphabet(data: bytes) -> None:
    assert decode_text(data, "notes.txt").isascii()
