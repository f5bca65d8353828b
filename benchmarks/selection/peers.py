"""Strategies of other libraries, asked in their own way about the same vectors and probabilities."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from made_up import softmax

from docreview.types import ReviewState

Run = Callable[[], Any]


@dataclass(frozen=True)
class Peer:
    """`beside` is docreview's strategy of the same idea; "" where it has none.

    `loops` says what the peer goes through in Python, or in what it is not linear; "" where numpy does it in passes.
    """

    library: str
    name: str
    beside: str
    make: Callable[[ReviewState, int], Run]
    loops: str = ""


def missing() -> dict[str, str]:
    """Libraries that are not there, and how to bring them."""
    wanted = {"skactiveml": "scikit-activeml", "small_text": "small-text", "modAL": "modAL"}
    hint = "pip install --no-deps --target DIR {}{}, then --peers DIR"
    more = {"modAL": "-python pandas python-dateutil six skorch tabulate"}
    absent = [package for name, package in wanted.items() if importlib.util.find_spec(name) is None]
    return {package: hint.format(package, more.get(package, "")) for package in absent}


def _parts(state: ReviewState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, weights of the model and y with NaN where nobody has answered."""
    vectors: Any = next(iter(state.views.values())).matrix
    fitted: Any = state.fitted()
    return vectors, fitted.weights, np.where(state.labels < 0, np.nan, state.labels)


# ----------------------------------------------------------------------------------------------------- scikit-activeml


def _skactiveml_model(state: ReviewState) -> tuple[Any, Any]:
    """Two classifiers: one that looks probabilities up by row number, one that computes them from vectors."""
    from skactiveml.base import SkactivemlClassifier

    class Given(SkactivemlClassifier):  # type: ignore[misc]
        def __init__(self, table: Any = None, weights: Any = None, classes: Any = None) -> None:
            super().__init__(classes=classes)
            self.table, self.weights = table, weights

        @property
        def classes_(self) -> Any:
            return np.array(self.classes)

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict(self, X: Any) -> Any:
            return self.predict_proba(X).argmax(axis=1)

        def predict_proba(self, X: Any) -> Any:
            if self.table is not None:
                return self.table[np.asarray(X)[:, 0].astype(np.int64)]
            return softmax(np.asarray(X, np.float32) @ self.weights).astype(np.float64)

    k = list(range(len(state.question.labels)))
    table = state.probabilities.astype(np.float64)
    table /= table.sum(axis=1, keepdims=True)
    return Given(table, None, k), Given(None, _parts(state)[1], k)


def _skactiveml(name: str, by_number: bool = False, model: bool = False, **settings: Any) -> Callable[..., Run]:
    def make(state: ReviewState, n: int) -> Run:
        import skactiveml.pool as pool

        vectors, _, y = _parts(state)
        looked_up, computed = _skactiveml_model(state)
        strategy = getattr(pool, name)(random_state=0, **settings)
        X = np.arange(state.n)[:, None] if by_number else vectors
        more = {"clf": looked_up if by_number else computed, "fit_clf": False} if model else {}
        return lambda: strategy.query(X, y, batch_size=n, **more)

    return make


def _skactiveml_committee(method: str) -> Callable[..., Run]:
    def make(state: ReviewState, n: int) -> Run:
        import skactiveml.pool as pool

        looked_up, _ = _skactiveml_model(state)
        tables = state.committee("bootstrap", 5).astype(np.float64)
        members = [type(looked_up)(t / t.sum(axis=1, keepdims=True), None, looked_up.classes) for t in tables]
        strategy = pool.QueryByCommittee(method=method, random_state=0)
        X, y = np.arange(state.n)[:, None], _parts(state)[2]
        return lambda: strategy.query(X, y, ensemble=members, fit_ensemble=False, batch_size=n)

    return make


def _skactiveml_logistic(name: str, role: str) -> Callable[..., Run]:
    """Strategies that fit a classifier of their own on what they are shown."""

    def make(state: ReviewState, n: int) -> Run:
        import skactiveml.pool as pool
        from skactiveml.classifier import SklearnClassifier
        from sklearn.linear_model import LogisticRegression

        vectors, _, y = _parts(state)
        classes = [0, 1] if role == "discriminator" else list(range(len(state.question.labels)))
        learner = SklearnClassifier(LogisticRegression(max_iter=1000), classes=classes, random_state=0)
        strategy = getattr(pool, name)(random_state=0)
        return lambda: strategy.query(vectors, y, batch_size=n, **{role: learner})

    return make


# ---------------------------------------------------------------------------------------------------------- small-text


def _small_text(
    make_strategy: Callable[[Any], Any], embeddings: bool = False, asks: bool = False
) -> Callable[..., Run]:
    """`embeddings` are handed over, or the strategy `asks` the classifier; its index is kept from call to call."""

    def make(state: ReviewState, n: int) -> Run:
        import small_text.query_strategies as strategies
        from small_text.data import SklearnDataset

        class Given:
            """Documents are their numbers."""

            num_classes = len(state.question.labels)

            def predict_proba(self, dataset: Any) -> Any:
                return state.probabilities[dataset.x[:, 0]]

            def embed(self, dataset: Any, pbar: Any = None) -> Any:
                return vectors[dataset.x[:, 0]]

        vectors, _, _ = _parts(state)
        known = np.arange(Given.num_classes)
        dataset = SklearnDataset(np.arange(state.n)[:, None], np.asarray(state.labels), target_labels=known)
        strategy = make_strategy(strategies)
        args = (Given(), dataset, state.candidates, state.labeled, state.labels[state.labeled])
        subset = vectors[np.concatenate([state.candidates, state.labeled])] if embeddings else None
        more = {"embeddings": subset, "pbar": None} if embeddings else {"pbar": None} if asks else {}
        return lambda: strategy.query(*args, n=n, **more)

    return make


