"""Every hook does what its page says: for each, something that would not be there without it."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluggy
import pytest
from plugin_support import distribution
from support import LEXICAL, make_documents

from docreview import Label, Project, hookspecs
from docreview.cli import main
from docreview.cli.extra import plugin_commands
from docreview.plugins import load_plugins
from docreview.types import Document

HOOKS = sorted(name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "docreview_spec"))


def project(folder: Path, code: str, toml: str) -> Project:
    """A project with a one-file plugin."""
    (folder / "mine.py").write_text("import docreview\nimport numpy as np\nfrom docreview import *\n" + code)
    (folder / "docreview.toml").write_text('[plugins]\nfiles = ["mine.py"]\n' + toml)
    return Project.open(folder)


def hook(kind: str, factory: str = "C", name: str = "mine") -> str:
    return f'\n@docreview.hookimpl\ndef register_{kind}(register): register("{name}", {factory})\n'


def importers(folder: Path) -> None:
    code = "class C:\n    suffixes = ('.mine',)\n    def read(self, path, columns, *, warn, progress=None):\n"
    code += "        yield docreview.Document('one', path.read_text())\n"
    (folder / "a.mine").write_text("Read by a plugin.")
    with project(folder, code + hook("importers"), LEXICAL) as made:
        made.add(folder / "a.mine")
        assert made.store.documents([0])[0].text == "Read by a plugin."


def text_processors(folder: Path) -> None:
    code = "class C:\n    def __call__(self, text): return text.replace('secret', 'open')\n"
    toml = '[corpus]\ntext_processors = ["mine"]\n' + LEXICAL
    with project(folder, code + hook("text_processors"), toml) as made:
        made.add_documents([Document("a", "a secret door"), Document("b", "an open door")])
        assert made.corpus.texts([1, 0]) == ["an open door", "a open door"]
        assert made.store.documents([0])[0].text == "a secret door"  # what the reviewer sees


EMBEDDER = """
class C:
    dim, max_tokens, fingerprint = 4, 9, "lengths"
    def count_tokens(self, texts): return np.array([len(t.split()) for t in texts])
    def embed(self, texts, *, query=False):
        return np.array([[1, len(t) % 3, len(t) % 5, len(t) % 7] for t in texts], np.float32)
"""
SEMANTIC = '[views.semantic]\nembedder = { name = "mine" }\n' + LEXICAL


def embedders(folder: Path) -> None:
    with project(folder, EMBEDDER + hook("embedders"), SEMANTIC) as made:
        made.add_documents(make_documents(20)[0])
        made.embed()
        assert made.corpus.vectors("semantic").matrix.shape == (20, 4)


def views(folder: Path) -> None:
    code = """
from docreview.types import Vectors
class C:
    dense = True
    def remaining(self, source, cache): return 0
    def build(self, source, cache, progress):
        return Vectors(np.ones((source.n, 1), np.float32), f"ones-{source.n}")
"""
    with project(folder, code + hook("views"), "[views.mine]\n" + LEXICAL) as made:
        made.add_documents(make_documents(20)[0])
        assert made.corpus.vectors("mine").fingerprint == "ones-20"


def indexes(folder: Path) -> None:
    code = """
class Last:
    def __init__(self, n): self.n = n
    def search(self, vectors, k):
        return np.tile(np.arange(self.n - k, self.n), (len(vectors), 1)), np.ones((len(vectors), k))
class I:
    def build(self, vectors, segments, cache, progress): return Last(len(vectors))
"""
    toml = '[index]\nname = "mine"\nneighbors = 2\n' + SEMANTIC
    with project(folder, EMBEDDER + code + hook("embedders") + hook("indexes", "I"), toml) as made:
        made.add_documents(make_documents(20)[0])
        made.embed()
        found = made.corpus.neighbors()
        assert found is not None
        assert found.rows[0].tolist() == [17, 18]


def classifiers(folder: Path) -> None:
    code = """
def C():
    from sklearn.dummy import DummyClassifier
    return DummyClassifier(strategy="prior")
