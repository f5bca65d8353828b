"""The strategies keep docreview's promises, choose what small-text would, and leave nothing of it out unsaid."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import docreview_small_text
import numpy as np
import pytest
import scipy.sparse as sp
import small_text
from docreview_small_text import NOT_SERVED, STRATEGIES
from docreview_small_text.adapter import Frame
from docreview_small_text.served import ExactIndex
from docreview_small_text.strategies import Base
from small_text.query_strategies import QueryStrategy

from docreview import Document, Project
from docreview.errors import BadSetting
from docreview.testing import CHECKS, make_state, parametrize_with_checks
from docreview.types import ReviewState, Vectors

# what small-text says whenever its data sets and its coreset are made
pytestmark = [
    pytest.mark.filterwarnings("ignore:The function get_flattened_unique_labels has been:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Default distance metric has changed:UserWarning"),
]

BASES = get_args(Base)
COMPONENTS = {name: strategy() for name, strategy in STRATEGIES.items()}
#: settings small enough to narrow the pool of 80 that most checks have
NARROW = {
    "greedy-coreset": STRATEGIES["greedy-coreset"](candidates=25),
    "subsampling": STRATEGIES["subsampling"](base="contrastive-active-learning", subsample_size=30),
    "seals": STRATEGIES["seals"](k=3),
    "anchor-subsampling": STRATEGIES["anchor-subsampling"](subsample_size=20, num_anchors=3, k=5),
}
QUICK = [check for check in CHECKS["query_strategies"] if not check.__name__.endswith(("_time", "_memory"))]


@parametrize_with_checks("query_strategies", COMPONENTS)
def test_conformance(component: Any, check: Callable[[Any], None]) -> None:
    """Every strategy keeps the promises of its kind."""
    check(component)


@pytest.mark.parametrize("check", QUICK)
@pytest.mark.parametrize("name", NARROW)
def test_conformance_where_the_pool_is_narrowed(name: str, check: Callable[[Any], None]) -> None:
    """Also where only a part of the pool is looked at."""
    check(NARROW[name])


def select(strategy: Any, state: ReviewState, n: int, seed: int = 0) -> Any:
    """What the strategy chooses."""
    return strategy.select(state, n, np.random.default_rng(seed))


# ------------------------------------------------------------------------------------------------------------- coverage


def subclasses(of: type) -> Iterator[type]:
    """All subclasses, direct and not."""
    for subclass in of.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def found_in_small_text() -> set[str]:
    """Names of all strategies that any module of small-text defines."""
    for module in pkgutil.walk_packages(small_text.__path__, "small_text."):
        importlib.import_module(module.name)
    return {found.__name__ for found in subclasses(QueryStrategy) if found.__module__.startswith("small_text.")}


def test_every_strategy_is_served_or_listed_with_a_reason() -> None:
    """None is missing, none is listed that is not there, and none is both."""
    served = {strategy.__name__ for strategy in STRATEGIES.values()}
    found = found_in_small_text()
    assert {"BADGE", "ExpectedGradientLengthMaxWord", "AnchorSubsampling"} <= found
    assert served | set(NOT_SERVED) == found
    assert not served & set(NOT_SERVED)
    assert all(len(reason) > 40 for reason in NOT_SERVED.values())


def test_the_readme_has_them_all() -> None:
    """With every setting and every reason."""
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    for name, strategy in STRATEGIES.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `small-text-{name}` |"))
        for setting in fields(strategy):
            shown = f"`{setting.name} = {setting.default}`".replace("= breaking-ties", '= "breaking-ties"')
            assert (f"`{setting.name}`" if setting.default is None else shown) in row
    for name, reason in NOT_SERVED.items():
        assert f"| `{name}` | {reason} |" in text


def test_importing_the_plugin_is_light() -> None:
    """Neither small-text nor numpy is imported before a strategy is asked."""
    code = "import sys, docreview_small_text; print({'small_text', 'torch', 'numpy', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_each_registers_under_its_name() -> None:
    """The hook hands over every factory."""
    seen: dict[str, Any] = {}
    docreview_small_text.register_query_strategies(register=seen.__setitem__)
    assert seen == {f"small-text-{name}": strategy for name, strategy in STRATEGIES.items()}


# ---------------------------------------------------------------------------------------------- the same as small-text


class Plain(small_text.Classifier):  # type: ignore[misc]
    """Hands small-text the numbers of a state, at corpus rows: written apart from the adapter."""

    def __init__(self, state: ReviewState) -> None:
        self.probabilities, self.vectors = state.probabilities, state.views["semantic"].matrix
        self.num_classes = len(state.question.labels)

    def fit(self, train_set: Any, weights: Any = None) -> Any:
        raise NotImplementedError

    def predict(self, data_set: Any, return_proba: bool = False) -> Any:
        raise NotImplementedError

    def predict_proba(self, data_set: Any) -> Any:
        return self.probabilities[data_set.x.ravel()]

    def embed(self, data_set: Any, return_proba: bool = False, pbar: Any = None) -> Any:
        vectors = self.vectors[data_set.x.ravel()]
        return (vectors, self.predict_proba(data_set)) if return_proba else vectors


def directly(strategy: Any, state: ReviewState, n: int, unlabeled: Any = None) -> list[int]:
    """Rows that small-text itself chooses, over the whole corpus in its own order."""
    everything = small_text.SklearnDataset(
        np.arange(state.n)[:, None], state.labels.copy(), target_labels=np.arange(len(state.question.labels))
    )
    pool = state.candidates if unlabeled is None else unlabeled
    chosen = strategy.query(
        Plain(state), everything, np.array(pool), np.array(state.labeled), state.labels[state.labeled], n=n
    )
    return [int(row) for row in chosen]


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """The global generator with a seed, and as it was afterwards."""
    kept = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    yield
    np.random.set_state(kept)  # noqa: NPY002


@pytest.fixture(params=[2, 5], ids=["two labels", "five labels"])
def state(request: pytest.FixtureRequest) -> ReviewState:
    """A review in which no two documents are alike, with locked samples."""
    labels = tuple("abcde"[: request.param])
    return make_state(300, labels=labels, target=None, read=60, validation=20, seed=request.param)


DIRECT: dict[str, Callable[[], Any]] = {
    "breaking-ties": small_text.BreakingTies,
    "least-confidence": small_text.LeastConfidence,
    "prediction-entropy": small_text.PredictionEntropy,
    "contrastive-active-learning": lambda: small_text.ContrastiveActiveLearning(pbar=None),
    "greedy-coreset": small_text.GreedyCoreset,
    "seals": lambda: small_text.SEALS(small_text.BreakingTies(), k=100),
}


@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.parametrize("n", [1, 12])
def test_it_chooses_what_small_text_chooses(name: str, n: int, state: ReviewState) -> None:
    """Where nothing is left to chance: the same rows, whatever order the pool is handed over in."""
    expected = directly(DIRECT[name](), state, n)
    for seed in (0, 1):
        assert sorted(select(STRATEGIES[name](), state, n, seed).rows) == sorted(expected)


@pytest.mark.filterwarnings("ignore:invalid value encountered in arccos:RuntimeWarning")  # of a document and itself
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_coreset_is_in_small_texts_order(metric: str, state: ReviewState) -> None:
    """The farthest first, by either distance: that is why there is no setting for it."""
    expected = directly(small_text.GreedyCoreset(metric), state, 12)
    assert select(STRATEGIES["greedy-coreset"](), state, 12).rows.tolist() == expected


def test_seals_narrows_the_pool_as_small_text_does(state: ReviewState) -> None:
    """The exact search finds what small-text's index finds on a corpus so small."""
    stock = small_text.SEALS(small_text.BreakingTies(), k=4)
    labeled = np.array(state.labeled)
    everything = small_text.SklearnDataset(np.arange(state.n)[:, None], state.labels.copy(), np.arange(5))
    left = stock.get_subset_indices(Plain(state), everything, np.array(state.candidates), labeled, pbar=None)
    assert 10 < left.size < state.candidates.size
    expected = directly(small_text.BreakingTies(), state, 4, unlabeled=left)
    assert sorted(select(STRATEGIES["seals"](k=4), state, 4).rows) == sorted(expected)


