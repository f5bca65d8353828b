"""The view of a word list, lists as people have them, and the project that is set up."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import docreview_sentiment
import numpy as np
import pytest
from click.testing import CliRunner
from docreview_sentiment.commands import project_file, sentiment
from docreview_sentiment.lexicon import Lexicon
from docreview_sentiment.word_lists import read_word_list
from hypothesis import given
from hypothesis import strategies as st

from docreview import Document, Label, Project
from docreview.cache import Cache, TextSource
from docreview.errors import BadSetting, ImportFailed, ProjectError
from docreview.testing import SCRIPTS, parametrize_with_checks
from docreview.text import tokens, words

WORDS = {"positive": ["nagode", "na ji dadi", "new"], "negative": ["haba", "dismissed", "na ji"]}


# ----------------------------------------------------------------------------------------------------------------- view


@parametrize_with_checks("views", {"two": Lexicon(WORDS), "one": Lexicon({"law": ["court", "dismissed", "oil"]})})
def test_view(component: Any, check: Any) -> None:
    check(component)


def row(view: Lexicon, text: str) -> list[float]:
    return [float(x) for x in view.embed([text]).toarray()[0]]


def test_a_row_holds_the_square_roots_of_the_shares() -> None:
    view = Lexicon(WORDS)
    assert row(view, "NAGODE sosai, haba haba!") == pytest.approx([0.5, np.sqrt(0.5), 0.5])
    assert row(view, "nothing of the list") == pytest.approx([0, 0, 1])
    assert row(view, "…") == [0, 0, 0]


def test_the_longest_phrase_that_begins_first_counts_with_its_words() -> None:
    view = Lexicon(WORDS)
    assert view.meanings(words("na ji dadi")) == [0, 0, 0]
    assert view.meanings(words("na ji haushi na")) == [1, 1, 2, 2]
    assert view.meanings(words("haba na ji")) == [1, 1, 1]
    assert view.meanings(words("ji na ji dadi na")) == [2, 0, 0, 0, 2]
    assert Lexicon({"a": ["x y"], "b": ["y z"]}).meanings(words("x y z")) == [0, 0, 2]


def test_marks_matter_and_their_spelling_does_not() -> None:
    view = Lexicon({"good": ["dára"]})
    assert row(view, unicodedata.normalize("NFD", "Dára")) == [1, 0]
    assert row(view, "dara") == [0, 1]


listed_words = st.sampled_from([word for own in WORDS.values() for word in own])
scripts = st.sampled_from(sorted(SCRIPTS.values()))


@given(st.lists(st.one_of(scripts, st.text(max_size=20), listed_words), max_size=6))
def test_no_word_of_any_script_is_left_out(parts: list[str]) -> None:
    text = " ".join(parts)
    view = Lexicon(WORDS)
    found = words(text)
    assert len(view.meanings(found)) == len(found) == len(tokens(text))
    length = float(np.square(row(view, text)).sum())
    assert length == pytest.approx(1 if found else 0)
    spans, added = view.explain(text)
    assert spans == tokens(text)
    np.testing.assert_allclose(np.asarray(added.sum(axis=0)).ravel(), row(view, text), atol=1e-6)


def test_a_word_of_every_script_can_be_on_the_list() -> None:
    for name, text in SCRIPTS.items():
        word = max(text.split(), key=len)
        if len(words(word)) <= 8:
            assert row(Lexicon({name: [word]}), text)[0] > 0, name


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "one meaning at least"),
        ({"a": []}, "no word"),
        ({"a": ["…"]}, "must be a word"),
        ({"a": ["one two three four five six seven eight nine"]}, "up to 8"),
        ({"a": ["Word"], "b": ["word"]}, "stands for 'a' and for 'b'"),
    ],
)
def test_lists_that_make_no_sense_are_refused(wrong: dict[str, list[str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Lexicon(wrong)


def test_another_list_is_another_view_and_the_record_stays_short(tmp_path: Path) -> None:
    source, cache = TextSource(["haba nagode"]), Cache(tmp_path)
    one, two = Lexicon(WORDS), Lexicon({**WORDS, "negative": ["haba"]})
    assert one.build(source, cache).fingerprint != two.build(source, cache).fingerprint
    assert repr(one) != repr(two)
    assert repr(one) == repr(Lexicon(WORDS))
    assert len(repr(Lexicon({"a": [f"word{i}" for i in range(5_000)]}))) < 200
    with pytest.raises(ValueError, match="another"):
        two.see(one.learned(source, cache), source, cache)


# ---------------------------------------------------------------------------------------------------------------- lists


def listed(folder: Path, text: str) -> dict[str, list[str]]:
    (folder / "words.txt").write_text(text, "utf-8")
    return read_word_list(folder / "words.txt")


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_a_list_is_read(mark: str, tmp_path: Path) -> None:
    lines = [
        "word,label",
        "# mine",
        "nagode,positive",
        "",
        "na ji dadi,positive,a note",
        "haba,negative",
        "nagode,positive",
    ]
    assert listed(tmp_path, "\n".join(lines).replace(",", mark)) == {
        "positive": ["nagode", "na ji dadi"],
        "negative": ["haba"],
    }


def test_numbers_count_by_their_sign(tmp_path: Path) -> None:
    assert listed(tmp_path, "good\t1.9\t0.8\nbad\t-2\nso\t0\n😀\t2\n") == {
        "positive": ["good", "😀"],
        "negative": ["bad"],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no word"),
        ("so,0", "no word that stands"),
        ("a,good\nb\n", "line 2: a word and what"),
        ("a,good\n…,bad\n", "line 2: '…' has no letter"),
        ("a,good\nA,bad\n", "line 2: 'A' stands for 'good' and for 'bad'"),
    ],
)
def test_what_is_wrong_in_a_list_is_said_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match=said):
        listed(tmp_path, text)


def test_a_list_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("ƙasa,good\ncaf\xe9,good".encode() + b"\xe9")
    for name, said in (("latin.txt", "not UTF-8"), ("nowhere.txt", "cannot be read")):
        with pytest.raises(ImportFailed, match=said):
            read_word_list(tmp_path / name)


# -------------------------------------------------------------------------------------------------------------- command


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(sentiment, arguments)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return call


def test_a_project_is_set_up_and_learns_from_the_list(run: Any, tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text("nagode,positive\nhaba,negative\n", "utf-8")
    told = run("new", "hausa", "--words", "words.csv", "--label", "positive", "--label", "negative")
    assert told.startswith("Made hausa/docreview.toml: words, characters, 2 words of a list.\n")
    with Project.open(tmp_path / "hausa") as project:
        assert list(project.corpus.views) == ["lexical", "characters", "lexicon"]
        rng = np.random.default_rng(0)
        filler = [f"kalma{i}" for i in range(400)]
        truth, texts = {}, []
        for i in range(80):
            label, other = ("positive", "nagode") if i % 2 else ("negative", "haba")
            texts.append(Document(f"d{i}", " ".join([*rng.choice(filler, 6), other])))
            truth[f"d{i}"] = label
        project.add_documents(texts)
        review = project.review()
        review.record(*(Label(f"d{i}", truth[f"d{i}"], "ada") for i in range(8)))
        said = review.state().probabilities.argmax(axis=1)
        right = [review.question.labels[k] == truth[f"d{i}"] for i, k in enumerate(said)]
        assert np.mean(right[8:]) > 0.9
        assert project.save_model(tmp_path / "m.model") == 8
    with pytest.raises(ProjectError, match="is there already"):
        run("new", "hausa")


def test_what_cannot_be_opened_leaves_no_project(run: Any, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="no language 'zz'"):
        run("new", "other", "--language", "zz")
    assert not (tmp_path / "other" / "docreview.toml").exists()
    with pytest.raises(ProjectError, match="at least two"):
        run("new", "other", "--label", "one")
    run("new", "other")
    with Project.open(tmp_path / "other") as project:
        assert project.question().labels == ("positive", "neutral", "negative")
        assert "lexicon" not in project.corpus.views


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(
    names,
    st.lists(names, min_size=2, max_size=3),
    names,
    st.dictionaries(names, st.lists(names, min_size=1), max_size=3),
)
def test_any_characters_stand_in_the_project_file(
    name: str, labels: list[str], prompt: str, given_words: dict[str, list[str]]
) -> None:
    table = tomllib.loads(project_file(name, tuple(labels), prompt, given_words, "xx", prompt))
    assert table["questions"][name]["labels"] == labels
    assert table["questions"][name]["prompt"] == prompt
    assert table["views"]["semantic"]["embedder"]["model"] == prompt
    assert table["views"].get("lexicon", {}).get("words", {}) == given_words


# --------------------------------------------------------------------------------------------------------------- plugin


def test_it_is_registered_light_and_states_its_interface(tmp_path: Path) -> None:
    (tmp_path / "docreview.toml").write_text('[views.lexicon.words]\na = ["x"]\n[questions.q]\nlabels = ["a", "b"]\n')
    with Project.open(tmp_path) as project:
        assert project.plugins.registry.get("views", "lexicon").plugin == "sentiment"
    assert docreview_sentiment.docreview_api == 1
    code = """
import sys, click, docreview_sentiment as plugin
plugin.register_commands(click.Group())
heavy = {"numpy", "scipy", "sqlalchemy", "torch", "sklearn", "spacy"}
print(*sorted({name.partition(".")[0] for name in sys.modules} & heavy))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
