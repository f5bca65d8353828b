"""A model that leaves its project says there what it said here, and a file that is none is told from one that is."""

from __future__ import annotations

import csv
import io
import json
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from script_support import SAMPLES

from docreview import Document, Label, Project
from docreview.errors import BadSetting, ImportFailed, NewerVersion, ProjectError
from docreview.plugins import load_plugins
from docreview.saved_model import Prediction, SavedModel, load_model

REGISTRY = load_plugins().registry
VIEWS = "[views.lexical]\n[views.characters]\nlongest = 4\n"
MOODS = {
    "good": "sana nzuri dádì nagode አሪፍ अच्छा 😀",
    "bad": "mbaya haba búburú መጥፎ बुरा 😡",
    "so": "kawai tu bẹ́ẹ̀ እንዲሁ ठीक 😐",
}


def documents(n: int = 90) -> tuple[list[Document], dict[str, str]]:
    """Short texts in several scripts, each with words of its label; ids that no text holds."""
    rng = np.random.default_rng(7)
    scripts = list(SAMPLES.values())
    made, truth = [], {}
    for i in range(n):
        label = list(MOODS)[int(rng.integers(3))]
        words = [*rng.choice(MOODS[label].split(), 3), *scripts[i % len(scripts)].split()[:4]]
        title = f"Kichwa {i}" if i % 4 == 0 else ""
        made.append(Document(f"identity-{i:04}", " ".join(map(str, rng.permutation(words))), title))
        truth[made[-1].id] = label
    return made, truth


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """Make a project whose first 40 documents are answered; `question` are lines of its table."""
    opened: list[Project] = []

    def made(question: str = 'labels = ["good", "bad", "so"]', views: str = VIEWS, corpus: str = "") -> Project:
        folder = tmp_path / f"project-{len(opened)}"
        folder.mkdir()
        (folder / "docreview.toml").write_text(f"{corpus}\n{views}\n[questions.mood]\n{question}\n", "utf-8")
        project = Project.open(folder)
        opened.append(project)
        texts, truth = documents()
        project.add_documents(texts)
        known = project.question().labels
        given = {d.id: truth[d.id] if truth[d.id] in known else known[-1] for d in texts[:40]}
        project.review().record(*(Label(i, label, "ada") for i, label in given.items()))
        return project

    yield made
    for project in opened:
        project.close()


def loaded(project: Project, name: str = "mood.model") -> SavedModel:
    path = project.folder.parent / name
    assert project.save_model(path) == 40
    return load_model(path, REGISTRY)


def as_rows(predictions: list[Prediction]) -> list[list[float]]:
    return [list(p.probabilities.values()) for p in predictions]


QUESTIONS = {
    "three labels": 'labels = ["good", "bad", "so"]',
    "three labels and a target": 'labels = ["good", "bad", "so"]\ntarget = "bad"',
    "two labels": 'labels = ["good", "bad"]',
    "a label that nobody gave": 'labels = ["good", "unseen", "bad", "so"]',
    "logistic regression": 'labels = ["good", "bad", "so"]\nmodel = { name = "late-fusion", '
    'classifier = "logistic-regression", weights = { lexical = 0.5, characters = 2.0 } }',
    "one view left out": 'labels = ["good", "bad", "so"]\nmodel = { name = "late-fusion", weights = { lexical = 0 } }',
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_predictions_are_those_of_the_review_to_the_last_bit(question: str, make: Callable[..., Project]) -> None:
    processors = '[corpus]\ntext_processors = ["nfc", "links", { name = "repeated-letters", keep = 2 }]'
    project = make(question, corpus=processors)
    saved = loaded(project)
    given = documents()[0]
    said = list(saved.predict(given))
    wanted = project.review().state().probabilities
    assert [p.document_id for p in said] == [d.id for d in given]
    np.testing.assert_array_equal(np.array(as_rows(said), np.float32), wanted)
    assert [p.label for p in said] == [saved.question.labels[k] for k in wanted.argmax(axis=1)]
    assert saved.question == project.question()
    # and it has learned something: on documents that it has not seen
    if "unseen" not in question and len(saved.question.labels) == 3:
        truth = documents()[1]
        assert np.mean([p.label == truth[p.document_id] for p in said[40:]]) > 0.6


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.text(max_size=40), st.sampled_from([d.text for d in documents()[0]])), max_size=8))
def test_a_prediction_does_not_depend_on_what_else_is_asked(make_once: SavedModel, texts: list[str]) -> None:
    asked = [Document(f"d{i}", text) for i, text in enumerate(texts)]
    together = list(make_once.predict(asked))
    assert together == [p for document in asked for p in make_once.predict([document])]
    assert all(abs(sum(p.probabilities.values()) - 1) < 1e-5 for p in together)


