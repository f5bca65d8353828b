"""Plugins that go wrong, each in its own way: a line names the culprit, and whatever does not need it goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plugin_support import distribution
from support import LEXICAL, make_documents

from docreview import Label, Project
from docreview.cli import main
from docreview.errors import ComponentError, ContractViolation, PluginFailed
from docreview.plugins import load_plugins

HEAD = """
import docreview
import numpy as np
from docreview import Selection, StopDecision

docreview_api = 1

class Strategy:
    needs = frozenset()
    def select(self, state, n, rng):
        n = min(n, state.candidates.size)
        {body}

@docreview.hookimpl
def register_query_strategies(register):
    register("hostile", Strategy)
"""
MODEL = HEAD.replace("needs = frozenset()", 'needs = frozenset({{"model"}})')

#: what the strategy does -> what is said of it
HOSTILE: dict[str, tuple[str, str, str]] = {
    "raises": (HEAD, "return 1 / 0", "failed while selecting in round 1: ZeroDivisionError: division by zero"),
    "leaves": (HEAD, "raise SystemExit(3)", "failed while selecting in round 1: SystemExit: 3"),
    "no selection": (HEAD, "return state.candidates[:n]", "it must return a Selection, got ndarray"),
    "wrong shape": (HEAD, "return Selection(state.candidates[:n, None])", "rows must be a 1-d array of whole numbers"),
    "too few": (HEAD, "return Selection(state.candidates[:n - 1])", "asked for 20 rows, it returned 19"),
    "duplicates": (HEAD, "return Selection(np.full(n, state.candidates[0]))", "it returned a row twice"),
    "not in the pool": (HEAD, "return Selection(np.arange(n) + state.n)", "row 200 is not among the candidates"),
    "nan": (HEAD, "return Selection(state.candidates[:n], np.full(n, np.nan))", "scores must be finite"),
    "chances": (
        HEAD,
        "return Selection(state.candidates[:n], None, np.zeros(n))",
        "probabilities of being drawn must lie in (0, 1]",
    ),
    "words for scores": (HEAD, "return Selection(state.candidates[:n], ['a'] * n)", "scores must be numbers"),
    "huge rows": (
        HEAD,
        "return Selection(np.broadcast_to(np.int64(1), (10**13,)))",
        "asked for 20 rows, it returned 10000000000000",
    ),
    "huge memory": (HEAD, "np.empty((10**9, 10**6))", "failed while selecting in round 1: "),
    "endless": (HEAD, "\n        while True: pass", "it was still selecting after 0.5 s ([plugins] time_limit in"),
    "writes to labels": (HEAD, "state.labels[:] = 0", "failed while selecting in round 1: ValueError: assignment dest"),
    "unlocks labels": (HEAD, "state.labels.flags.writeable = True", "ValueError: cannot set WRITEABLE flag to True"),
    "unlocks vectors": (
        HEAD,
        "state.views['lexical'].matrix.data.flags.writeable = True",
        "ValueError: cannot set WRITEABLE flag to True",
    ),
    "swaps views": (HEAD, "state.views['lexical'] = None", "TypeError: 'mappingproxy' object does not support item"),
    "swaps fields": (HEAD, "state.n = 3", "FrozenInstanceError: cannot assign to field 'n'"),
    "constant scores": (
        MODEL,
        "return Selection(rng.choice(state.candidates, n, replace=False), np.full(n, 0.5))",
        "it gave the score 0.5 to every document, which is no better than order by chance",
    ),
}


def hostile_project(folder: Path, code: str, more: str = 'query_strategy = "hostile"\n') -> Project:
    """A project of 200 documents whose one-file plugin goes wrong; it may have been answered twenty times before."""
    folder.mkdir(exist_ok=True)
    (folder / "hostile.py").write_text(code)
    (folder / "docreview.toml").write_text('[plugins]\nfiles = ["hostile.py"]\ntime_limit = 0.5\n' + LEXICAL + more)
    project = Project.open(folder)
    if not project.store.n:
        project.add_documents(make_documents(200)[0])
    return project


def taught(project: Project) -> Project:
    """Answer enough to have a model."""
    truth = make_documents(200)[1]
    project.review().record(*(Label(i, truth[i]) for i in list(truth)[:20]))
    return project


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_strategy_is_named_and_nothing_is_lost(tmp_path: Path, name: str) -> None:
    template, body, said = HOSTILE[name]
    project = hostile_project(tmp_path / "p", template.format(body=body))
    if template == MODEL:
        taught(project)
    review = project.review()
    before = project.store.last(review.chain)
    began = time.monotonic()
    with pytest.raises(ComponentError) as caught:
        review.next_batch()
    assert time.monotonic() - began < 20
    message = str(caught.value)
    version = project.plugins.loaded["hostile"]
    assert message.startswith(f"query strategy 'hostile' (hostile {version}) ")
    assert said in message
    assert "round 1" in message
    assert "\n" not in message
    assert project.store.last(review.chain) == before  # nothing of the batch is in the record
    # what does not need the strategy goes on: answers, status, export, report, replay
    review.record(Label("doc-00150", "no"))
    assert project.status().read == review.state().read > 0
    assert project.export(tmp_path / "out.csv") == 200
    project.report(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["documents"] == 200
    assert project.replay() == []
    project.close()


def test_scores_that_are_even_for_a_reason_are_let_be(tmp_path: Path) -> None:
    """The best twenty may well be even: only a strategy that tells nothing apart is refused."""
    body = """
        pool = rng.permutation(state.candidates)
        votes = (state.scores[pool] > np.quantile(state.scores[pool], 0.5)).astype(np.float32)
        order = np.argsort(-votes, kind="stable")[:n]
        return Selection(pool[order], votes[order])"""
    project = taught(hostile_project(tmp_path / "p", MODEL.format(body=body)))
    assert set(project.review().next_batch().scores) == {1.0}
    project.close()


OTHER_KINDS: dict[str, tuple[str, str, str, str]] = {
    "rule": (
        "stopping_rules",
        "class C:\n    needs = frozenset()\n    def check(self, state): return None",
        'stopping_rule = "hostile"\n',
        "stopping rule 'hostile' (hostile VERSION) broke its contract in round 2: it must return a StopDecision",
    ),
    "rule inside another": (
        "stopping_rules",
        "class C:\n    needs = frozenset()\n    def check(self, state): raise KeyError('x')",
        'stopping_rule = { name = "any", stopping_rules = ["never", "hostile"] }\n',
        "stopping rule 'hostile' (hostile VERSION) failed while deciding in round 2: KeyError: 'x'",
    ),
    "rule without end": (
        "stopping_rules",
        "class C:\n    needs = frozenset()\n    def check(self, state):\n        while True: pass",
        'stopping_rule = "hostile"\n',
        "stopping rule 'hostile' (hostile VERSION) broke its contract in round 2: it was still deciding after 0.5 s",
    ),
    "model of a wrong shape": (
        "models",
        "class F:\n    scores = probabilities = np.zeros((3, 2))\nclass C:\n    def fit(self, state, rng): return F()",
        'model = "hostile"\n',
        "model 'hostile' (hostile VERSION) broke its contract in round 1: scores must have shape (200, 2), got (3, 2)",
    ),
    "model of absurd size": (
        "models",
        "class F:\n    scores = np.broadcast_to(np.float32(0), (10**9, 10**4))\n"
        "class C:\n    def fit(self, state, rng): return F()",
        'model = "hostile"\n',
        "scores must have shape (200, 2), got (1000000000, 10000)",
    ),
    "model that knows nothing": (
        "models",
        "class F:\n    def __init__(self, n): self.scores = self.probabilities = np.full((n, 2), np.nan)\n"
        "class C:\n    def fit(self, state, rng): return F(state.n)",
        'model = "hostile"\n',
        "model 'hostile' (hostile VERSION) broke its contract in round 1: scores must be finite",
    ),
    "probabilities that sum to two": (
        "models",
        "class F:\n    def __init__(self, n): self.scores = self.probabilities = np.ones((n, 2))\n"
        "class C:\n    def fit(self, state, rng): return F(state.n)",
        'model = "hostile"\nquery_strategy = "margin"\n',
        "probabilities must lie in 0 to 1 and each row must sum to one",
    ),
    "classifier that raises": (
        "classifiers",
        "from sklearn.base import BaseEstimator\nclass C(BaseEstimator):\n"
        "    def fit(self, X, y, sample_weight=None): raise RuntimeError('no luck')",
        'model = { name = "late-fusion", classifier = "hostile" }\n',
        "classifier 'hostile' (hostile VERSION) failed while fitting: RuntimeError: no luck",
    ),
    "classifier of a wrong shape": (
        "classifiers",
        "from sklearn.base import BaseEstimator\nclass C(BaseEstimator):\n"
        "    def fit(self, X, y, sample_weight=None): return self\n"
        "    def decision_function(self, X): return np.zeros((3, 1))",
        'model = { name = "late-fusion", classifier = "hostile" }\n',
        "classifier 'hostile' (hostile VERSION) broke its contract: its scores must have the shape (200, 1), got",
    ),
    "classifier of nan": (
        "classifiers",
        "from sklearn.base import BaseEstimator\nclass C(BaseEstimator):\n"
        "    def fit(self, X, y, sample_weight=None): return self\n"
        "    def decision_function(self, X): return np.full(X.shape[0], np.nan)",
        'model = { name = "late-fusion", classifier = "hostile" }\n',
        "classifier 'hostile' (hostile VERSION) broke its contract: its scores for the view 'lexical' must be finite",
    ),
    "preset that misspells": (
        "presets",
        "def C(): return {'query_stategy': 'random'}",
        'preset = "hostile"\n',
        "preset 'hostile' (hostile VERSION) broke its contract: a review has no setting 'query_stategy'. Did you mean",
    ),
    "factory that raises": (
        "query_strategies",
        "class C:\n    def __init__(self): raise OSError('no such model')",
        'query_strategy = "hostile"\n',
        "query strategy 'hostile' (hostile VERSION) could not be made: OSError: no such model",
    ),
}


@pytest.mark.parametrize("name", OTHER_KINDS)
def test_hostile_components_of_other_kinds(tmp_path: Path, name: str) -> None:
    kind, code, more, said = OTHER_KINDS[name]
    head = "import docreview\nimport numpy as np\n"
    tail = f"\n@docreview.hookimpl\ndef register_{kind}(register): register('hostile', C)\n"
    project = hostile_project(tmp_path / "p", head + code + tail, more)

    def go_on() -> None:
        taught(project).review().next_batch()
        project.review().should_stop()

    with pytest.raises((ContractViolation, PluginFailed)) as caught:
        go_on()
    assert said.replace("VERSION", project.plugins.loaded["hostile"]) in str(caught.value)
    assert "\n" not in str(caught.value)
    project.close()


READERS: dict[str, tuple[str, str, str]] = {
    "text processor": (
        "text_processors",
        "class C:\n    def __call__(self, text): return 7",
        "text processor 'hostile' (hostile VERSION) broke its contract: it must return text, got int",
    ),
    "view": (
        "views",
        "from docreview.types import Vectors\nclass C:\n    dense = True\n"
        "    def remaining(self, source, cache): return 0\n"
        "    def build(self, source, cache, progress): return Vectors(np.zeros((2, 3), np.float32), 'x')",
        "view 'hostile' (hostile VERSION) broke its contract: it must make one row a document, 30 in all, got",
    ),
    "embedder": (
        "embedders",
        "class C:\n    dim = 4\n    max_tokens = 9\n    fingerprint = 'x'\n"
        "    def count_tokens(self, texts): return np.ones(len(texts), int)\n"
        "    def embed(self, texts, *, query=False): return np.zeros((1, 9))",
        "embedder 'hostile' (hostile VERSION) broke its contract: it returned an array of shape (1, 9) instead of (",
    ),
    "index": (
        "indexes",
        "class S:\n    def search(self, vectors, k):\n"
        "        return np.full((len(vectors), k), 99), np.ones((len(vectors), k))\n"
        "class C:\n    def build(self, vectors, segments, cache, progress): return S()",
        "index 'hostile' (hostile VERSION) broke its contract: rows must be whole numbers from 0 to 29",
    ),
}
CORPUS = {
    "text processor": '[corpus]\ntext_processors = ["hostile"]\n' + LEXICAL,
    "view": "[views.hostile]\n" + LEXICAL,
    "embedder": '[views.semantic]\nembedder = { name = "hostile" }\n' + LEXICAL,
    "index": '[views.semantic]\nembedder = { name = "toy" }\n[index]\nname = "hostile"\n' + LEXICAL,
}
TOY = """
class Toy:
    dim, max_tokens, fingerprint = 8, 50, "toy"
    def count_tokens(self, texts): return np.array([len(t.split()) for t in texts])
    def embed(self, texts, *, query=False):
        return np.array([[len(t) % (7 + i) + 1.0 for i in range(8)] for t in texts], np.float32)
