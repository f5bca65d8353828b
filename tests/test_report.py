"""The report and its pictures: complete, harmless, whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docreview.errors import DocreviewError
from docreview.plots import Curve, gain_curve, learning_curve, picture, progress_curve, save
from docreview.report import ReportData, Table, render, report
from docreview.types import Question, StopDecision

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}'


class Tags(HTMLParser):
    """Collects tags with their attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


def full(word: str = "copyleft", **changes: object) -> ReportData:
    numbers: dict[str, object] = {
        "title": f"Review {word}",
        "question": Question(word, (word, "other"), f"Is it {word}?", word),
        "created": "2025-11-22 10:40 UTC",
        "documents": 200,
        "read": 80,
        "priors": 12,
        "skipped": 3,
        "found": {word: 40, "other": 37},
        "seconds_per_document": 21.4,
        "summary": f"Found {word}.",
        "gain": (Curve(word, range(81), [min(i, 40) for i in range(81)], role="main"),),
        "total": 40,
        "learning": (Curve(f"{word}, accuracy", (20, 40), (0.7, 0.8), role="main"),),
        "progress": (Curve(word, range(10), range(10), role="main"),),
        "tables": (
            Table(word, ("order", word), ((word, 0.125), ("random", None), ("nan", math.nan)), (word,), f"Note {word}"),
        ),
        "labels_by_day": {"2025-11-21": 40, word: 40},
        "stop": StopDecision(True, f"Enough {word}.", {word: 50}),
        "timings": {word: 215.0},
        "settings": {word: word},
        "versions": {word: word},
        "views": {word: {word: word}},
        "chain": f"review:{word}",
        "entries": 1234,
        "closing_hash": "ab" * 32,
        "warnings": (f"Beware of {word}.",),
    }
    return ReportData(**{**numbers, **changes})  # type: ignore[arg-type]


def test_html_says_every_number_and_needs_no_network():
    html = render(full())
    tags = parsed(html)
    text = " ".join(" ".join(tags.text).split())
    for words in (
        "Is it copyleft?", "Found copyleft.", "Beware of copyleft.", "200 documents", "80 read (40.0 %)",
        "21.4 s", "12.5 %", "Stop. Enough copyleft." , "3 min 35 s", "1,234", "ab" * 32, "2025-11-21",
    ):  # fmt: skip
        assert words in text.replace("Stop.  ", "Stop. "), words
    images = [attributes["src"] for tag, attributes in tags.tags if tag == "img"]
    assert len(images) == 3
    assert all(source and source.startswith("data:image/svg+xml;base64,") for source in images)
    links = [value for _, attributes in tags.tags for name, value in attributes.items() if name in ("src", "href")]
    assert links == images, "nothing else is loaded from anywhere"
    assert "http:" not in html
    assert "https:" not in html
    assert {tag for tag, _ in tags.tags}.isdisjoint({"script", "link", "iframe", "object"})


def test_nothing_from_documents_becomes_markup():
    tags = parsed(render(full(EVIL)))
    assert {tag for tag, _ in tags.tags}.isdisjoint({"script", "iframe", "object"})
    assert all("onerror" not in attributes for _, attributes in tags.tags)
    assert all((attributes["src"] or "").startswith("data:image/svg") for tag, attributes in tags.tags if tag == "img")
    assert f"Review {EVIL}" in "".join(tags.text), "shown as it is"


@settings(max_examples=25, deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
        lambda word: word.strip() not in ("", "other")
    )
)
def test_any_text_stays_text(word: str):
    data = full(word, gain=(), learning=(), progress=())
    plain = [tag for tag, _ in parsed(render(full("word", gain=(), learning=(), progress=()))).tags]
    assert [tag for tag, _ in parsed(render(data)).tags] == plain, "as many tags as with a harmless word"


@pytest.mark.parametrize("word", ["$\\frac{", "_hidden", "حق المؤلف", "版权", "a" * 500, "🍎\u200d🍏", "x\ny\x1b[31m"])
def test_pictures_take_any_label(word: str):
    data = full(word)
    assert render(data).count("data:image/svg+xml") == 3
    figure = learning_curve([Curve(word, (1, 2), (0.5, 0.6), role="main")], title=word)
    assert picture(figure).startswith(b"\x89PNG")


