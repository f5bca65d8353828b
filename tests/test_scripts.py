"""What a corpus is written in, what looks broken, and processors that leave every script whole."""

from __future__ import annotations

import gzip
import itertools
import json
import time
import unicodedata
from pathlib import Path

import pytest
import regex
from click.testing import CliRunner
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from script_support import SAMPLES, boundaries, graphemes, mixed
from support import LEXICAL

from docreview import Document
from docreview import text as tx
from docreview.cli.results import status_command
from docreview.text.scripts import SCRIPTS

#: the script that most letters of a sample are of, where the sample's name is not it
NAMED = {"vietnamese": "Latin", "yoruba": "Latin", "hausa": "Latin", "persian": "Arabic", "kana": "Han"}
#: languages that a sample's script does not name, as py3langid 0.4 says
WRITTEN = {
    "latin": "en", "vietnamese": "vi", "yoruba": "yo", "hausa": "ha", "cyrillic": "ru", "greek": "el", "arabic": "ar",
    "persian": "fa", "hebrew": "he", "devanagari": "hi", "bengali": "bn", "tamil": "ta", "telugu": "te",
    "sinhala": "si", "thai": "th", "khmer": "km", "myanmar": "my", "ethiopic": "am", "han": "zh", "kana": "ja",
    "hangul": "ko", "georgian": "ka", "armenian": "hy",
}  # fmt: skip
PROCESSORS = (tx.Links(), tx.Mentions(), tx.RepeatedLetters())


# ----------------------------------------------------------------------------------------------------------- scripts


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - {"emoji", "math"}))
def test_each_sample_is_of_its_script(name: str) -> None:
    counts = tx.scripts(SAMPLES[name])
    assert max(counts, key=counts.__getitem__) == NAMED.get(name, name.capitalize())


def test_every_script_of_the_list_is_one_that_unicode_has() -> None:
    assert len(set(SCRIPTS)) == len(SCRIPTS)
    for script in SCRIPTS:
        assert regex.compile(rf"\p{{Script={script}}}")


@settings(deadline=None)
@given(text=mixed)
def test_every_letter_is_counted_once_in_the_script_that_unicode_gives_it(text: str) -> None:
    expected: dict[str, int] = {}
    for character in filter(str.isalpha, text):
        of = [script for script in SCRIPTS if regex.match(rf"\p{{Script={script}}}", character)] or ["Other"]
        expected[of[0]] = expected.get(of[0], 0) + 1
    assert dict(tx.scripts(text)) == expected


# ---------------------------------------------------------------------------------------------------------- language


@pytest.mark.parametrize(("name", "language"), sorted(WRITTEN.items()))
def test_a_sentence_or_two_is_enough_for_the_language(name: str, language: str) -> None:
    guess = tx.guess_language(SAMPLES[name])
    assert guess.language == language
    assert guess.confidence >= 0.6


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "ok",
        "hello",
        "ሰላም",
        "12 345 678 901 234",
        "👍🏿👍🏿👍🏿",
        "?" * 50,
        "https://example.org/the-court-ruled",
        "Barack Obama Angela Merkel",
        "for i in range(n): x[i] += y",
        "xkq wzv bnm plk jhg",
    ],
)
def test_short_texts_and_texts_without_words_stay_undecided(text: str) -> None:
    assert tx.guess_language(text).language is None


@settings(deadline=None)
@given(text=mixed)
def test_a_guess_has_a_confidence_and_does_not_hang_on_links_and_mentions(text: str) -> None:
    guess = tx.guess_language(text)
    assert 0 <= guess.confidence <= 1
    assert tx.guess_language(f"{text} https://t.co/abc @name") == tx.guess_language(f"{text}    ")