@pytest.mark.parametrize("name", ["embedding-kmeans", "lightweight-coreset", "random-sampling"])
def test_what_chance_decides_is_the_same_from_the_same_seed(name: str, state: ReviewState) -> None:
    """The pool in the order, and the global generator with the seed, that the generator gives."""
    stock = {
        "embedding-kmeans": small_text.EmbeddingKMeans,
        "lightweight-coreset": small_text.LightweightCoreset,
        "random-sampling": small_text.RandomSampling,
    }[name]()
    rng = np.random.default_rng(7)
    pool = rng.permutation(state.candidates)
    with global_seed(int(rng.integers(2**32))):
        expected = directly(stock, state, 10, unlabeled=pool)
    assert select(STRATEGIES[name](), state, 10, seed=7).rows.tolist() == expected
    assert select(STRATEGIES[name](), state, 10, seed=8).rows.tolist() != expected


@pytest.mark.parametrize("name", ["breaking-ties", "least-confidence", "prediction-entropy"])
def test_scores_are_small_texts_and_fall(name: str, state: ReviewState) -> None:
    """Each row has its own score, the most wanted first."""
    chosen = select(STRATEGIES[name](), state, 30)
    p = state.probabilities[chosen.rows].astype(np.float64)
    top = np.sort(p, axis=1)
    expected = {
        "breaking-ties": 1 - (top[:, -1] - top[:, -2]),
        "least-confidence": 1 - top[:, -1],
        "prediction-entropy": -(p * np.log(p)).sum(axis=1),
    }[name]
    np.testing.assert_allclose(chosen.scores, expected, atol=1e-5)
    assert (np.diff(chosen.scores) <= 0).all()


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", ["subsampling", "seals", "anchor-subsampling"])
def test_any_base_may_choose_from_a_part(name: str, base: str, state: ReviewState) -> None:
    """Distinct candidates, n of them, and the base's scores where it has some."""
    size = {"seals": {"k": 8}, "subsampling": {"subsample_size": 40}}
    settings = size.get(name, {"subsample_size": 30, "num_anchors": 2, "k": 8})
    chosen = select(STRATEGIES[name](base=base, **settings), state, 6)
    assert np.unique(chosen.rows).size == 6
    assert np.isin(chosen.rows, state.candidates).all()
    assert (chosen.scores is not None) == (base in ("breaking-ties", "least-confidence", "prediction-entropy"))
    if base == "breaking-ties":
        top = np.sort(state.probabilities[chosen.rows], axis=1)
        np.testing.assert_allclose(chosen.scores, 1 - (top[:, -1] - top[:, -2]), atol=1e-5)