@pytest.fixture
def make_once(make: Callable[..., Project]) -> SavedModel:
    return loaded(make())


def test_more_documents_than_a_block_are_read_one_block_at_a_time(
    make_once: SavedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = documents()[0]
    whole = list(make_once.predict(texts))
    monkeypatch.setattr("docreview.saved_model._BLOCK", 7)
    taken = 0

    def counted() -> Any:
        nonlocal taken
        for document in texts:
            taken += 1
            yield document

    predictions = make_once.predict(counted())
    assert next(predictions) == whole[0]
    assert taken == 7
    assert [whole[0], *predictions] == whole


def test_the_semantic_view_sees_the_same_but_for_the_last_digits(make: Callable[..., Project]) -> None:
    views = "[views.lexical]\n[views.semantic]\ndtype = 'float32'\ndevice = 'cpu'\nunknown_limit = 1.0\n"
    project = make(views=views)
    project.embed()
    saved = loaded(project)
    assert set(saved.views) == {"lexical", "semantic"}
    said = as_rows(list(saved.predict(documents()[0])))
    np.testing.assert_allclose(said, project.review().state().probabilities, atol=1e-4)
    other = replace(saved, learned={**saved.learned, "semantic": {"encoder": "another"}})
    with pytest.raises(ImportFailed, match="other weights or another precision"):
        list(other.predict(documents()[0][:1]))


def test_a_view_that_does_not_know_the_documents_says_so(make: Callable[..., Project]) -> None:
    project = make(views="[views.lexical]\n[views.semantic]\ndtype = 'float32'\ndevice = 'cpu'\nunknown_limit = 0.9\n")
    project.embed()
    saved = loaded(project)
    told: list[str] = []
    list(saved.predict([Document("a", "nothing odd about this")], told.append))
    assert told == []
    list(saved.predict([Document("a", "ፍርድ ቤቱ ጉዳዩን አይቶ ውሳኔ ሰጠ።")], told.append))
    assert len(told) == 1
    assert told[0].startswith("the view 'semantic' does not know these documents: the model does not know 100%")


# ------------------------------------------------------------------------------------------------------------- the file


def test_the_file_holds_no_text_no_id_no_answer_and_no_pickle(make: Callable[..., Project]) -> None:
    project = make()
    path = loaded(project).path
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert b"identity-" not in content
            assert b"ada" not in content
            assert b"Kichwa" not in content
            if name.endswith(".npy"):
                np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        assert json.loads(archive.read("model.json"))["format"] == 1
    first = path.read_bytes()
    assert loaded(project, "again.model").path.read_bytes() == first


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    change(held)
    other = path.with_name("other.model")
    with zipfile.ZipFile(other, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    return other


def manifest(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(held: dict[str, bytes]) -> None:
        held["model.json"] = json.dumps({**json.loads(held["model.json"]), **changes}).encode()

    return change


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


class Boom:
    def __reduce__(self) -> Any:
        return (print, ("run!",))


WRONG = {
    "no manifest": lambda held: held.pop("model.json"),
    "an array is missing": lambda held: held.pop("0.npy"),
    "an array is a pickle": lambda held: held.update({"0.npy": pickle.dumps(Boom())}),
    "an array holds objects": lambda held: held.update({"0.npy": npy(np.array([Boom()], object))}),
    "all arrays are short": lambda held: held.update({n: npy(np.zeros(1)) for n in held if n.endswith(".npy")}),
    "another question": manifest(question={"name": "q", "labels": ["a", "b"], "prompt": "", "target": None}),
    "no views": manifest(views={}),
    "views of another kind": manifest(views=[1, 2]),
    "no model": manifest(model={"model": "late-fusion", "learned": {"views": {}}}),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_file_that_is_wrong_inside_is_refused_in_one_line(
    wrong: Callable[[dict[str, bytes]], object], make_once: SavedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    other = rewritten(make_once.path, lambda held: wrong(held) and None)
    with pytest.raises(ImportFailed, match=r"other\.model") as refused:
        list(load_model(other, REGISTRY).predict(documents()[0][:3]))
    assert "\n" not in str(refused.value)
    assert "run!" not in capsys.readouterr().out


def test_damage_and_foreign_files_are_told_apart_from_a_model(make_once: SavedModel, tmp_path: Path) -> None:
    path = make_once.path
    whole = path.read_bytes()
    bad = tmp_path / "bad.model"
    for content in (b"", b"id,text\n1,a\n", whole[: len(whole) // 2], whole[:-30]):
        bad.write_bytes(content)
        with pytest.raises(ImportFailed, match="no saved model"):
            load_model(bad, REGISTRY)
    rng = np.random.default_rng(0)
    refused = 0
    for at in rng.integers(0, len(whole), 60).tolist():
        flipped = bytearray(whole)
        flipped[at] ^= 0x55
        bad.write_bytes(bytes(flipped))
        try:
            again = load_model(bad, REGISTRY)
        except (ImportFailed, NewerVersion):
            refused += 1
            continue
        # a flip that changes nothing that is read (a time, a name's copy): then nothing is changed
        texts = documents()[0][:5]
        assert as_rows(list(again.predict(texts))) == as_rows(list(make_once.predict(texts)))
    assert refused > 50
    with pytest.raises(ImportFailed, match="cannot be read: No such file"):
        load_model(tmp_path / "nowhere.model", REGISTRY)
    with pytest.raises(NewerVersion, match="format 2"):
        load_model(rewritten(path, manifest(format=2)), REGISTRY)


def test_another_version_of_a_component_is_said(make_once: SavedModel) -> None:
    assert make_once.warnings == ()
    changed = manifest(made_by={"model 'late-fusion'": "docreview 0.0.1", "view 'lexical'": "docreview 0.0.1"})
    said = load_model(rewritten(make_once.path, changed), REGISTRY).warnings
    assert [line.partition(",")[0] for line in said] == [
        "model 'late-fusion' was made by docreview 0.0.1",
        "view 'lexical' was made by docreview 0.0.1",
    ]


EVEN = """
import numpy as np
from docreview import hookimpl

class Even:
    def fit(self, state, rng):
        self.scores = self.probabilities = np.full((state.n, 3), 1 / 3, np.float32)
        return self

@hookimpl
def register_models(register):
    register("even", Even)
"""


def test_what_cannot_be_saved_is_said_and_nothing_is_written(make: Callable[..., Project], tmp_path: Path) -> None:
    labels = 'labels = ["good", "bad", "so"]\n'
    target = tmp_path / "m.model"
    project = make(labels)
    for document_id in list(project.review().labels()):
        project.review().withdraw(document_id, "ada")
    with pytest.raises(ProjectError, match="has no model yet"):
        project.save_model(target)
    bayes = make(labels + 'model = { name = "late-fusion", classifier = "naive-bayes" }')
    with pytest.raises(BadSetting, match=r"naive-bayes.*not linear.*'linear-svm'"):
        bayes.save_model(target)
    (tmp_path / "even.py").write_text(EVEN, "utf-8")
    even = make(labels + 'model = "even"', corpus='[plugins]\nfiles = ["../even.py"]')
    with pytest.raises(BadSetting, match=r"model 'even'.* cannot be saved"):
        even.save_model(target)
    assert not target.exists()


# ----------------------------------------------------------------------------------------------------- the command line


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "docreview", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, encoding="utf-8")


def test_a_model_labels_a_file_where_the_project_is_gone(make: Callable[..., Project], tmp_path: Path) -> None:
    project = make()
    wanted = project.review().state().probabilities
    done = run("save-model", tmp_path / "mood.model", cwd=project.folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Wrote the model to {tmp_path / 'mood.model'}: it learned from 40 labels.\n"
    project.close()
    shutil.rmtree(project.folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with (elsewhere / "new.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["key", "head", "tweet", "label"])
        rows.writerows([d.id, d.title, d.text, "no label of ours"] for d in documents()[0])
    columns = ("--text", "tweet", "--title", "head", "--id", "key")
    done = run("predict", "new.csv", "-m", "../mood.model", *columns, cwd=elsewhere)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [entry["id"] for entry in said] == [d.id for d in documents()[0]]
    assert [entry["label"] for entry in said] == [["good", "bad", "so"][k] for k in wanted.argmax(axis=1)]
    got = np.array([list(entry["probabilities"].values()) for entry in said], np.float32)
    np.testing.assert_array_equal(got, wanted)
    done = run("predict", "new.csv", "--model", "../mood.model", *columns, "-o", "out.csv", cwd=elsewhere)
    assert done.stdout == "Wrote 90 documents to out.csv\n"
    with (elsewhere / "out.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["id", "label", "p(good)", "p(bad)", "p(so)"]
    assert [row["label"] for row in table] == [entry["label"] for entry in said]


def test_mistakes_at_the_command_line_are_one_line(make_once: SavedModel, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("id,text\n1,sana nzuri\n", "utf-8")
    model = make_once.path
    for arguments, said in (
        (("nowhere.csv", "-m", model), "nowhere.csv"),
        (("new.csv", "-m", "new.csv"), "no saved model"),
        (("new.csv", "-m", model, "-o", "out.what"), "no exporter writes"),
        (("new.csv", "-m", model, "-o", "no/such/out.csv"), "out.csv"),
        (("new.csv", "-m", model, "--text", "words"), "words"),
    ):
        done = run("predict", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert said in done.stderr