"""
    toml = LEXICAL + 'model = { name = "late-fusion", classifier = "mine" }\n'
    with project(folder, code + hook("classifiers"), toml) as made:
        made.add_documents(make_documents(20)[0])
        made.review().record(Label("doc-00000", "yes"), Label("doc-00001", "no"))
        assert set(made.review().state().scores.tolist()) == {0.0}  # it knows nothing, as it was made to


def models(folder: Path) -> None:
    code = """
class F:
    def __init__(self, n):
        self.scores = np.stack([np.arange(n), -np.arange(n)], axis=1).astype(np.float32)
        self.probabilities = np.full((n, 2), 0.5, np.float32)
class C:
    def fit(self, state, rng): return F(state.n)
"""
    with project(folder, code + hook("models"), LEXICAL + 'model = "mine"\n') as made:
        made.add_documents(make_documents(20)[0])
        made.review().record(Label("doc-00000", "yes"), Label("doc-00001", "no"))
        assert list(made.review().next_batch(2)) == ["doc-00019", "doc-00018"]


STRATEGY = """
class C:
    needs = frozenset()
    def select(self, state, n, rng):
        longest = sorted(state.candidates, key=lambda row: -len(state.texts([row])[0]))
        return Selection(np.array(longest[:n]))
"""


def query_strategies(folder: Path) -> None:
    with project(folder, STRATEGY + hook("query_strategies"), LEXICAL + 'query_strategy = "mine"\n') as made:
        made.add_documents([Document(str(i), "word " * (i % 13)) for i in range(13)])
        assert list(made.review().next_batch(3)) == ["12", "11", "10"]


def oracles(folder: Path) -> None:
    code = "class C:\n    def label(self, documents, question, rng): return [None for d in documents]\n"
    with project(folder, code + hook("oracles"), LEXICAL) as made:
        documents, truth = make_documents(40)
        made.add_documents(documents)
        done = made.simulate(truth, oracle="mine", labels=40)
        assert {measured.accuracy for measured in done.rounds} == {None}  # who answers nothing teaches nothing


def stopping_rules(folder: Path) -> None:
    code = "class C:\n    needs = frozenset()\n    def check(self, state): return StopDecision(True, 'At once.')\n"
    with project(folder, code + hook("stopping_rules"), LEXICAL + 'stopping_rule = "mine"\n') as made:
        made.add_documents(make_documents(20)[0])
        assert made.review().should_stop().reason == "At once."


def exporters(folder: Path) -> None:
    code = """
class C:
    suffixes = (".ids",)
    def write(self, path, rows):
        ids = [row["id"] for row in rows]
        path.write_text(" ".join(ids))
        return len(ids)
"""
    with project(folder, code + hook("exporters"), LEXICAL) as made:
        made.add_documents(make_documents(3)[0])
        assert made.export(folder / "out.ids") == 3
        assert (folder / "out.ids").read_text() == "doc-00000 doc-00001 doc-00002"


def presets(folder: Path) -> None:
    code = "def C(): return dict(model='late-fusion', query_strategy='margin', cold_start='random', "
    code += "stopping_rule='never', batch_size=7)\n"
    with project(folder, code + hook("presets"), LEXICAL.replace("batch_size = 20", 'preset = "mine"')) as made:
        made.add_documents(make_documents(30)[0])
        assert len(made.review().next_batch()) == 7
        assert made.review().should_stop().reason.startswith("No stopping rule")


def commands(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code = """
import docreview
@docreview.hookimpl
def register_commands(cli):
    import click
    @cli.command("greet")
    def greet():
        "Say hello."
        click.echo("Hello from a plugin.")
"""
    distribution(folder / "site", "greeter", code)
    monkeypatch.syspath_prepend(folder / "site")
    monkeypatch.setenv("DOCREVIEW_DISABLE_PLUGINS", "")
    plugin_commands.cache_clear()
    for arguments, said in ((["--help"], "Say hello."), (["greet"], "Hello from a plugin.")):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert not ended.value.code
        assert said in capsys.readouterr().out
    plugin_commands.cache_clear()


def test_each_register_hook_has_its_case() -> None:
    cases = {name for name in HOOKS if name.startswith("register_")}
    assert cases == {f"register_{name}" for name in (*REGISTERING, "commands")}
    assert set(HOOKS) - cases == {"render_document", "labels_recorded"}


REGISTERING: dict[str, Callable[[Path], None]] = {
    case.__name__: case
    for case in (
        importers, text_processors, embedders, views, indexes, classifiers, models, query_strategies, oracles,
        stopping_rules, exporters, presets,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", REGISTERING)
def test_what_a_plugin_registers_is_at_work(tmp_path: Path, name: str) -> None:
    REGISTERING[name](tmp_path)


def test_commands_of_a_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands(tmp_path, monkeypatch, capsys)


TOLD = """
import csv
@docreview.hookimpl
def labels_recorded(review, labels):
    with open("FILE", "a", newline="") as file:
        csv.writer(file).writerows((review.name, label.document_id, label.value) for label in labels)