@pytest.mark.parametrize("name", ["subsampling", "seals", "anchor-subsampling"])
def test_a_part_is_never_too_small_for_the_batch(name: str) -> None:
    """A batch larger than what the settings would leave is still full."""
    settings = {"seals": {"k": 1}, "subsampling": {"subsample_size": 1}}
    small = STRATEGIES[name](**settings.get(name, {"subsample_size": 1, "num_anchors": 1, "k": 1}))
    assert select(small, make_state(), 50).rows.size == 50


def test_anchors_are_near_what_carries_each_label() -> None:
    """The part is made of neighbors of labeled documents of every class, and of no others."""
    state = make_state(300, seed=3)
    chosen = select(STRATEGIES["anchor-subsampling"](subsample_size=6, num_anchors=1, k=3), state, 6, seed=1)
    vectors = state.views["semantic"].matrix
    labeled, pool = state.labeled, state.candidates
    near = pool[np.argsort(-(vectors[labeled] @ vectors[pool].T), axis=1)[:, :6]]
    reached = [bool(set(found) & set(chosen.rows)) for found in near]
    holders = set(state.labels[labeled[reached]].tolist())
    assert set(chosen.rows) <= set(near.ravel())
    assert holders == {0, 1}


def test_locked_samples_are_no_labels() -> None:
    """A coreset keeps away from what is labeled; what is locked must not keep it away."""
    state = make_state(120, validation=20, seed=1)
    vectors = np.array(state.views["semantic"].matrix)
    far = int(state.candidates[0])
    # a candidate opposite to all labeled ones, and a locked document that is its copy
    away = -vectors[state.labeled].mean(axis=0)
    vectors[far] = vectors[state.samples[0].rows[0]] = away / np.linalg.norm(away)
    changed = replace(state, views={"semantic": Vectors(vectors, "changed")})
    assert select(STRATEGIES["greedy-coreset"](), changed, 1).rows.tolist() == [far]


