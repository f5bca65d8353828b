"""The terminal reviewer, driven by keys through a real pseudo-terminal and read off an emulated screen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import get_character_cell_size

from docreview import Document, Project
from docreview.cli.screen import Pages, assign_keys, cells, fold, key_line, neutralize, telling, wrap

pexpect = pytest.importorskip("pexpect", reason="a pseudo-terminal needs pexpect")
pyte = pytest.importorskip("pyte", reason="the screen is emulated by pyte")
psutil = pytest.importorskip("psutil", reason="the background process is looked at by psutil")

PROJECT = """
[views.lexical]
[questions.fruit]
prompt = "Is this about apples?"
labels = ["apple", "other"]
target = "apple"
batch_size = 5
{more}
"""
WAIT = 40.0


class Sitting:
    """``docreview review`` in a pseudo-terminal, and the screen as a person sees it."""

    def __init__(self, folder: Path, *options: str, columns: int = 80, lines: int = 24, **environment: str) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "docreview", "review", "--reviewer", "eve", *options],
            cwd=str(folder),
            dimensions=(lines, columns),
            env={**clean, "TERM": "xterm-256color", **environment},
            echo=True,
        )
        self.modes = termios.tcgetattr(self.child.child_fd)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def pump(self, seconds: float) -> bool:
        """Feed what the program writes to the screen; False once it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                data = self.child.read_nonblocking(65536, timeout=0.02)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return False
            self.raw += data
            self.stream.feed(data)
        return True

    def until(self, what: str | Callable[[str], bool]) -> str:
        """Wait until the screen shows it, and return the screen's text."""
        seen = what if callable(what) else lambda text: what in text
        end = time.monotonic() + WAIT
        while not seen(self.text):
            alive = self.pump(0.05)
            assert alive or seen(self.text), f"it ended before that:\n{self.text}"
            assert time.monotonic() < end, f"never came:\n{self.text}"
        return self.text

    def press(self, keys: str | bytes, then: str | Callable[[str], bool]) -> str:
        self.child.send(keys)
        return self.until(then)

    def title(self) -> str:
        """The title of the document on the screen."""
        return next(line for line in self.text.splitlines() if line.startswith("Document "))

    def end(self) -> str:
        """Wait for the end and return all that is on the screen then."""
        limit = time.monotonic() + WAIT
        while self.pump(0.1):
            assert time.monotonic() < limit, f"it does not end:\n{self.text}"
        self.child.wait()
        return self.text


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Make a project over documents, or over `n` of which every third is about apples."""

    def make(documents: list[Document] | int = 30, more: str = "") -> Path:
        (tmp_path / "docreview.toml").write_text(PROJECT.format(more=more), "utf-8")
        with Project.open(tmp_path) as opened:
            opened.add_documents(apples(documents) if isinstance(documents, int) else documents)
        return tmp_path

    return make


@pytest.fixture
def sit() -> Iterator[Callable[..., Sitting]]:
    sittings: list[Sitting] = []

    def start(*arguments: object, **options: object) -> Sitting:
        sittings.append(Sitting(*arguments, **options))  # type: ignore[arg-type]
        return sittings[-1]

    yield start
    for sitting in sittings:
        sitting.child.close(force=True)


def apples(n: int) -> list[Document]:
    return [
        Document(
            f"d{i}",
            f"The orchard gave apple after apple in year {i}."
            if i % 3 == 0
            else f"A stone lay in the river in year {i}.",
            f"Document {i}",
        )
        for i in range(n)
    ]


def is_apple(title: str) -> bool:
    return int(title.split()[1]) % 3 == 0


def labels(folder: Path) -> dict[str, str | None]:
    with Project.open(folder) as opened:
        return opened.review().labels()


def entries(folder: Path) -> list[SimpleNamespace]:
    with Project.open(folder) as opened:
        return [SimpleNamespace(kind=e.kind, **e.payload) for e in opened.store.entries("review:fruit")]


def answer(sitting: Sitting, number: int, key: str | None = None) -> str:
    """Answer the document on the screen, as the `number`-th of the review, and return its title."""
    sitting.until(lambda text: f"read {number - 1} of" in text and "[q] quit" in text)
    title = sitting.title()
    sitting.child.send(key or ("a" if is_apple(title) else "o"))
    return title


# ------------------------------------------------------------------------------------------------------ whole reviews


def test_a_whole_review_by_keys(project, sit):
    folder = project(30)
    sitting = sit(folder)
    first = sitting.until("[q] quit")
    for shown in ("read 0 of 30", "apple 0", "other 0", "Is this about apples?", "[a] apple", "[o] other", "[s] skip"):
        assert shown in first
    titles = [answer(sitting, number) for number in range(1, 31)]
    end = sitting.end()
    assert "Every document has been answered." in end
    assert "30 answered in this sitting" in end
    assert sitting.child.exitstatus == 0
    assert len(set(titles)) == 30
    given = labels(folder)
    assert given == {f"d{i}": "apple" if i % 3 == 0 else "other" for i in range(30)}
    found = [is_apple(title) for title in titles]
    assert sum(found[:20]) == 10, "the model put the apples first, once it knew some"
    with Project.open(folder) as opened:
        opened.store.verify("review:fruit")


def test_each_key_is_in_the_record_before_the_next_document_is_shown(project, sit):
    folder = project(6)
    sitting = sit(folder)
    for number in range(1, 4):
        answer(sitting, number)
        sitting.until(f"read {number} of 6")
        assert len(labels(folder)) == number
    sitting.child.kill(signal.SIGKILL)
    assert len(labels(folder)) == 3, "nothing that was shown as read is lost, not even by kill -9"


def test_skip_note_undo_and_their_traces(project, sit):
    folder = project(6)
    sitting = sit(folder)
    skipped = answer(sitting, 1, "s")
    sitting.until("(skipped: ")
    noted = answer(sitting, 2, "n")
    sitting.press("très clair \x7f! 🍎\r", "note: très clair! 🍎")
    answer(sitting, 2, "a")
    third = answer(sitting, 3)
    sitting.press("u", "Taken back")
    assert sitting.title() == third
    sitting.press("u", lambda text: "read 1 of 6" in text and noted in text)
    sitting.press("o", "read 2 of 6")
    assert sitting.title() == third, "what was put back for the undone one comes again"
    sitting.press("q", "You left.")
    sitting.end()
    given = labels(folder)
    assert given == {f"d{skipped.split()[1]}": None, f"d{noted.split()[1]}": "other"}
    answers = [e for e in entries(folder) if e.kind in ("label", "withdrawal")]
    assert [e.kind for e in answers] == ["label", "label", "label", "withdrawal", "withdrawal", "label"]
    assert answers[1].note == "très clair! 🍎"
    assert all(e.reviewer == "eve" for e in answers)
    assert all(0 <= e.seconds < 60 for e in answers if e.kind == "label")


def test_quit_and_go_on(project, sit):
    folder = project(12)
    sitting = sit(folder)
    before = [answer(sitting, number) for number in (1, 2, 3)]
    sitting.until("read 3 of 12")
    left = sitting.title()
    end = sitting.press("q", "Go on with 'docreview review'")
    assert "3 answered in this sitting" in end
    again = sit(folder)
    again.until("read 3 of 12")
    assert again.title() == left, "the batch goes on where it was"
    again.press("u", "Taken back")
    assert again.title() == before[-1], "answers of an earlier sitting can be undone as well"
    for number in range(3, 13):
        answer(again, number)
    assert "Every document has been answered." in again.end()
    assert len(labels(folder)) == 12


def test_what_another_has_answered_meanwhile_is_not_asked_again(project, sit):
    folder = project(3)
    eve, adam = sit(folder), sit(folder, "--reviewer", "adam")
    adam.until("[q] quit")
    answer(eve, 1)
    eve.until("read 1 of 3")
    adam.press("s", "read 1 of 3")  # both had the first document before them
    adam.press("a", "read 2 of 3")
    adam.press("a", "Every document has been answered.")
    assert "Every document has been answered." in eve.press("o", "2 answered in this sitting")
    answers = [(e.document_id, e.reviewer) for e in entries(folder) if e.kind == "label"]
    assert [reviewer for _, reviewer in answers] == ["eve", "adam", "adam", "adam", "eve"]
    assert len({document_id for document_id, _ in answers}) == 3


@pytest.mark.parametrize("how", ["\x03", "\x04", "SIGTERM"])
def test_every_way_out_is_in_good_order(project, sit, how):
    folder = project(5)
    sitting = sit(folder)
    answer(sitting, 1)
    sitting.until("read 1 of 5")
    if how.startswith("SIG"):
        sitting.child.kill(getattr(signal, how))
    else:
        sitting.child.send(how)
    end = sitting.end()
    assert "1 answered in this sitting" in end
    assert sitting.child.exitstatus == 0
    assert len(labels(folder)) == 1


def test_a_hangup_ends_it(project, sit):
    folder = project(5)
    sitting = sit(folder)
    answer(sitting, 1)
    sitting.until("read 1 of 5")
    pid = sitting.child.pid
    sitting.child.close(force=False)
    limit = time.monotonic() + WAIT
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < limit
        time.sleep(0.05)
    assert len(labels(folder)) == 1


def test_the_stopping_rule_is_told_and_the_person_decides(project, sit):
    rule = '[questions.fruit.stopping_rule]\nname = "budget"\nlabels = 5\n'
    folder = project(20, rule)
    sitting = sit(folder)
    for number in range(1, 6):
        answer(sitting, number)
    sitting.until("The stopping rule says stop.")
    sitting.press("y", "[q] quit")
    for number in range(6, 11):
        answer(sitting, number)
    assert "says stop" not in sitting.until("read 10 of 20"), "told once"
    sitting.press("q", "You left.")
    again = sit(folder)
    again.until("The stopping rule says stop.")
    assert "Stopped: " in again.press("n", "answered in this sitting")


def test_a_sample_of_what_is_left_is_read_although_the_rule_says_stop(project, sit):
    folder = project(20, '[questions.fruit.stopping_rule]\nname = "budget"\nlabels = 5\n')
    sitting = sit(folder)
    for number in range(1, 6):
        answer(sitting, number)
    sitting.until("The stopping rule says stop.")
    sitting.press("n", "answered in this sitting")
    with Project.open(folder) as opened:
        opened.review().draw_elusion(3)
    again = sit(folder)
    for number in range(6, 9):
        answer(again, number)
    again.until("The stopping rule says stop.")
    with Project.open(folder) as opened:
        assert opened.review().ledger.waiting is None


def test_no_terminal_is_one_clear_line(project):
    done = subprocess.run(
        [sys.executable, "-m", "docreview", "review"],
        cwd=project(3),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert done.stderr == "Error: 'review' needs a terminal to read keys from; scripts use 'next' and 'record'.\n"


# ------------------------------------------------------------------------------------------------ what documents hold


HOSTILE = (
    "before \x1b[31mred\x1b[0m \x1b]0;owned\x07 \x1b[2J\x1b[10;10H cleared \x9b31m c1 \x7f del \x08\x08 back "
    "\x1b[?1049h alternate \x1bc reset \r overwritten \x0e shifted \x1b[6n report after"
)


def test_escape_sequences_in_documents_are_shown_and_do_nothing(project, sit):
    documents = [
        Document(f"h{i}", HOSTILE, f"Document {i} \x1b[41mevil\x1b]2;owned\x07 title\nsecond") for i in range(2)
    ]
    sitting = sit(project(documents), columns=100)
    text = sitting.until("[q] quit")
    for shown in ("before ␛[31mred␛[0m ␛]0;owned␇", "␛[2J␛[10;10H cleared", "␡ del ␈␈ back", "␛c reset", "after"):
        assert shown in " ".join(text.split()), text
    assert "␛[41mevil␛]2;owned␇ title second" in text
    assert text.splitlines()[0].startswith("read 0 of 2"), "nothing cleared or moved the screen"
    assert sitting.screen.title == ""
    assert all(
        cell.bg == "default" and cell.fg != "red" for row in sitting.screen.buffer.values() for cell in row.values()
    )
    for sequence in (b"\x1b]", b"\x07", b"\x1bc", b"\x1b[6n", b"\x1b[?1049h", b"\x9b31m", b"\x0e"):
        assert sequence not in sitting.raw
    sitting.press("a", "read 1 of 2")
    assert "␛" in sitting.until("(apple: "), "and not in the line about the last answer either"


def test_scripts_of_every_kind(project, sit):
    lines = [
        "שלום עולם, זהו מסמך",
        "هذه وثيقة قانونية",
        "版权所有，保留一切权利。" * 8,
        "नमस्ते दुनिया",
        "e\u0301te\u0301",
        "👩‍⚖️ 🇫🇷 ⚖️",
    ]
    sitting = sit(project([Document("d", "\n".join(lines), "Document 1 版权")]))
    text = sitting.until("[q] quit")
    squeezed = text.replace(" ", "")
    for line in lines[:2]:
        assert line.replace(" ", "") in squeezed
    assert squeezed.replace("\n", "").count("版权所有") == 8, "wrapped, not cut"
    rows = text.splitlines()
    assert rows[0].startswith("read 0 of 1"), "no line was wider than the screen and pushed others away"
    assert "[q] quit" in rows[22]


def test_a_plugin_says_how_a_document_is_shown(project, sit, tmp_path_factory):
    """`render_document`, from an installed plugin; where it returns None, the text is shown as it is."""
    site = tmp_path_factory.mktemp("site")
    (site / "shouting.py").write_text(
        "import docreview\n"
        "@docreview.hookimpl\n"
        "def render_document(document):\n"
        "    return document.text.upper() + ' (rendered)' if document.id == 'd0' else None\n"
    )
    info = site / "docreview_shouting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: docreview-shouting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[docreview]\nshouting = shouting\n")
    folder = project([Document("d0", "A quiet apple.", "Document 0"), Document("d1", "A quiet stone.", "Document 1")])
    sitting = sit(folder, PYTHONPATH=str(site))
    shown = [sitting.until("[q] quit"), sitting.press("o", lambda text: "read 1 of" in text and "[q] quit" in text)]
    assert sum("A QUIET APPLE. (rendered)" in text for text in shown) == 1
    assert sum("A quiet stone." in text for text in shown) == 1
    sitting.child.send("q")
    sitting.end()


def test_long_documents_have_pages(project, sit):
    text = "\n".join(f"line {i} of many" for i in range(100))
    sitting = sit(project([Document("d", text, "Document 1")]))
    first = sitting.until("[q] quit")
    assert "line 0 of" in first
    assert "space: more" in first
    seen = {line for line in first.splitlines() if line.startswith("line ")}
    while "end of the text" not in sitting.text:
        last = max(int(line.split()[1]) for line in sitting.text.splitlines() if line.startswith("line "))
        shown = sitting.press(" ", f"line {last + 1} of")
        seen |= {line for line in shown.splitlines() if line.startswith("line ")}
    assert len(seen) == 100
    sitting.press("b", "space: more")
    sitting.press("\x1b[6~", "end of the text")
    sitting.press("\x1b[5~\x1b[A", "space: more")
    sitting.press("a", "Every document has been answered.")


def test_a_huge_document_and_an_empty_one(project, sit):
    huge = "x" * 1_000_000 + " " + "字" * 300_000 + " word" * 300_000
    sitting = sit(project([Document("d0", huge, "Document 0"), Document("d1", "", "Document 1")]))
    for number in (1, 2):
        started = time.monotonic()
        text = sitting.until(lambda text, number=number: f"read {number - 1} of 2" in text and "[q] quit" in text)
        assert "xxxx" in text or "(this document has no text)" in text
        if number > 1:
            assert time.monotonic() - started < 5
        sitting.child.send("a")
    assert "Every document" in sitting.end()


def highlighted(sitting: Sitting) -> set[str]:
    """Words on the screen that are underlined and bold."""
    words = set()
    for y, line in enumerate(sitting.screen.display):
        for word in line.split():
            start = line.index(word)
            if all(sitting.screen.buffer[y][start + i].underscore for i in range(len(word.strip(".")))):
                assert sitting.screen.buffer[y][start].bold
                words.add(word.strip("."))
    return words


@pytest.mark.parametrize("no_color", ["", "1"])
def test_telling_words_are_underlined_not_only_colored(project, sit, no_color):
    folder = project(30)
    with Project.open(folder) as opened:
        from docreview import Label

        opened.review().record(*(Label(f"d{i}", "apple" if i % 3 == 0 else "other") for i in range(15)))
    sitting = sit(folder, NO_COLOR=no_color)
    sitting.until("underlined: speaks for 'apple'")
    assert {"orchard", "apple"} <= highlighted(sitting)
    assert not {"river", "stone"} & highlighted(sitting)
    colors = {cell.fg for row in sitting.screen.buffer.values() for cell in row.values()}
    assert (colors == {"default"}) is bool(no_color)
    shown = sitting.press("h", lambda text: "speaks for 'other'" in text or "speaks for 'apple'" not in text)
    assert "orchard" in shown
    assert "orchard" not in highlighted(sitting)


# ----------------------------------------------------------------------------------------------------------- the window


def test_resizing_and_tiny_windows(project, sit):
    text = " ".join(f"word{i}" for i in range(600))
    sitting = sit(project([Document(f"d{i}", text, f"Document {i} with a rather long title") for i in range(3)]))
    sitting.until("[q] quit")
    for lines, columns in ((1, 1), (4, 12), (7, 20), (3, 200), (200, 5), (50, 200), (11, 40), (24, 80)):
        sitting.screen.resize(lines, columns)
        sitting.child.setwinsize(lines, columns)
        assert sitting.pump(0.3), "it goes on"
        if lines >= 7 and columns >= 20:
            sitting.until("word0")
    sitting.until(lambda text: "read 0 of 3" in text and "[q] quit" in text)
    sitting.press("a", "read 1 of 3")


def test_a_place_in_the_text_survives_resizing(project, sit):
    text = " ".join(f"word{i}" for i in range(600))
    sitting = sit(project([Document("d", text, "Document 1")]))
    sitting.until("[q] quit")
    shown = sitting.press(" ", "b: back")
    first = next(word for word in shown.split() if word.startswith("word"))
    sitting.screen.resize(30, 50)
    sitting.child.setwinsize(30, 50)
    assert first in sitting.until(lambda text: "b: back" in text and len(text.splitlines()[2]) <= 50)


def test_a_plain_terminal_gets_no_escape_sequences(project, sit):
    sitting = sit(project(2), TERM="dumb")
    sitting.until("[q] quit")
    sitting.press("a", "read 1 of 2")
    sitting.press("n", "note for this document")
    sitting.press("fine\r", "note: fine")
    assert b"\x1b" not in sitting.raw


def test_keys_without_meaning_do_nothing_and_the_terminal_is_given_back(project, sit):
    folder = project(2)
    sitting = sit(folder)
    sitting.until("[q] quit")
    assert not termios.tcgetattr(sitting.child.child_fd)[3] & termios.ECHO, "keys are not echoed while reviewing"
    sitting.child.send(b"xyz\x1b[1;5A\x1bOa\x1ba\x1b[200~\xff\xfe\t")
    sitting.press("u", "There is nothing to take back.")
    sitting.press("?", "any key: go on")
    sitting.press("x", "[q] quit")
    assert labels(folder) == {}
    sitting.press("q", "You left.")
    assert termios.tcgetattr(sitting.child.child_fd) == sitting.modes


def test_the_semantic_view_is_built_in_the_background(project, sit):
    folder = project(8, "[views.semantic]")
    sitting = sit(folder)
    sitting.until("semantic view: 0 of 8 embedded")
    (child,) = psutil.Process(sitting.child.pid).children()
    assert "--background" in child.cmdline()
    limit = time.monotonic() + WAIT
    while child.nice() != 19:
        assert time.monotonic() < limit
        time.sleep(0.05)
    sitting.press("q", "You left.")
    sitting.end()
    assert not child.is_running()
    none = sit(folder, "--no-embed")
    none.until("semantic view: 0 of 8 embedded")
    assert psutil.Process(none.child.pid).children() == []


# ---------------------------------------------------------------------------------------------------------- the pieces


ANY_TEXT = st.text(st.characters(), max_size=300)


@given(ANY_TEXT)
def test_neutralized_text_keeps_its_length_and_controls_nothing(text: str):
    plain = neutralize(text)
    assert len(plain) == len(text)
    assert not any(
        ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in plain if c not in "\n\t"
    )
    assert not {"\u202d", "\u202e", "\u2028", "\u2029"} & set(plain)
    plain.encode("utf-8")


@given(ANY_TEXT, st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_nothing_but_space(text: str, width: int):
    text = neutralize(text)
    spans = list(wrap(text, width))
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    for start, end in spans:
        line = text[start:end]
        assert cells(line) <= width or len(line.strip()) <= 2 or "\u200d" in line, "fits, or cannot be made smaller"


@given(ANY_TEXT, st.integers(2, 60), st.lists(st.tuples(st.integers(0, 300), st.integers(1, 20)), max_size=5))
def test_highlights_lie_on_their_words(text: str, width: int, places: list[tuple[int, int]]):
    marks = sorted((start, min(start + length, len(text))) for start, length in places if start < len(text))
    marks = [mark for i, mark in enumerate(marks) if not i or mark[0] >= marks[i - 1][1]]
    pages = Pages(text, marks, width)
    marked = ""
    for line in pages.lines(0, 10_000):
        for span in line.spans:
            marked += line.plain[span.start : span.end]
    expected = "".join(neutralize(text)[start:end] for start, end in marks)
    assert "".join(marked.split()) == "".join(expected.split())


@given(st.lists(st.text(min_size=1, max_size=12).filter(str.strip), min_size=2, max_size=30, unique=True))
def test_every_label_has_a_key_of_its_own(names: list[str]):
    keys = assign_keys(names)
    shown = [keys.key_of(name) for name in names]
    commands = [keys.command_key(c) for c in ("skip", "undo", "note", "help", "quit", "back", "more", "highlight")]
    assert len({*shown, *commands}) == len(names) + 8
    for name, key in zip(names, shown, strict=True):
        assert keys.meaning(key) == ("label", name)
    assert keys.meaning("q") == ("command", "quit")
    assert keys.meaning("u") == ("command", "undo")


def test_keys_are_the_first_letters_and_digits():
    keys = assign_keys(["yes", "no", "not sure"])
    assert [keys.key_of(label) for label in ("yes", "no", "not sure")] == ["y", "n", "o"]
    assert keys.meaning("Y") == ("label", "yes")
    assert keys.meaning("2") == ("label", "no")
    assert keys.meaning("N") == ("command", "note"), "the label took the letter; the command became a capital"
    assert keys.meaning("w") is None
    line = "\n".join(line.plain for line in key_line(keys, ["yes", "no", "not sure"], 30))
    assert line.splitlines()[0] == "[y] yes  [n] no  [o] not sure"
    assert all(len(part) <= 30 for part in line.splitlines())


def test_only_the_most_telling_words_are_chosen():
    text = "apple pear Apple plum fig"
    spans = [(0, 5, 2.0), (6, 10, 0.1), (11, 16, 2.0), (17, 21, -3.0), (22, 25, 1.0)]
    assert telling(spans, text) == [(0, 5), (11, 16), (22, 25)]
    assert telling([(0, 5, 1.0), (0, 10, 1.0)], text) == [(0, 10)], "overlapping words become one"
    assert telling([], text) == []


def test_folded_text_ends_in_an_ellipsis():
    assert [line.plain for line in fold("one two three four", 9, 1)] == ["one two…"]
    assert [line.plain for line in fold("one two", 9, 1)] == ["one two"]


def test_wide_characters_count_twice():
    assert cells("版权") == 4
    assert cells("a\tb") == 6
    assert cells("e\u0301") == 1
    assert get_character_cell_size("␛") == 1
