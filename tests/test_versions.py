"""Which version of which plugin drew what: in the record, said at the opening, and asked for before a replay."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import LEXICAL, make_documents

from docreview import Label, Project
from docreview.cli import main
from docreview.errors import OtherVersions
from docreview.registry import made_by, other_versions

PLUGIN = """
# version {version}
import docreview
from docreview import Selection

class First:
    "The first documents of the pool."
    def __init__(self, skip: int = 0): self.skip = skip
    needs = frozenset()
    def select(self, state, n, rng):
        return Selection(state.candidates[:n])

class Upper:
    def __call__(self, text): return text.upper()

@docreview.hookimpl
def register_query_strategies(register):
    register("first", First)

@docreview.hookimpl
def register_text_processors(register):
    register("upper", Upper)

@docreview.hookimpl
def register_classifiers(register):
    from sklearn.linear_model import LogisticRegression
    register("mine", lambda: LogisticRegression())
"""
SETTINGS = """
query_strategy = { name = "first", skip = 0 }
model = { name = "late-fusion", classifier = "mine" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose plugin drew two batches."""
    head = '[plugins]\nfiles = ["acme.py"]\n[corpus]\ntext_processors = ["upper"]\n'
    (tmp_path / "docreview.toml").write_text(head + LEXICAL + SETTINGS)
    (tmp_path / "acme.py").write_text(PLUGIN.format(version=1))
    documents, truth = make_documents(80)
    with Project.open(tmp_path) as project:
        project.add_documents(documents)
        review = project.review()
        for _ in range(2):
            review.record(*(Label(i, truth[i]) for i in review.next_batch()))
    return tmp_path


def test_each_batch_says_who_drew_it(folder: Path) -> None:
    with Project.open(folder) as project:
        version = project.plugins.loaded["acme"]
        entries = project.store.entries("review:copyleft")
        batches = [e.payload for e in entries if e.kind == "batch"]
        made = {"plugin": "acme", "version": version, "settings": "First(skip=0)"}
        assert [batch["made_by"] for batch in batches] == [made, made]
        (settings,) = [e.payload for e in entries if e.kind == "settings"]
        assert settings["made_by"]["query strategy 'first'"] == f"acme {version}"
        assert settings["made_by"]["classifier 'mine'"] == f"acme {version}"  # inside the model
        assert settings["made_by"]["model 'late-fusion'"].startswith("docreview ")
        built = [e.payload for e in project.store.entries("corpus") if e.kind == "views-built"]
        assert built[-1]["made_by"]["text processor 'upper'"] == f"acme {version}"


def test_opening_again_with_the_same_version_says_and_records_nothing(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Project.open(folder) as project:
        before = project.store.last("review:copyleft")
        project.review()
        assert project.store.last("review:copyleft") == before
        assert project.replay() == []
    assert caplog.text == ""


def test_another_version_is_said_and_replay_asks_first(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Project.open(folder) as project:
        old = project.plugins.loaded["acme"]
    (folder / "acme.py").write_text(PLUGIN.format(version=2))
    with Project.open(folder) as project:
        new = project.plugins.loaded["acme"]
        assert f"text processor 'upper' was made by acme {old}, now by acme {new}" in caplog.text
        project.review()
        assert f"query strategy 'first' was made by acme {old}, now by acme {new}. What it asks next may" in caplog.text
        with pytest.raises(OtherVersions, match=r"was made by acme .*, now by acme .*--other-versions") as caught:
            project.replay()
        assert "\n" not in str(caught.value)
        # told so, it draws: the same code under another version draws the same, but from views made anew
        findings = project.replay(other_versions=True)
        assert all("views" in finding for finding in findings)
        # both versions are in the record, and the next batch says which one drew it
        project.review().next_batch()
        last = [e.payload for e in project.store.entries("review:copyleft") if e.kind == "batch"][-1]
        assert last["made_by"]["version"] == new


def test_what_another_version_made_is_not_met_in_the_cache(folder: Path) -> None:
    with Project.open(folder) as project:
        before = project.corpus.vectors("lexical").fingerprint
    (folder / "acme.py").write_text(PLUGIN.format(version=2).replace("text.upper()", "text.lower()"))
    with Project.open(folder) as project:
        assert project.corpus.vectors("lexical").fingerprint != before


def test_a_plugin_that_nobody_uses_changes_nothing(folder: Path) -> None:
    with Project.open(folder) as project:
        before = project.store.last("review:copyleft")
    file = (folder / "docreview.toml").read_text()
    (folder / "other.py").write_text(PLUGIN.format(version=1).replace('"', "'").replace("('", "('other-"))
    (folder / "docreview.toml").write_text(file.replace('["acme.py"]', '["acme.py", "other.py"]'))
    with Project.open(folder) as project:
        assert "other" in project.plugins.loaded
        project.review()
        assert project.store.last("review:copyleft") == before
        assert project.replay() == []


def test_only_what_differs_is_named() -> None:
    then = {"classifier 'a'": "acme 1", "classifier 'b'": "acme 1", "classifier 'c'": "acme 1"}
    now = {"classifier 'a'": "acme 2", "classifier 'b'": "acme 1", "classifier 'd'": "acme 2"}
    assert other_versions(then, now) == ["classifier 'a' was made by acme 1, now by acme 2"]
    assert made_by("text", 3, None, {"a": [1.0]}) == {}


def test_replay_and_simulation_write_nothing(folder: Path) -> None:
    (folder / "acme.py").write_text(PLUGIN.format(version=2))
    with Project.open(folder) as project:
        before = {chain: project.store.last(chain) for chain in project.store.chains}
    truth = "".join(f"{i},{label}\n" for i, label in make_documents(80)[1].items())
    (folder / "truth.csv").write_text("id,label\n" + truth)
    truth_file = ["simulate", "--truth", "truth.csv"]
    for arguments in (["replay", "--other-versions"], ["simulate", "--seeds", "1"], truth_file):
        file = [str(folder / a) if a.endswith(".csv") else a for a in arguments]
        with pytest.raises(SystemExit):
            main([*file, "-p", str(folder)])
    with Project.open(folder) as project:
        assert {chain: project.store.last(chain) for chain in project.store.chains} == before