def test_candidates_limit_what_is_looked_at() -> None:
    """With as many candidates as documents wanted, they are drawn at random from the whole pool."""
    state = make_state()
    drawn = [select(STRATEGIES["greedy-coreset"](candidates=1), state, 8, seed).rows for seed in range(150)]
    assert len({int(row) for rows in drawn for row in rows}) == state.candidates.size


def test_random_sampling_tells_with_what_probability() -> None:
    """A document is drawn with n / pool."""
    state = make_state()
    np.testing.assert_allclose(select(STRATEGIES["random-sampling"](), state, 8).probabilities, 8 / 80)


# --------------------------------------------------------------------------------------------------------- odd settings


def test_a_view_that_cannot_be_used_is_told() -> None:
    """One line that says what is missing and what there is."""
    state = make_state()
    with pytest.raises(BadSetting, match=r"'semantics' is none of those .* Did you mean 'semantic'\?"):
        select(STRATEGIES["seals"](view="semantics", k=3), state, 3)
    with pytest.raises(BadSetting, match="'small-text-embedding-kmeans' needs a view"):
        select(STRATEGIES["embedding-kmeans"](), replace(state, views={}), 3)
    assert select(STRATEGIES["breaking-ties"](), replace(state, views={}), 3).rows.size == 3


def test_the_view_named_is_used() -> None:
    """What is far in one view is not far in the other."""
    state = make_state()
    chosen = [select(STRATEGIES["greedy-coreset"](view=view), state, 9).rows for view in (None, "semantic", "lexical")]
    assert chosen[0].tolist() == chosen[1].tolist()
    assert set(chosen[1]) != set(chosen[2])


def test_a_wide_sparse_view_is_projected() -> None:
    """Two far groups of documents in 5,000 columns stay far: the coreset takes the group that has no label."""
    state = make_state(300, read=100, skipped=0)
    rng = np.random.default_rng(0)
    words = sp.random_array((300, 5_000), density=0.002, rng=rng, dtype=np.float32).tolil()
    strange = state.candidates[:40]
    words[:, 0], words[strange, 0], words[strange, 1] = 5, 0, 5
    wide = sp.csr_array(words)
    wide = sp.csr_array(wide / np.sqrt((wide * wide).sum(axis=1))[:, None])
    changed = replace(state, views={"lexical": Vectors(wide, "wide")})
    assert select(STRATEGIES["greedy-coreset"](), changed, 1).rows[0] in strange
    frame = Frame("greedy-coreset", changed, np.random.default_rng(0), None, None)
    assert frame.vectors.shape == (300, 256)
    exact, kept = (wide @ wide.T).toarray()[np.ix_(frame.rows, frame.rows)], frame.vectors @ frame.vectors.T
    assert np.abs(exact - kept).mean() < 0.1