# --------------------------------------------------------------------------------------------------------------- modAL


def _modal(module: str, function: str) -> Callable[..., Run]:
    def make(state: ReviewState, n: int) -> Run:
        class Given:
            """Rows are their numbers, or vectors where a strategy compares them."""

            classes_ = np.arange(len(state.question.labels))
            X_training = _parts(state)[0][state.labeled]
            on_transformed = False

            def predict_proba(self, X: Any, **_: Any) -> Any:
                return state.probabilities[state.candidates]

            def vote_proba(self, X: Any, **_: Any) -> Any:
                return voted

            def vote(self, X: Any, **_: Any) -> Any:
                return voted.argmax(axis=2)

            def __iter__(self) -> Any:
                return iter(range(len(self)))

            def __len__(self) -> int:
                return int(voted.shape[1])

        chosen = getattr(importlib.import_module(f"modAL.{module}"), function)
        batch = module == "batch"
        X = _parts(state)[0][state.candidates] if batch else state.candidates[:, None]
        voted = np.empty((0, 0, 0))
        if module == "disagreement":
            voted = state.committee("bootstrap", 5)[:, state.candidates].transpose(1, 0, 2)
        more = {"n_jobs": 1} if batch else {}
        return lambda: chosen(Given(), X, n_instances=n, **more)

    return make


#: scikit-activeml's uncertainty by method, and docreview's name for it
_METHODS = {"least_confident": "least-confidence", "margin_sampling": "margin", "entropy": "entropy"}

PEERS = (
    *(
        Peer(
            "scikit-activeml",
            f"UncertaintySampling {method}",
            beside,
            _skactiveml("UncertaintySampling", by_number=True, model=True, method=method),
        )
        for method, beside in _METHODS.items()
    ),
    Peer("scikit-activeml", "QueryByCommittee vote_entropy", "vote-entropy", _skactiveml_committee("vote_entropy")),
    Peer("scikit-activeml", "QueryByCommittee KL_divergence", "kl-divergence", _skactiveml_committee("KL_divergence")),
    Peer("scikit-activeml", "Badge", "badge", _skactiveml("Badge", model=True), "batch, squared"),
    Peer("scikit-activeml", "CoreSet", "k-center", _skactiveml("CoreSet"), "batch"),
    Peer("scikit-activeml", "TypiClust", "typiclust", _skactiveml("TypiClust"), "batch, documents squared"),
    Peer("scikit-activeml", "DropQuery", "drop-query", _skactiveml_logistic("DropQuery", "clf"), "batch"),
    Peer(
        "scikit-activeml",
        "DiscriminativeAL",
        "discriminative",
        _skactiveml_logistic("DiscriminativeAL", "discriminator"),
        "batch (a fit for each)",
    ),
    Peer("small-text", "LeastConfidence", "least-confidence", _small_text(lambda s: s.LeastConfidence())),
    Peer("small-text", "BreakingTies", "margin", _small_text(lambda s: s.BreakingTies()), "documents"),
    Peer("small-text", "PredictionEntropy", "entropy", _small_text(lambda s: s.PredictionEntropy()), "documents"),
    Peer("small-text", "GreedyCoreset", "k-center", _small_text(lambda s: s.GreedyCoreset(), True), "batch"),
    # an importance sample (Bachem, Lucic and Krause 2018): one pass, and no document knows of another
    Peer("small-text", "LightweightCoreset", "", _small_text(lambda s: s.LightweightCoreset(), True)),
    Peer("small-text", "EmbeddingKMeans", "k-means", _small_text(lambda s: s.EmbeddingKMeans(), True)),
    Peer("small-text", "SEALS", "seals", _small_text(lambda s: s.SEALS(s.BreakingTies()), asks=True), "neighbors"),
    Peer(
        "small-text",
        "AnchorSubsampling",
        "anchor-al",
        _small_text(lambda s: s.AnchorSubsampling(s.BreakingTies()), asks=True),
        "neighbors",
    ),
    Peer("modAL", "uncertainty_sampling", "least-confidence", _modal("uncertainty", "uncertainty_sampling")),
    Peer("modAL", "margin_sampling", "margin", _modal("uncertainty", "margin_sampling")),
    Peer("modAL", "entropy_sampling", "entropy", _modal("uncertainty", "entropy_sampling")),
    Peer(
        "modAL", "vote_entropy_sampling", "vote-entropy", _modal("disagreement", "vote_entropy_sampling"), "documents"
    ),
    Peer("modAL", "max_disagreement_sampling", "kl-divergence", _modal("disagreement", "max_disagreement_sampling")),
    Peer("modAL", "uncertainty_batch_sampling", "density-mmr", _modal("batch", "uncertainty_batch_sampling"), "batch"),
)