@pytest.mark.parametrize(
    ("name", "code", "right", "decided"),
    [
        ("amharic", "am", 0.99, 0.9),
        ("hausa", "ha", 0.98, 0.7),
        ("javanese", "jv", 0.98, 0.9),
        ("kazakh", "kk", 0.85, 0.7),  # Kirghiz is close, and many reviews are half in Russian
        ("marathi", "mr", 0.97, 0.8),
        ("nepali", "ne", 0.97, 0.8),
        ("swahili", "sw", 0.98, 0.9),
        ("yoruba", "yo", 0.97, 0.8),
    ],
)
def test_languages_of_real_short_texts(shared: Path, name: str, code: str, right: float, decided: float) -> None:
    with gzip.open(shared / f"corpora/sentiment/{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in itertools.islice(lines, 400)]
    guesses = [guess for text in texts if (guess := tx.guess_language(text).language) is not None]
    assert len(guesses) >= decided * len(texts)
    assert guesses.count(code) >= right * len(guesses)


# ------------------------------------------------------------------------------------------------------------ broken


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_what_is_whole_does_not_look_broken(name: str) -> None:
    for form in ("NFC", "NFD"):
        assert tx.broken(unicodedata.normalize(form, SAMPLES[name])) == ()


#: rightly written, and yet a first byte of UTF-8 with the others after it, when written in Windows-1252
TRICKY = [
    "„Viel Spaß“, rief er. Straß\u00adburg", "MENÜ» CAFÉ… le fiancé…”", "Co máš”", "À\u00a0bientôt, voilà\u00a0!",
    "PÍŽA ÍŠ ÁŽ", "n° 5, Mª José, José´s", "MOLIÈRE’S ŒUVRE", "café¹² naïve² Ø·Ð", "«À» ÉCOLE—ÉTÉ–É…",
]  # fmt: skip


@pytest.mark.parametrize("text", TRICKY)
def test_quotation_marks_after_letters_are_no_mojibake(text: str) -> None:
    assert "mojibake" not in tx.broken(text)


@pytest.mark.parametrize(
    "text", ["Ã©tÃ©", "áˆ°áˆ‹", "Ð¿Ñ€Ð¸", "itâ€™s", "à¤¹à¤¿", "æ³•é™¢", "viá»‡t", "haÆ™asa", "É—an", "ðŸ˜€"]
)
def test_a_misread_word_is_enough(text: str) -> None:
    assert tx.broken(text) == ("mojibake",)


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_utf8_read_as_latin1_is_found_in_every_script(name: str, encoding: str) -> None:
    # Windows-1252 leaves five bytes out, which are read as Latin-1 has them
    raw = SAMPLES[name].encode()
    misread = "".join(bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in raw)
    assert misread != SAMPLES[name]
    assert "mojibake" in tx.broken(misread)


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("a\ufffdb", ("replacement_characters",)),
        ("a\x07b", ("control_characters",)),
        ("a\x1bb", ("control_characters",)),
        ("é\x85 b", ("control_characters",)),
        ("tab\t line\r\n page\f", ()),
        ("a\ud800b", ("unpaired_surrogates",)),
        ("", ("no_words",)),
        (" .,;!", ("no_words",)),
        ("。！", ("no_words",)),
        ("👍", ()),
        ("Əрине", ("mixed_script_words",)),  # a Latin Ə in a Kazakh word
        ("e\u0301ж", ("mixed_script_words",)),
        ("T h e c o u r t", ("spaced_letters",)),
        ("é c o l e s", ("spaced_letters",)),
        ("plan B c d e f", ()),
        ("人 口 一 二 三 四 五", ()),
        ("Egov сайтына", ()),
        ("5 μm TNFα, COVID-тан, A҈L҈", ()),
        ("በTwitter 日本語とEnglish", ()),
    ],
)
def test_signs_of_breakage(text: str, signs: tuple[str, ...]) -> None:
    assert tx.broken(text) == signs


@settings(max_examples=300, deadline=None)
@given(text=mixed)
def test_no_words_means_no_tokens_and_ascii_is_no_shortcut_to_another_answer(text: str) -> None:
    signs = tx.broken(text)
    assert ("no_words" in signs) == (tx.tokens(text) == []) == (not tx.has_tokens(text))
    assert set(signs) <= set(tx.BROKEN)
    # a letter that is not ASCII leads another way to the same signs; a dot keeps it from being one of spaced letters
    assert tx.broken(text + " .é") == tuple(sign for sign in signs if sign != "no_words")