def test_impossible_settings_are_told() -> None:
    """Sizes below one, and bases that are none."""
    with pytest.raises(ValueError, match="'k' must be at least 1, got 0"):
        STRATEGIES["seals"](k=0)
    with pytest.raises(ValueError, match=r"'base' must be one of breaking-ties, .*, got 'seals'"):
        STRATEGIES["seals"](base="seals")


# ---------------------------------------------------------------- what is wrong in small-text 1.4.1, as the README says


def alike(state: ReviewState, rows: Any, to: Any) -> ReviewState:
    """The state with the vectors of some rows replaced by those of others."""
    vectors = np.array(state.views["semantic"].matrix)
    vectors[rows] = vectors[to]
    return replace(state, views={"semantic": Vectors(vectors, "changed")})


def test_copies_of_labeled_documents_are_taken_last() -> None:
    """With small-text's cosine distance they may come first, their distance being NaN."""
    state = make_state(dimension=24)
    copies = state.candidates[:20]
    changed = alike(state, copies, state.labeled[:20])
    stock = small_text.GreedyCoreset(distance_metric="cosine")
    with pytest.warns(RuntimeWarning, match="invalid value encountered in arccos"):
        wrong = directly(stock, changed, 5)
    assert set(wrong) & set(copies), "small-text was mended: the cosine distance can be offered"
    assert not set(select(STRATEGIES["greedy-coreset"](), changed, 5).rows) & set(copies)


def test_documents_where_the_mean_is() -> None:
    """small-text's lightweight coreset cannot draw from them."""
    state = make_state(alike=True)
    with pytest.warns(RuntimeWarning, match="invalid value"), pytest.raises(ValueError, match="contain NaN"):
        directly(small_text.LightweightCoreset(), state, 5)
    assert select(STRATEGIES["lightweight-coreset"](), state, 5).rows.size == 5


def test_more_labels_than_a_small_pool_has_batches() -> None:
    """small-text's contrastive strategy cuts a pool of 5 into 7 batches."""
    state = make_state(700, read=695)
    with pytest.raises(ValueError, match="0 sample"):
        directly(small_text.ContrastiveActiveLearning(pbar=None), state, 3)
    assert select(STRATEGIES["contrastive-active-learning"](), state, 3).rows.size == 3


def test_more_neighbors_than_documents() -> None:
    """small-text raises; here all documents are neighbors."""
    state = make_state()
    with pytest.raises(ValueError, match="n_neighbors"):
        directly(small_text.ContrastiveActiveLearning(k=500, pbar=None), state, 3)
    assert select(STRATEGIES["contrastive-active-learning"](k=500), state, 3).rows.size == 3


def test_the_exact_search_is_exact() -> None:
    """The nearest of the positions it was given, with their squared distances, in several blocks too."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 5)).astype(np.float32)
    positions = np.arange(10, 60)
    for block in (16_000_000, 70):
        near, distances = ExactIndex(vectors, positions, block).knn_query(vectors[:10], 4)
        squared = ((vectors[:10, None] - vectors[None, positions]) ** 2).sum(axis=2)
        expected = np.argsort(squared, axis=1)[:, :4]
        assert (np.sort(near, axis=1) == np.sort(positions[expected], axis=1)).all()
        np.testing.assert_allclose(np.sort(distances, axis=1), np.sort(squared, axis=1)[:, :4], atol=1e-4)


def test_labels_taken_back_and_documents_added_are_seen() -> None:
    """small-text's SEALS keeps its index: what was labeled once never comes back."""
    later = make_state(300, read=60, skipped=0, seed=3)
    undone = int(later.reviewed[-1])
    labels, rounds = np.array(later.labels), np.array(later.rounds)
    labels[undone] = rounds[undone] = -1
    earlier = replace(later, labels=labels, rounds=rounds, reviewed=later.reviewed[:-1])
    stock = small_text.SEALS(small_text.RandomSampling(), k=200)
    directly(stock, earlier, 1), directly(stock, later, 1)
    assert undone in earlier.candidates
    everything = small_text.SklearnDataset(np.arange(300)[:, None], np.array(labels), np.arange(2))
    labeled = np.array(earlier.labeled)
    left = stock.get_subset_indices(Plain(earlier), everything, np.array(earlier.candidates), labeled, pbar=None)
    assert undone not in left, "small-text was mended: its index can be used"
    strategy = STRATEGIES["seals"](base="random-sampling", k=239)
    select(strategy, earlier, 1), select(strategy, later, 1)
    assert undone in select(strategy, earlier, 239).rows


