"""The documents chosen are those that scikit-activeml chooses; settings; odd corpora; a whole simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docreview_skactiveml import batches, committees, diversity, uncertainty
from docreview_skactiveml.coverage import SERVED
from skactiveml import pool
from skactiveml.base import SkactivemlClassifier
from skactiveml.classifier import ParzenWindowClassifier, SklearnClassifier
from sklearn.linear_model import LogisticRegression

from docreview import Document, Project
from docreview.errors import BadSetting, ComponentError
from docreview.testing import make_state
from docreview.types import ReviewState, Vectors

N = 9


class Centroids(SkactivemlClassifier):  # type: ignore[misc]
    """What `make_state`'s model says of any vector: softmax of 5 x cosine to the mean of each label's documents."""

    def __init__(self, classes: Any = None) -> None:
        super().__init__(classes=classes)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Centroids:
        self._validate_data(X, y)
        means = np.array([X[y == label].mean(axis=0) for label in self.classes_])
        self.means = means / np.linalg.norm(means, axis=1, keepdims=True)
        return self

    def predict_proba(self, X: Any) -> Any:
        odds = np.exp(5 * X @ self.means.T)
        return odds / odds.sum(axis=1, keepdims=True)


def question(state: ReviewState, seed: int) -> tuple[Any, Any, Any, Any, int]:
    """X, y, rows in the corpus, candidates and the seed, in the order in which the adapter draws them."""
    rng = np.random.default_rng(seed)
    drawn = state.candidates[rng.permutation(state.candidates.size)]
    rows = np.concatenate([state.labeled, drawn])
    y = np.concatenate([state.labels[state.labeled], np.full(drawn.size, np.nan)])
    X = np.asarray(state.views["semantic"].matrix, dtype=float)[rows]
    return X, y, rows, np.arange(state.labeled.size, rows.size), int(rng.integers(2**31))


def committee(X: Any, y: Any, seed: int, k: int) -> list[Any]:
    known, rng = ~np.isnan(y), np.random.default_rng(seed)
    return [
        SklearnClassifier(LogisticRegression(max_iter=1000), classes=list(range(k))).fit(
            X[known], y[known], rng.exponential(size=known.sum())
        )
        for _ in range(10)
    ]


def kernel(X: Any, k: int) -> Any:
    return ParzenWindowClassifier(metric="rbf", metric_dict={"gamma": 3.0}, classes=list(range(k)))


#: ours, and scikit-activeml's called with vectors and a classifier of its own
PAIRS: dict[str, tuple[Any, Any]] = {
    "margin": (
        uncertainty.UncertaintySampling(method="margin_sampling"),
        lambda s, X, y, seed: (
            pool.UncertaintySampling(method="margin_sampling"),
            {"clf": Centroids(range(len(s.question.labels)))},
        ),
    ),
    "entropy": (
        uncertainty.UncertaintySampling(method="entropy"),
        lambda s, X, y, seed: (
            pool.UncertaintySampling(method="entropy"),
            {"clf": Centroids(range(len(s.question.labels)))},
        ),
    ),
    "contrastive": (
        uncertainty.ContrastiveAL(n_neighbors=5),
        lambda s, X, y, seed: (pool.ContrastiveAL(), {"clf": Centroids(range(len(s.question.labels)))}),
    ),
    "probabilistic": (
        uncertainty.ProbabilisticAL(),
        lambda s, X, y, seed: (
            pool.ProbabilisticAL(metric="rbf"),
            {"clf": Centroids(range(len(s.question.labels)))},
        ),
    ),
    "expected-error": (
        uncertainty.MonteCarloEER(gamma=3.0),
        lambda s, X, y, seed: (pool.MonteCarloEER(), {"clf": kernel(X, len(s.question.labels))}),
    ),
    "value-of-information": (
        uncertainty.ValueOfInformationEER(gamma=3.0),
        lambda s, X, y, seed: (pool.ValueOfInformationEER(), {"clf": kernel(X, len(s.question.labels))}),
    ),
    "quire": (
        uncertainty.Quire(),
        lambda s, X, y, seed: (pool.Quire(classes=range(len(s.question.labels)), metric_dict={"gamma": 1.0}), {}),
    ),
    "committee": (
        committees.QueryByCommittee(),
        lambda s, X, y, seed: (
            pool.QueryByCommittee(),
            {"ensemble": committee(X, y, seed, len(s.question.labels)), "fit_ensemble": False},
        ),
    ),
    "batch-bald": (
        committees.BatchBALD(),
        lambda s, X, y, seed: (
            pool.BatchBALD(n_MC_samples=100, random_state=seed),
            {"ensemble": committee(X, y, seed, len(s.question.labels)), "fit_ensemble": False},
        ),
    ),
    "core-set": (diversity.CoreSet(), lambda s, X, y, seed: (pool.CoreSet(), {})),
    "typi-clust": (diversity.TypiClust(), lambda s, X, y, seed: (pool.TypiClust(random_state=seed), {})),
    "badge": (
        batches.Badge(),
        lambda s, X, y, seed: (pool.Badge(random_state=seed), {"clf": Centroids(range(len(s.question.labels)))}),
    ),
    "falcun": (
        batches.Falcun(),
        lambda s, X, y, seed: (pool.Falcun(random_state=seed), {"clf": Centroids(range(len(s.question.labels)))}),
    ),
}


@pytest.mark.parametrize("labels", [("relevant", "other"), ("a", "b", "c")], ids=["two labels", "three labels"])
@pytest.mark.parametrize("name", PAIRS)
def test_it_chooses_what_scikit_activeml_chooses(name: str, labels: tuple[str, ...]) -> None:
    state = make_state(labels=labels, target=None, validation=10)
    ours, theirs = PAIRS[name]
    chosen = ours.select(state, N, np.random.default_rng(5))
    X, y, rows, candidates, seed = question(state, 5)
    if name == "falcun":  # it looks at no vectors, and so at no labeled documents, whose number is in the seed
        X_all, known = X, ~np.isnan(y)
        clf = Centroids(range(len(labels))).fit(X_all, y)
        X, y, rows, candidates = X[~known], y[~known], rows[~known], candidates - known.sum()
        strategy, arguments = pool.Falcun(random_state=seed), {"clf": clf, "fit_clf": False}
    else:
        strategy, arguments = theirs(state, X, y, seed)
    picked, utilities = strategy.query(
        X=X, y=y, candidates=candidates, batch_size=N, return_utilities=True, **arguments
    )
    assert chosen.rows.tolist() == rows[picked].tolist()
    if name != "batch-bald":
        np.testing.assert_allclose(chosen.scores, utilities[np.arange(N), picked], rtol=1e-3, atol=1e-6)


def test_labels_of_a_locked_sample_are_not_shown() -> None:
    state = make_state(validation=20)
    assert (state.labels[state.samples[0].rows] >= 0).any()
    shown: list[Any] = []

    class Spy(diversity.CoreSet):
        def choose(self, case: Any, n: int) -> Any:
            shown.append((case.rows, case.labels))
            return super().choose(case, n)

    Spy().select(state, 5, np.random.default_rng(0))
    ((rows, labels),) = shown
    assert sorted(rows) == sorted(state.candidates)
    assert labels.tolist() == state.labels[state.labeled].tolist()


# --------------------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("name", [name for name in SERVED if name != "skactiveml-random-sampling"])
def test_more_than_a_part_is_chosen_part_by_part(name: str) -> None:
    state = make_state()
    strategy = SERVED[name](candidates=10)
    first = strategy.select(state, 10, np.random.default_rng(1)).rows
    more = strategy.select(state, 25, np.random.default_rng(1)).rows
    drawn = state.candidates[np.random.default_rng(1).permutation(state.candidates.size)]
    assert sorted(first) == sorted(drawn[:10])
    assert sorted(more[:20]) == sorted(drawn[:20])
    assert np.unique(more).size == 25


def test_of_many_labeled_documents_rare_labels_are_shown_whole() -> None:
    state = make_state(300, read=200, skipped=0)
    labels = state.labels.copy()
    labels[state.labeled] = 1
    rare = state.labeled[5:9]
    labels[rare] = 0
    state = replace(state, labels=labels)
    shown = diversity.CoreSet(labeled=20)._labeled(state, np.random.default_rng(0))
    assert shown.size == 20
    assert set(rare) < set(shown)


def test_many_labels_leave_room_for_fewer_candidates() -> None:
    few, many = (make_state(400, labels=tuple(f"l{i}" for i in range(k)), target=None, read=300) for k in (2, 150))
    wide = replace(many.views["semantic"], matrix=np.zeros((400, 1_000), np.float32))
    many = replace(many, views={"semantic": wide})
    assert batches.Badge().part(few) == 5_000
    assert batches.Badge().part(many) == 83


def test_a_question_with_many_labels_is_asked_about_its_target() -> None:
    labels = tuple(f"l{i}" for i in range(20))
    state = make_state(400, labels=labels, target="l3", read=300)
    strategy = uncertainty.ProbabilisticAL()
    assert strategy.select(state, 5, np.random.default_rng(0)).rows.size == 5
    without = replace(state, question=replace(state.question, target=None))
    with pytest.raises(BadSetting, match="with a target or with at most 10 labels, not with 20"):
        strategy.select(without, 5, np.random.default_rng(0))
    with pytest.raises(BadSetting, match="with a target or with at most 2 labels"):
        uncertainty.EpistemicUncertaintySampling().select(without, 5, np.random.default_rng(0))


# ------------------------------------------------------------------------------------------------------- odd corpora


def twins(state: ReviewState) -> ReviewState:
    """Every document looks like the next one, in both views."""
    rows = np.arange(state.n) // 2 * 2
    views = {name: Vectors(view.matrix[rows], view.fingerprint) for name, view in state.views.items()}
    return replace(state, views=views)


@pytest.mark.parametrize("name", [name for name, strategy in SERVED.items() if strategy.spatial])
@pytest.mark.parametrize("view", ["semantic", "lexical"])
def test_a_batch_holds_no_copies_while_there_is_anything_else(name: str, view: str) -> None:
    state = twins(make_state())
    state = replace(state, views={view: state.views[view]}, neighbors=None)
    matrix: Any = state.views[view].matrix
    vectors = matrix if view == "semantic" else matrix.toarray()
    known = {row.tobytes() for row in vectors[state.labeled]}
    fresh = {row.tobytes() for row in vectors[state.candidates]} - known
    rows = SERVED[name]().select(state, len(fresh) + 3, np.random.default_rng(0)).rows
    assert {row.tobytes() for row in vectors[rows[: len(fresh)]]} == fresh


def test_what_is_chosen_twice_is_taken_once_and_the_strategy_asked_again() -> None:
    asked: list[int] = []

    class Stutters(diversity.CoreSet):
        def choose(self, case: Any, n: int) -> Any:
            asked.append(n)
            chosen, scores = super().choose(case, n)
            return np.append(chosen[:1], chosen[:-1]), np.append(scores[:1], scores[:-1])

    state = make_state()
    stuttered = Stutters().select(state, 5, np.random.default_rng(0))
    plain = diversity.CoreSet().select(state, 5, np.random.default_rng(0))
    assert asked == [5, 1]
    assert stuttered.rows.tolist() == plain.rows.tolist()


def test_without_a_view_the_message_says_what_to_do() -> None:
    with pytest.raises(BadSetting, match="no view is ready; run 'docreview embed'"):
        diversity.CoreSet().select(replace(make_state(), views={}), 5, np.random.default_rng(0))


def test_what_needs_no_vectors_needs_no_view() -> None:
    state = replace(make_state(), views={})
    for strategy in (uncertainty.UncertaintySampling(), batches.Falcun(), diversity.RandomSampling()):
        assert strategy.select(state, 5, np.random.default_rng(0)).rows.size == 5


def test_random_sampling_says_how_likely_each_was() -> None:
    state = make_state()
    drawn = diversity.RandomSampling().select(state, 8, np.random.default_rng(0))
    assert drawn.scores is None
    np.testing.assert_allclose(drawn.probabilities, 8 / state.candidates.size)


# ---------------------------------------------------------------------------------------------------------- settings


def test_costs_change_what_is_chosen() -> None:
    state = make_state()
    even, dear = (uncertainty.UncertaintySampling(cost_matrix=costs) for costs in (((0, 1), (1, 0)), ((0, 9), (1, 0))))
    first, second = (strategy.select(state, N, np.random.default_rng(0)).rows for strategy in (even, dear))
    assert sorted(first) != sorted(second)


def test_expected_average_precision_is_for_few() -> None:
    strategy = uncertainty.UncertaintySampling(candidates=8, method="expected_average_precision")
    assert strategy.select(make_state(), 3, np.random.default_rng(0)).rows.size == 3


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("badge", {"candidates": 0}, "'candidates' must be at least 1, got 0"),
        ("core-set", {"labeled": 1}, "'labeled' must be at least 2"),
        ("uncertainty-sampling", {"method": "entropie"}, "'method' must be one of"),
        ("uncertainty-sampling", {"method": "entropy", "cost_matrix": [[0, 1], [1, 0]]}, "knows no costs"),
        ("uncertainty-sampling", {"method": "expected_average_precision"}, "set 'candidates' to 50 or less"),
        ("uncertainty-sampling", {"cost_matrix": [[0, 1]]}, "must have 2 rows of 2 numbers"),
        ("monte-carlo-eer", {"method": "log_loss", "cost_matrix": [[0, 1], [1, 0]]}, "knows no costs"),
        ("value-of-information-eer", {"consider_labeled": False, "consider_unlabeled": False}, "no error to count"),
        ("query-by-committee", {"members": 1}, "'members' must be at least 2"),
        ("batch-bald", {"monte_carlo_samples": 5}, "'monte_carlo_samples' must be at least 10"),
        ("prob-cover", {"alpha": 1.0}, "'alpha' must lie between 0 and 1"),
        ("prob-cover", {"deltas": []}, "'deltas' must be at least 1"),
        ("drop-query", {"n_dropout_samples": 2}, "'n_dropout_samples' must be at least 3"),
        ("four-ds", {"lmbda": 2.0}, "'lmbda' must lie between 0 and 1"),
        ("quire", {"lambda": 2.0}, "has no setting 'lambda'. Did you mean 'lmbda'?"),
    ],
)
def test_a_wrong_setting_is_told(name: str, settings: dict[str, Any], message: str, dense_project: Any) -> None:
    project, truth = dense_project
    wrong = {"query_strategy": {"name": f"skactiveml-{name}", **settings}}
    with pytest.raises(ComponentError, match=message):
        project.simulate(truth, overrides=wrong, labels=40)


# -------------------------------------------------------------------------------------------------------- simulation

LETTERS = '''
import numpy as np
import docreview

docreview_api = 1


class Words:
    """Counts of words by a hash: a stand-in for an encoder."""

    dim = 48
    max_tokens = 1000
    fingerprint = "words"

    def count_tokens(self, texts):
        return np.array([len(text.split()) for text in texts])

    def embed(self, texts, *, query=False):
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                vectors[row, sum(map(ord, word)) % self.dim] += 1
        return vectors


@docreview.hookimpl
def register_embedders(register):
    register("words", Words)
'''
CONFIG = """
[plugins]
files = ["words.py"]
[views.lexical]
{dense}
[questions.leases]
prompt = "Is it about a lease?"
labels = ["yes", "no"]
target = "yes"
batch_size = 10
"""
TOPICS = {"yes": "lease tenant rent landlord premises", "no": "loan bank interest credit debtor"}
FILLER = "the of and to in that is for it as with be by on are this"


def documents(n: int) -> tuple[list[Document], dict[str, str]]:
    rng = np.random.default_rng(0)
    made, truth = [], {}
    for i in range(n):
        label = "yes" if rng.random() < 0.3 else "no"
        words = [*rng.choice(TOPICS[label].split(), 3), *rng.choice(FILLER.split(), 8), f"number{i}"]
        made.append(Document(f"d{i}", " ".join(map(str, words))))
        truth[f"d{i}"] = label
    return made, truth


def opened(folder: Path, dense: str) -> tuple[Project, Mapping[str, str]]:
    (folder / "words.py").write_text(LETTERS, "utf-8")
    (folder / "docreview.toml").write_text(CONFIG.format(dense=dense), "utf-8")
    project = Project.open(folder)
    made, truth = documents(160)
    project.add_documents(made)
    project.embed()
    return project, truth


@pytest.fixture(scope="module")
def dense_project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    project, truth = opened(tmp_path_factory.mktemp("dense"), '[views.semantic]\nembedder = "words"')
    yield project, truth
    project.close()


@pytest.fixture(scope="module")
def lexical_project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    project, truth = opened(tmp_path_factory.mktemp("lexical"), "")
    yield project, truth
    project.close()


@pytest.mark.parametrize("name", SERVED)
def test_a_simulation_runs(name: str, dense_project: Any) -> None:
    project, truth = dense_project
    cold = name if "model" not in SERVED[name].needs else "random"
    done = project.simulate(truth, overrides={"query_strategy": {"name": name}, "cold_start": cold}, labels=30)
    assert np.unique(done.rows).size == 30


def test_a_project_of_words_alone_is_reduced_to_dense_vectors(lexical_project: Any) -> None:
    project, truth = lexical_project
    for name in ("skactiveml-badge", "skactiveml-core-set"):
        done = project.simulate(truth, overrides={"query_strategy": {"name": name, "candidates": 100}}, labels=40)
        assert np.unique(done.rows).size == 40


def test_uncertainty_sampling_finds_more_than_chance(dense_project: Any) -> None:
    project, truth = dense_project
    found = {}
    for name in ("skactiveml-uncertainty-sampling", "skactiveml-random-sampling"):
        runs = [project.simulate(truth, overrides={"query_strategy": name}, labels=50, seed=s) for s in range(2)]
        found[name] = sum(int(run.hits.sum()) for run in runs)
    assert found["skactiveml-uncertainty-sampling"] > found["skactiveml-random-sampling"]