def test_json_has_the_same_numbers(tmp_path: Path):
    data = full()
    value = json.loads(report(data, tmp_path / "report.json").read_text("utf-8"))
    assert value["read"] == 80
    assert value["found"] == {"copyleft": 40, "other": 37}
    assert value["question"]["labels"] == ["copyleft", "other"]
    assert value["gain"][0]["y"] == [float(min(i, 40)) for i in range(81)]
    assert value["tables"][0]["rows"] == [["copyleft", 0.125], ["random", None], ["nan", None]]
    assert value["stop"] == {"stop": True, "reason": "Enough copyleft.", "evidence": {"copyleft": 50}}
    assert value["closing_hash"] == "ab" * 32


def test_what_is_left_empty_leaves_its_section_out(tmp_path: Path):
    data = ReportData("Nothing yet", Question("q", ("a", "b")), "2025-11-22", documents=0)
    html = report(data, tmp_path / "report.html").read_text("utf-8")
    assert "<h2>" not in html
    assert "<img" not in html


def test_half_an_emoji_in_a_title_can_be_written(tmp_path: Path):
    for name in ("report.html", "report.json"):
        text = report(full(title="cut \ud83d off"), tmp_path / name).read_text("utf-8")
        assert "cut ? off" in text


def test_written_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text("the old report")
    with pytest.raises(ValueError, match="a row of 1"):
        report(full(tables=(Table("t", ("a", "b"), ((1,),)),)), path)
    assert path.read_text() == "the old report"
    with pytest.raises(DocreviewError, match=re.escape(str(tmp_path / "no" / "report.html"))):
        report(full(), tmp_path / "no" / "report.html")
    report(full(), path)
    assert "Review copyleft" in path.read_text("utf-8")
    assert os.listdir(tmp_path) == ["report.html"], "no half-written file is left"


def test_other_endings_are_refused(tmp_path: Path):
    with pytest.raises(DocreviewError, match=r"report\.pdf: a report is written as \.html or \.json"):
        report(full(), tmp_path / "report.pdf")
    with pytest.raises(DocreviewError, match=r"picture is written as \.png or \.svg"):
        save(progress_curve([Curve("a", (0, 1), (0, 1))]), tmp_path / "picture.bmp")


def texts(figure: object) -> dict[str, tuple[float, float, float, float]]:
    """Every text inside the axes with its box in pixels."""
    axes = figure.axes[0]  # type: ignore[attr-defined]
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    return {text.get_text(): text.get_window_extent(renderer).extents for text in axes.texts}


def test_gain_curve_marks_80_95_and_100_percent_and_names_each_curve():
    main = Curve("docreview", range(1001), [min(2 * i, 200) for i in range(1001)], role="main")
    near = Curve("almost the same", range(1001), [min(1.9 * i, 200) for i in range(1001)])
    figure = gain_curve([main, near], documents=1000, total=200)
    boxes = texts(figure)
    assert {"80", "95", "100", "docreview", "almost the same", "random order", "least possible"} == set(boxes)


@pytest.mark.parametrize(("total", "speed"), [(5, 1.05), (200, 1.05), (200, 2), (900, 20)])
def test_texts_in_the_picture_do_not_overlap(total: int, speed: float):
    curves = [
        Curve(name, range(1001), [min(speed * share * i * total / 1000, total) for i in range(1001)], role=role)
        for name, share, role in (
            ("docreview", 1.0, "main"),
            ("support vectors", 0.97, "other"),
            ("file order", 0.9, "other"),
        )
    ]
    boxes = list(texts(gain_curve(curves, documents=1000, total=total)).items())
    for i, (name, (left, bottom, right, top)) in enumerate(boxes):
        for other, (l2, b2, r2, t2) in boxes[:i]:
            assert right <= l2 or r2 <= left or top <= b2 or t2 <= bottom, f"'{name}' lies over '{other}'"
        assert left >= 0
        assert right <= 720


def test_a_curve_of_many_points_is_thinned_and_keeps_its_ends():
    curve = Curve("long", range(100_001), range(100_001), range(100_001), range(100_001)).thinned()
    assert len(curve.x) <= 602
    assert (curve.x[0], curve.x[-1], curve.y[-1], curve.high[-1]) == (0, 100_000, 100_000, 100_000)


def test_the_same_numbers_give_the_same_picture(tmp_path: Path):
    def draw() -> bytes:
        return picture(progress_curve([Curve("a", (0, 1, 2), (0, 1, 1))]), "svg")

    assert draw() == draw()
    assert save(progress_curve([Curve("a", (0, 1), (0, 1))]), tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_curves_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="one length"):
        Curve("a", (1, 2), (1,))
