"""Nearest neighbors over a view's rows, exact: with some hundred labeled rows no index is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin

#: rows scored at once: with 1,000 labeled rows their similarities stay in the processor's cache
_BLOCK = 512
#: from this share of values that are not 0 on, a product with an array is quicker than one with CSR
_DENSE = 0.01
#: what every class has beside its votes, so that none is ever impossible
_FLOOR = 1e-3


class NearestNeighbors(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The `k` most similar training rows vote with exp(similarity / `temperature`) times their sample weight.

    Similarity is the dot product: the cosine, as docreview's rows have length one. Rows as similar as the k-th vote
    too, so that no order of the rows matters. A small `temperature` lets the nearest row decide alone, a large one
    makes it a plain vote. Rows (n, d) may be dense or CSR; nothing is drawn, so there is no `random_state`.
    """

    def __init__(self, k: int = 50, temperature: float = 0.1) -> None:
        self.k = k
        self.temperature = temperature

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NearestNeighbors:
        """Keep the rows (m, d), and the weight of each for its class (m, classes)."""
        self.classes_, classes = np.unique(np.asarray(y), return_inverse=True)
        weight = np.ones(classes.size) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.rows_ = X.toarray() if sp.issparse(X) and X.nnz > _DENSE * X.shape[0] * X.shape[1] else X.copy()
        self.n_features_in_ = int(X.shape[1])
        self.votes_ = np.zeros((classes.size, self.classes_.size))
        self.votes_[np.arange(classes.size), classes] = weight
        return self

    def predict_proba(self, X: Any) -> Any:
        """Shares of the votes (n, classes), rows summing to one."""
        blocks = [self._votes(X[start : start + _BLOCK]) for start in range(0, X.shape[0], _BLOCK)]
        votes = np.concatenate(blocks) if blocks else np.empty((0, self.classes_.size))
        shares: Any = votes / votes.sum(axis=1, keepdims=True) + _FLOOR
        return shares / (1 + _FLOOR * self.classes_.size)

    def predict(self, X: Any) -> Any:
        """The class with most votes (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _votes(self, X: Any) -> Any:
        near: Any = X @ self.rows_.T
        near = np.asarray(near.toarray() if sp.issparse(near) else near, dtype=np.float32)
        first = near.shape[1] - min(self.k, near.shape[1])
        least = np.partition(near, first, axis=1)[:, first]
        flat = np.flatnonzero(near >= least[:, None])
        ends = np.searchsorted(flat, np.arange(near.shape[0] + 1) * near.shape[1])
        # relative to the best, so that the exponentials cannot overflow
        best = np.repeat(near.max(axis=1), np.diff(ends))
        strength = np.exp((near.ravel()[flat] - best) / np.float32(self.temperature))
        return sp.csr_array((strength, flat % near.shape[1], ends), shape=near.shape) @ self.votes_