@docreview.hookimpl(specname="register_embedders")
def toy(register): register("toy", Toy)
"""


@pytest.mark.parametrize("name", READERS)
def test_hostile_readers_of_the_corpus(tmp_path: Path, name: str) -> None:
    kind, code, said = READERS[name]
    toy = TOY if kind == "indexes" else ""
    tail = f"\n@docreview.hookimpl\ndef register_{kind}(register): register('hostile', C)\n"
    (tmp_path / "hostile.py").write_text("import docreview\nimport numpy as np\n" + code + tail + toy)
    (tmp_path / "docreview.toml").write_text('[plugins]\nfiles = ["hostile.py"]\n' + CORPUS[name])
    with Project.open(tmp_path) as project:

        def read() -> None:
            project.add_documents(make_documents(30)[0])
            project.embed()

        with pytest.raises(ContractViolation) as caught:
            read()
        assert said.replace("VERSION", project.plugins.loaded["hostile"]) in str(caught.value)
        assert project.store.n == 30  # the documents are in the record; only the view is missing


def test_strict_plugins_show_where(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    hostile_project(tmp_path / "p", HEAD.format(body="return 1 / 0")).close()
    for strict, expected in (("0", False), ("1", True)):
        monkeypatch.setenv("DOCREVIEW_STRICT_PLUGINS", strict)
        with pytest.raises(SystemExit) as ended:
            main(["next", "-p", str(tmp_path / "p")])
        assert ended.value.code == 1
        err = capfd.readouterr().err
        assert "query strategy 'hostile'" in err
        assert ("Traceback" in err and "hostile.py" in err) == expected


BROKEN = {
    "import-error": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "misspelled-hook": (
        "import docreview\n@docreview.hookimpl\ndef register_query_stategies(register): ...",
        "there is no hook 'register_query_stategies'. Did you mean 'register_query_strategies'?",
    ),
    "old-api": (
        "docreview_api = 0\nimport docreview\n@docreview.hookimpl\ndef register_oracles(register): ...",
        "it was written for plugin API 0, and this docreview has API 1",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_plugin_that_is_not_let_in_leaves_every_command_working(
    tmp_path: Path, lexical_project: Callable[..., Project], name: str
) -> None:
    """The real command line, with a real distribution on its path."""
    code, said = BROKEN[name]
    distribution(tmp_path / "site", name.replace("-", "_"), code)
    folder = lexical_project(60).folder
    truth = make_documents(60)[1]
    (tmp_path / "labels.jsonl").write_text(
        "".join(json.dumps({"id": i, "text": "x", "label": v}) + "\n" for i, v in truth.items())
    )
    (tmp_path / "more.csv").write_text("id,text\nnew,A new licence.\n")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from docreview.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", start, str(tmp_path / "site"), *map(str, arguments)],
            capture_output=True, text=True, timeout=120, cwd=folder,
        )  # fmt: skip

    for arguments in (
        ("--help",), ("add", tmp_path / "more.csv"), ("next",), ("record", "doc-00001", "yes"), ("status",),
        ("export", tmp_path / "out.csv"), ("report", tmp_path / "out.html"), ("replay",),
        ("simulate", "--truth", tmp_path / "labels.jsonl", "--seeds", "1", "--labels", "20"),
    ):  # fmt: skip
        done = run(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    shown = run("plugins")
    assert shown.returncode == 0
    told = " ".join(shown.stdout.split())
    assert name.replace("-", "_") in told
    assert said in told
    # what needs it stops with one line
    needs = run("simulate", "--truth", tmp_path / "labels.jsonl", "--strategy", "hostile")
    assert needs.returncode == 1
    assert len(needs.stderr.strip().splitlines()) == 1
    assert said.rstrip("?.") in needs.stderr


# ------------------------------------------------------------------------------------------- what is not touched by it

TEXT_EDITOR = """
class C:
    suffixes = (".mine",)
    BODY