def test_long_texts_take_no_longer() -> None:
    start = time.process_time()
    for piece in ("Ã", "à\u00a4", "ð\u0080", "aж", "a", "é", "\u0301", "ß“", "à““"):
        tx.broken(piece * (400_000 // len(piece)))
        tx.writing([piece * (400_000 // len(piece))])
    assert time.process_time() - start < 10


# ------------------------------------------------------------------------------------------------------------ report


def test_a_report_counts_letters_documents_and_first_rows() -> None:
    texts = ["The court has ruled on this case.", "Ọjọ́ dára gan-an ni ilé ẹjọ́.", "...", "a\ufffdb", "b\ufffd"]
    found = tx.writing(texts)
    assert (found.documents, found.looked_at) == (5, 5)
    assert found.scripts == {"Latin": 26 + 20 + 2 + 1}
    assert found.languages == {"undecided": 3, "en": 1, "yo": 1}
    assert found.broken == {"replacement_characters": 2, "no_words": 1}
    assert found.first == {"replacement_characters": 3, "no_words": 2}


@settings(deadline=None)
@given(texts=st.lists(mixed, max_size=6), cut=st.integers(0, 6))
def test_parts_together_are_the_whole(texts: list[str], cut: int) -> None:
    whole, parts = tx.writing(texts), tx.writing(texts[:cut]) + tx.writing(texts[cut:])
    assert parts == whole
    assert list(parts.languages) == list(whole.languages)
    assert sum(whole.languages.values()) == len(texts)


def test_what_text_processors_empty_has_no_words_left() -> None:
    assert tx.writing(["words", "more"], processed=["", "more"]).broken == {"no_words": 1}
    assert tx.writing(["...", "more"], processed=["...", "more"]).broken == {"no_words": 1}


def test_status_says_what_the_corpus_is_written_in(lexical_project) -> None:
    project = lexical_project(0)
    assert project.status().writing == tx.Writing()
    project.add_documents(Document(f"d{i}", f"The court has ruled on case {i} of this year.") for i in range(30))
    project.add_documents(
        [
            Document("ha", "Kotu ta yanke hukunci a kan wannan shari'a"),
            Document("bad", "pas\ufffd"),
            Document("..", "..."),
        ]
    )
    status = project.status()
    assert status.writing is not None
    assert status.writing.languages == {"en": 30, "undecided": 2, "ha": 1}
    assert status.broken_documents == {"replacement_characters": "bad", "no_words": ".."}
    runner = CliRunner()
    told = json.loads(runner.invoke(status_command, ["-p", str(project.folder), "--json"]).output)
    assert told["writing"]["scripts"].keys() == {"Latin"}
    assert told["writing"]["first"] == {"replacement_characters": 31, "no_words": 32}
    shown = " ".join(runner.invoke(status_command, ["-p", str(project.folder)]).output.split())
    assert "scripts Latin 100.0% languages en 90.9%, undecided 6.1%, ha 3.0%" in shown
    assert "1 document: replacement characters (U+FFFD): letters were lost before; the first is 'bad'" in shown


def test_of_a_large_add_two_thousand_documents_are_looked_at_and_all_are_checked(lexical_project) -> None:
    project = lexical_project(0)
    project.add_documents(Document(f"d{i}", f"Case {i}" if i < 2_999 else "\ufffd 1") for i in range(3_000))
    written = project.status().writing
    assert (written.documents, written.looked_at) == (3_000, 2_000)
    assert written.first == {"replacement_characters": 2_999}


def test_what_was_found_is_kept_and_found_anew_when_text_processors_change(lexical_project, monkeypatch) -> None:
    project = lexical_project(0)
    project.add_documents([Document("d", "https://example.org/x"), Document("e", "The court has ruled.")])
    calls: list[int] = []
    written = tx.writing
    monkeypatch.setattr("docreview.corpus.writing", lambda *args: (calls.append(1), written(*args))[1])
    kept = project.corpus.writing()
    assert calls == []
    project.corpus.text_processors = (lambda text: "",)
    project.corpus._digests.clear()
    assert project.corpus.writing().broken == {"no_words": 2}
    assert calls == [1]
    assert kept.broken == {}


# -------------------------------------------------------------------------------------------------------- processors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://t.co/abc. (www.x.org/a?b=c)", "see http. (http)"),
        ("https://t.co/lnT…", "http…"),
        ("看http://x.com/吧 ሰላምhttps://t.co/aሰው", "看 http 吧 ሰላም http ሰው"),
        ("http://пример.рф https://", "http://пример.рф https://"),
        ("http://x.co\u0301", "http://x.co\u0301"),
    ],
)
def test_links(text: str, expected: str) -> None:
    assert tx.Links()(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@a_b, hi (@C9) .@bob", "@user, hi (@user) .@bob"),
        ("@me@host.social!", "@user!"),
        ("x@y.org josé@host.org adé.bí@ilé.org", "x@y.org josé@host.org adé.bí@ilé.org"),
        ("看@name吧", "看 @user 吧"),
        ("@ሰላም @nameሰላም @name\u0301 @", "@ሰላም @nameሰላም @name\u0301 @"),
    ],
)
def test_mentions(text: str, expected: str) -> None:
    assert tx.Mentions()(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sooooo gooood www XXXIII", "sooo goood www XXXIII"),
        ("ààààà a\u0300a\u0300a\u0300a\u0300 aaaaaa\u0300", "ààààà a\u0300a\u0300a\u0300a\u0300 aaaa\u0300"),
        ("ɗɗɗɗɗ łłłłł ййййй ẹẹẹẹẹ क़क़क़क़क़", "ɗɗɗɗɗ łłłłł ййййй ẹẹẹẹẹ क़क़क़क़क़"),
        ("10000000 !!!!! ----- 😂😂😂😂😂", "10000000 !!!!! ----- 😂😂😂😂😂"),
        ("ههههههه 哈哈哈哈哈 하하하하하 ㅋㅋㅋㅋㅋ มากกกกก ሰሰሰሰሰ", "ههه 哈哈哈 하하하 ㅋㅋㅋ มากกก ሰሰሰ"),
        ("ᄏᄏᄏᄏᄏ", "ᄏᄏᄏᄏᄏ"),  # letters of one syllable
    ],
)
def test_repeated_letters(text: str, expected: str) -> None:
    assert tx.RepeatedLetters()(text) == expected


def test_a_letter_is_kept_once_or_more() -> None:
    assert tx.RepeatedLetters(1)("aabb ee\u0301") == "ab ee\u0301"
    with pytest.raises(ValueError, match="keep"):
        tx.RepeatedLetters(0)


stretched = st.lists(
    st.tuples(
        st.one_of(mixed, st.sampled_from(["https://t.co/a1", "www.x.org", "@name", "a@b.org", "@"])), st.integers(1, 5)
    )
).map(lambda parts: "".join(text * times for text, times in parts))


@settings(max_examples=300, deadline=None)
@given(text=stretched)
@example(text="a" * 9 + "\u0301")
@example(text="\u0d4eaaaaaa\u0e33")
def test_processors_keep_graphemes_whole_and_touch_no_mark(text: str) -> None:
    for process in PROCESSORS:
        made = process(text)
        assert process(made) == made
        marks = [c for c in text if unicodedata.category(c)[0] == "M"]
        assert [c for c in made if unicodedata.category(c)[0] == "M"] == marks
    shortened = tx.RepeatedLetters()(text)
    assert [g for g, _ in itertools.groupby(graphemes(shortened))] == [g for g, _ in itertools.groupby(graphemes(text))]
    # of links and mentions nothing but ASCII goes
    for process in PROCESSORS[:2]:
        assert [c for c in process(text) if not c.isascii()] == [c for c in text if not c.isascii()]


@pytest.mark.parametrize("process", PROCESSORS, ids=["links", "mentions", "repeated-letters"])
def test_processors_leave_every_script_as_it_is_and_apart(process) -> None:
    assert [process(text) for text in SAMPLES.values()] == list(SAMPLES.values())


@settings(deadline=None)
@given(text=mixed)
def test_cuts_of_processors_fall_between_graphemes(text: str) -> None:
    assume("@" not in text)
    glued = f"{text}@name{text}"
    made = tx.Mentions()(glued)
    if made != glued:
        at = len(text)
        assert {at, at + len("@name")} <= boundaries(glued)


def test_processors_can_be_named_in_a_project_file(lexical_project) -> None:
    listed = '[corpus]\ntext_processors = ["nfc", "links", "mentions", "repeated-letters"]\n'
    project = lexical_project(0, text=listed + LEXICAL)
    project.add_documents([Document("d", "sooooo @name https://x.org/1")])
    assert project.corpus.texts([0]) == ["sooo @user http"]
