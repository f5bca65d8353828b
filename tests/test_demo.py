"""The demo, whole, on the shortest of its texts: tables, picture, report, and the commands that come next."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from docreview import demo, licences
from docreview.cli.demonstrating import demo_command
from docreview.errors import DocreviewError
from docreview.metrics import expected_random_reading, needed, read_to_recall
from docreview.types import Document

TEXTS = 90


@pytest.fixture(scope="module")
def shortest() -> list[Document]:
    """The shortest real licences, in the order of their ids."""
    try:
        texts = licences.licences()
    except DocreviewError:
        pytest.skip("licensedcode-data is not installed: pip install 'docreview[demo]'")
    return sorted(sorted(texts, key=lambda text: len(text.text))[:TEXTS], key=lambda text: text.id)


def test_the_demo_from_the_files_to_the_report(
    shortest: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licences, "licences", lambda: shortest)
    steps: list[str] = []
    result = demo.run(tmp_path / "demo", seeds=2, progress=lambda step, done, total: steps.append(step))
    target = [text.metadata["category"] in licences.COPYLEFT for text in shortest]
    arms = {arm.name: arm for arm in result.arms}
    assert (result.documents, result.total) == (TEXTS, sum(target))
    assert list(arms) == ["docreview", "TF-IDF SVM alone", "random order", "file order"]
    assert arms["file order"].mean == tuple(read_to_recall(target, r) for r in demo.RECALLS)
    assert arms["random order"].mean[1] == expected_random_reading(needed(0.95, sum(target)), sum(target), TEXTS)
    for name in ("docreview", "TF-IDF SVM alone"):
        assert len(arms[name].reads) == 2
        for reads in arms[name].reads:
            assert all(n >= needed(r, sum(target)) for n, r in zip(reads, demo.RECALLS, strict=True))
            assert list(reads) == sorted(reads)
            assert reads[2] <= TEXTS
    # paired: both arms of the question of many classes read, and measure, the same first batch
    ours, random = result.classes["docreview"], result.classes["random"]
    assert ours[0] == random[0]
    assert ours[-1][0] == round((1 - demo.HELD_OUT) * TEXTS)
    assert {"embedding", "words"} <= set(steps)
    assert {"import", "embedding"} <= set(result.timings)
    assert result.picture.read_bytes().startswith(b"\x89PNG")
    html = result.report.read_text("utf-8")
    assert not re.findall(r"""(?:src|href)=["']?(?!data:|#)[^"'>]+""", html), "a report needs no network"
    numbers = json.loads((tmp_path / "demo" / "report.json").read_text("utf-8"))
    assert numbers["tables"][0]["rows"][0][0] == "docreview"

    again = CliRunner().invoke(demo_command, [str(tmp_path / "demo"), "--seeds", "1"], catch_exceptions=False)
    assert again.exit_code == 0
    for said in ("Texts read, of 90", "Eleven categories", "Time", "gain.png", "report.html"):
        assert said in again.output
    assert re.findall(r"^  docreview (\w+)", again.output, re.MULTILINE) == ["new", "add", "review"]