"""
SPOILERS = {
    "exporter that cannot be made": ("exporters", "def __init__(self): raise OSError('no server')"),
    "exporter with a setting it needs": ("exporters", "def __init__(self, server: str): pass"),
    "importer that cannot be made": ("importers", "def __init__(self): raise OSError('no server')"),
    "importer without endings": ("importers", "suffixes = property(lambda self: 1 / 0)\n    def read(self): pass"),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_one_bad_format_leaves_the_others(tmp_path: Path, name: str) -> None:
    kind, body = SPOILERS[name]
    methods = "" if "def read" in body else "\n    def read(self): pass\n    def write(self): pass"
    code = "import docreview\n" + TEXT_EDITOR.replace("BODY", body + methods)
    code += f"\n@docreview.hookimpl\ndef register_{kind}(register): register('hostile', C)\n"
    with hostile_project(tmp_path / "p", code, "") as project:
        (tmp_path / "more.csv").write_text("id,text\nnew,A new licence.\n")
        assert project.add(tmp_path / "more.csv").added == 1
        assert project.export(tmp_path / "out.csv") == 201


def test_a_plugin_that_is_gone_keeps_nobody_from_answers_and_exports(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = HEAD.format(body="return Selection(state.candidates[:n])")
    with hostile_project(tmp_path / "p", good) as project:
        project.review().next_batch()
    (tmp_path / "p" / "hostile.py").write_text("raise RuntimeError('gone')")
    with Project.open(tmp_path / "p") as project:
        assert "the plugin 'hostile' was not let in: RuntimeError: gone." in caplog.text
        review = project.review()
        review.record(Label("doc-00000", "yes"), Label("doc-00001", "no"))
        status = project.status()
        assert status.read == 2
        assert "there is no query strategy 'hostile'. The plugin 'hostile' was not let in" in status.stop.reason
        assert project.export(tmp_path / "out.csv") == 200
        project.report(tmp_path / "out.html")
        for document_id in review.pending:
            review.record(Label(document_id, "no"))
        with pytest.raises(ComponentError, match="The plugin 'hostile' was not let in"):
            review.next_batch()


NOT_EXCEPTIONS = {
    "cancelled": "import asyncio\nraise asyncio.CancelledError()",
    "base": "raise BaseException('x')",
    "generator": "raise SystemExit",
    "speechless": "class E(Exception):\n    __str__ = lambda self: 1 / 0\nraise E()",
}


@pytest.mark.parametrize("name", NOT_EXCEPTIONS)
def test_whatever_is_raised_is_the_plugins(tmp_path: Path, name: str) -> None:
    code = NOT_EXCEPTIONS[name]
    (tmp_path / "bad.py").write_text(code)
    assert len(load_plugins(files=[tmp_path / "bad.py"]).quarantined) == 1
    inside = "\n        ".join(["", *code.splitlines()])
    with hostile_project(tmp_path / "p", HEAD.format(body=inside)) as project, pytest.raises(PluginFailed):
        project.review().next_batch()


def test_what_a_plugin_prints_does_not_stand_in_the_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noisy = "print('at import')\n" + HEAD.format(body="print('at work'); return Selection(state.candidates[:n])")
    hostile_project(tmp_path / "p", noisy).close()
    capfd.readouterr()
    with pytest.raises(SystemExit):
        main(["next", "--json", "-p", str(tmp_path / "p")])
    out, err = capfd.readouterr()
    assert all(json.loads(line) for line in out.splitlines())
    assert "at work" in err


def test_what_a_strategy_does_to_its_state_is_its_own(tmp_path: Path) -> None:
    body = """
        matrix = state.views["lexical"].matrix
        matrix.data = np.zeros_like(matrix.data)
        state.__dict__["pool"] = np.array(state.reviewed)
        object.__setattr__(state, "n", 3)
        return Selection(rng.choice(POOL, n, replace=False))"""
    good = body.replace("POOL", "np.arange(100, 180)")
    with taught(hostile_project(tmp_path / "p", HEAD.format(body=good))) as project:
        before = project.corpus.vectors("lexical").matrix.sum()
        assert len(project.review().next_batch()) == 20
        assert project.corpus.vectors("lexical").matrix.sum() == before > 0
        assert project.replay() == []
    asked_before = HEAD.format(body=body.replace("POOL", "state.pool"))
    with (
        taught(hostile_project(tmp_path / "q", asked_before)) as project,
        pytest.raises(ContractViolation, match="is not among the candidates"),
    ):
        project.review().next_batch()


def test_a_model_s_outcome_cannot_be_written_to(tmp_path: Path) -> None:
    body = "\n        state.fitted().scores[:] = 1"
    project = taught(hostile_project(tmp_path / "p", MODEL.format(body=body)))
    with project, pytest.raises(PluginFailed, match="read-only"):
        project.review().next_batch()


def test_an_exporter_that_lies_is_found_out(tmp_path: Path) -> None:
    code = "import docreview\nclass C:\n    suffixes = ('.mine',)\n    def write(self, path, rows): return 3\n"
    code += "@docreview.hookimpl\ndef register_exporters(register): register('hostile', C)\n"
    lie = "it was given 0 rows and says that it wrote 3"
    with hostile_project(tmp_path / "p", code, "") as project, pytest.raises(ContractViolation, match=lie):
        project.export(tmp_path / "out.mine")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("'no', 'because'", "stop must be True or False, got 'no'"),
        ("True, 'two\\nlines'", "a decision must give its reason, in one line"),
        ("True, 'why', {'a': [1]}", "evidence must be plain, finite values, got a = [1]"),
        ("True, 'why', {'a': float('nan')}", "evidence must be plain, finite values, got a = nan"),
        ("True, 'why', [1]", "evidence must be a table, got list"),
    ],
)
def test_decisions_are_checked(tmp_path: Path, answer: str, said: str) -> None:
    code = f"class C:\n    needs = frozenset()\n    def check(self, state): return docreview.StopDecision({answer})\n"
    code += "@docreview.hookimpl\ndef register_stopping_rules(register): register('hostile', C)\n"
    with hostile_project(tmp_path / "p", "import docreview\n" + code, 'stopping_rule = "hostile"\n') as project:
        with pytest.raises(ContractViolation) as caught:
            project.review().should_stop()
        assert said in str(caught.value)


def test_a_truth_of_numpys_is_one(tmp_path: Path) -> None:
    code = "import docreview, numpy as np\nclass C:\n    needs = frozenset()\n"
    code += "    def check(self, state): return docreview.StopDecision(np.bool_(True), 'so')\n"
    code += "@docreview.hookimpl\ndef register_stopping_rules(register): register('hostile', C)\n"
    with hostile_project(tmp_path / "p", code, 'stopping_rule = "hostile"\n') as project:
        assert project.review().should_stop().stop is True