@docreview.hookimpl
def render_document(document): return document.text.upper() if "copyleft" in document.text else None
"""
DEAF = """
import docreview
@docreview.hookimpl(tryfirst=True)
def labels_recorded(labels): raise RuntimeError("no mail")
@docreview.hookimpl(tryfirst=True)
def render_document(document): raise RuntimeError("no screen")
"""


def test_labels_recorded_and_render_document_reach_every_plugin_that_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = tmp_path / "told.csv"
    (tmp_path / "deaf.py").write_text(DEAF)
    with project(tmp_path, TOLD.replace("FILE", str(told)), LEXICAL):
        pass
    file = (tmp_path / "docreview.toml").read_text()
    (tmp_path / "docreview.toml").write_text(file.replace('["mine.py"]', '["deaf.py", "mine.py"]'))
    with Project.open(tmp_path) as made:
        made.add_documents(make_documents(20)[0])
        made.review().record(Label("doc-00003", "yes"), Label("doc-00004", None))
        with told.open(newline="") as rows:
            assert list(csv.reader(rows)) == [["copyleft", "doc-00003", "yes"], ["copyleft", "doc-00004", ""]]
        assert "plugin deaf file-" in caplog.text
        assert "failed in labels_recorded: RuntimeError: no mail" in caplog.text
        shown = next(made.plugins.tell("render_document", document=Document("x", "a copyleft text")), None)
        assert shown == "A COPYLEFT TEXT"
        assert "failed in render_document: RuntimeError: no screen" in caplog.text
        assert list(made.plugins.tell("render_document", document=Document("x", "another"))) == []


def test_what_is_shown_must_be_text_and_nothing_is_printed_between(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "@docreview.hookimpl\ndef render_document(document):\n    print('noise')\n    return 7\n"
    with project(tmp_path, code, LEXICAL) as made:
        version = made.plugins.loaded["mine"]
        assert list(made.plugins.tell("render_document", str, document=Document("x", "a text"))) == []
    assert f"plugin mine {version}: render_document must return str, got int" in caplog.text
    out, err = capfd.readouterr()
    assert (out, err) == ("", "noise\n")


def test_an_implementation_may_take_fewer_arguments() -> None:
    class Few:
        told: list[Any] = []  # noqa: RUF012

        @hookspecs.hookimpl
        def labels_recorded(self, labels: Any) -> None:
            self.told.extend(labels)

    plugins = load_plugins([("few", Few())])
    list(plugins.tell("labels_recorded", review=None, labels=[1, 2]))
    assert Few.told == [1, 2]


def test_an_argument_that_will_go_is_warned_of_and_the_plugin_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """How an argument is taken away: for one version at least, whoever takes it is told."""
    spec = pluggy.HookspecMarker("docreview")

    def labels_recorded(review: Any, labels: Any) -> None:
        """As today, but `review` will go."""

    going = spec(warn_on_impl_args={"review": DeprecationWarning("'review' will go in API 2: take 'labels' alone.")})
    monkeypatch.setattr(hookspecs, "labels_recorded", going(labels_recorded))

    class Old:
        @hookspecs.hookimpl
        def labels_recorded(self, review: Any, labels: Any) -> None: ...

    class New:
        @hookspecs.hookimpl
        def labels_recorded(self, labels: Any) -> None: ...

    with caplog.at_level(logging.WARNING):
        plugins = load_plugins([("old", Old()), ("new", New())])
    assert set(plugins.loaded) == {"docreview", "old", "new"}
    assert plugins.warnings == {"old": ["'review' will go in API 2: take 'labels' alone."]}