def test_anchors_come_from_the_seed() -> None:
    """small-text draws them from a fresh generator, and miscounts labels whose class indices have gaps."""
    from small_text.data.sampling import _get_class_histogram

    state = make_state(300, read=120, labels=tuple("abcdefghi"), target=None)
    labeled = np.array(state.labeled)
    stock = small_text.AnchorSubsampling(small_text.RandomSampling())
    y, vectors = state.labels[labeled], state.views["semantic"].matrix
    drawn = set()
    for _ in range(5):
        with global_seed(1):
            drawn.add(tuple(stock._get_anchors(Plain(state), vectors, labeled, y)))
    assert len(drawn) > 1, "small-text was mended: its anchors can be used"
    assert _get_class_histogram(np.array([1, 8, 8, 8]), 9)[8] != 3, "small-text was mended: its counts can be used"
    ours = STRATEGIES["anchor-subsampling"](base="random-sampling", subsample_size=20, k=2)
    chosen = {tuple(select(ours, state, 20, seed=1).rows) for _ in range(5)}
    assert len(chosen) == 1


def test_badge_is_not_badge() -> None:
    """The reason why it is listed: two labels leave the model out; with more, sure documents have long vectors."""
    from small_text.integrations.pytorch.query_strategies import BADGE

    vectors = np.eye(3)[:2]
    sure = np.array([[0.98, 0.01, 0.01], [0.34, 0.33, 0.33]])
    assert (BADGE(2).get_badge_embeddings(vectors, sure[:, :2]) == vectors).all()
    lengths = np.linalg.norm(BADGE(3).get_badge_embeddings(vectors, sure), axis=1)
    assert lengths[0] > lengths[1], "small-text was mended: BADGE can be served"


# --------------------------------------------------------------------------------------------------------- in a project

PROJECT = """
format = 1
[views.lexical]
[questions.topic]
labels = ["pets", "cars"]
target = "pets"
batch_size = 10
query_strategy = "{name}"
"""


def test_a_review_runs_with_it(tmp_path: Path) -> None:
    """The installed plugin in a project: with two labels the batches are those of docreview's own margin."""
    (tmp_path / "docreview.toml").write_text(PROJECT.format(name="small-text-breaking-ties"), "utf-8")
    rng = np.random.default_rng(0)
    words = {"pets": ["cat", "dog", "fur", "leash", "paw"], "cars": ["wheel", "engine", "oil", "brake", "road"]}
    truth = {f"d{i}": "pets" if i % 5 == 0 else "cars" for i in range(150)}
    both = words["pets"] + words["cars"]
    texts = {name: " ".join(rng.choice(words[label] + both, 6)) for name, label in truth.items()}
    with Project.open(tmp_path) as project:
        project.add_documents([Document(name, f"{text} {name}") for name, text in texts.items()])
        batches = project.simulate(truth, labels=60, seed=3).rows.reshape(6, 10)
        margins = project.simulate(truth, labels=60, seed=3, overrides={"query_strategy": "margin"}).rows.reshape(6, 10)
        assert [set(batch) for batch in batches] == [set(batch) for batch in margins]
        coreset = {"query_strategy": "small-text-greedy-coreset"}
        assert project.simulate(truth, labels=60, seed=3, overrides=coreset).rows.size == 60
        with pytest.raises(BadSetting, match=r"has no setting 'kk'\. Did you mean 'k'"):
            project.simulate(truth, overrides={"query_strategy": {"name": "small-text-seals", "kk": 3}})
