"""How far reviewers agree beyond chance: kappas and alpha, each with an interval.

`Answers` holds who said what of which document; not everybody need have answered for everything. Cohen's kappa is for
two reviewers, Fleiss' for equally many on each document, Krippendorff's alpha for any number. Classes are names without
an order (nominal).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Annotation, Ints

    Doubles = npt.NDArray[np.float64]

#: numbers that a bootstrap holds in memory at a time
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Answers:
    """Who said what: reviewer ``reviewers[i]`` gave class ``values[i]`` to document ``documents[i]``, each (a,).

    There are `n` documents, `m` reviewers and `k` classes, all counted from 0.
    """

    documents: Ints
    reviewers: Ints
    values: Ints
    n: int
    m: int
    k: int

    def __post_init__(self) -> None:
        for name, values, size in (
            ("document", self.documents, self.n),
            ("reviewer", self.reviewers, self.m),
            ("class", self.values, self.k),
        ):
            if values.shape != self.values.shape or values.ndim != 1:
                raise ValueError(f"three sequences of the same length are needed, got {values.shape} for each {name}")
            if values.size and not 0 <= values.min() <= values.max() < size:
                raise ValueError(f"a {name} must be from 0 to {size - 1}, got {values.min()} to {values.max()}")

    @classmethod
    def of(cls, matrix: Sequence[Sequence[int]] | npt.NDArray[np.integer], classes: int | None = None) -> Answers:
        """Answers from a matrix (n, m) of class indices, -1 for none; `classes` from 0 to the highest if None."""
        import numpy as np

        given = np.asarray(matrix, dtype=np.int64)
        if given.ndim != 2:
            raise ValueError(f"a matrix of documents and reviewers is needed, got {given.ndim} dimensions")
        if (given < -1).any():
            raise ValueError(f"a class is 0 or more, or -1 for none, got {given.min()}")
        documents, reviewers = np.nonzero(given >= 0)
        k = max(1, int(given.max(initial=-1)) + 1) if classes is None else classes
        n, m = given.shape
        return cls(documents, reviewers, given[documents, reviewers], n, m, k)

    @classmethod
    def of_annotations(
        cls, annotations: Sequence[Annotation], classes: int
    ) -> tuple[Answers, tuple[int, ...], tuple[str, ...]]:
        """Answers from those of a review, with the rows of the corpus and the names of the reviewers that they count.

        Of several answers of a reviewer for a row the last one counts; a skip takes an earlier one back.
        """
        import numpy as np

        last = {(a.row, a.reviewer): a.value for a in annotations}
        kept = [(row, reviewer, value) for (row, reviewer), value in last.items() if value is not None]
        rows = sorted({row for row, _, _ in kept})
        names = sorted({reviewer for _, reviewer, _ in kept})
        row_of, name_of = {row: i for i, row in enumerate(rows)}, {name: i for i, name in enumerate(names)}
        triples = sorted((row_of[row], name_of[reviewer], value) for row, reviewer, value in kept)
        documents, reviewers, values = np.array(triples, np.int64).reshape(-1, 3).T
        return cls(documents, reviewers, values, len(rows), len(names), classes), tuple(rows), tuple(names)

    @cached_property
    def counts(self) -> Ints:
        """How many said each class of each document (n, k)."""
        import numpy as np

        flat = np.bincount(self.documents * self.k + self.values, minlength=self.n * self.k)
        return flat.reshape(self.n, self.k)

    def by(self, reviewer: int) -> Ints:
        """A reviewer's answer for each document (n,), -1 where there is none; the last where there are several."""
        import numpy as np

        given = np.full(self.n, -1, np.int64)
        own = self.reviewers == reviewer
        given[self.documents[own]] = self.values[own]
        return given


@dataclass(frozen=True)
class Agreement:
    """Agreement beyond chance: 1 is perfect, 0 what chance would give; NaN where no document has two answers.

    The interval holds the truth with probability `confidence`, approximately; where nobody disagreed it has no width,
    which says little if `documents` are few.
    """

    value: float
    low: float
    high: float
    #: documents that were compared: those with two answers or more
    documents: int
    confidence: float = 0.95


_NONE = (math.nan, -1.0, 1.0, 0)


def cohen_kappa(a: Sequence[int] | Ints, b: Sequence[int] | Ints, confidence: float = 0.95) -> Agreement:
    """Agreement of two reviewers (Cohen 1960), over the documents that both answered (class indices, -1 for none).

    The interval is normal, with the large-sample variance of Fleiss, Cohen and Everitt (1969): with 20 documents it
    rather holds 90 % than 95 %. 1 where both gave one single class to all.
    """
    import numpy as np
    from scipy.stats import norm

    _check(confidence)
    x, y = np.asarray(a, np.int64), np.asarray(b, np.int64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"two sequences of the same length are needed, got {x.shape} and {y.shape}")
    both = (x >= 0) & (y >= 0)
    n = int(both.sum())
    if not n:
        return Agreement(*_NONE, confidence)
    k = int(max(x[both].max(), y[both].max())) + 1
    table = np.bincount(x[both] * k + y[both], minlength=k * k).reshape(k, k) / n
    row, column, same = table.sum(axis=1), table.sum(axis=0), np.diag(table)
    chance = float(row @ column)
    if chance == 1:
        return Agreement(1.0, 1.0, 1.0, n, confidence)
    kappa = (float(same.sum()) - chance) / (1 - chance)
    agreeing = (same * (1 - (row + column) * (1 - kappa)) ** 2).sum()
    sums = (column[:, None] + row[None, :]) ** 2
    differing = (1 - kappa) ** 2 * ((table * sums).sum() - (same * np.diag(sums)).sum())
    variance = (agreeing + differing - (kappa - chance * (1 - kappa)) ** 2) / (n * (1 - chance) ** 2)
    half = float(norm.isf((1 - confidence) / 2)) * math.sqrt(max(variance, 0.0))
    return Agreement(kappa, max(kappa - half, -1.0), min(kappa + half, 1.0), n, confidence)


def cohen_kappas(answers: Answers, confidence: float = 0.95) -> dict[tuple[int, int], Agreement]:
    """Cohen's kappa of each two reviewers who answered for a common document."""
    given = [answers.by(reviewer) for reviewer in range(answers.m)]
    found = {(a, b): cohen_kappa(given[a], given[b], confidence) for a, b in combinations(range(answers.m), 2)}
    return {pair: agreement for pair, agreement in found.items() if agreement.documents}


def fleiss_kappa(answers: Answers, confidence: float = 0.95, *, resamples: int = 2_000, seed: int = 0) -> Agreement:
    """Agreement of reviewers who answered equally often for each document (Fleiss 1971).

    Who they were does not matter, and they may be others each time. Documents nobody answered are left out; ValueError
    where the others have unequal numbers of answers (`krippendorff_alpha` takes them). 1 where all gave one single
    class. The interval is a percentile bootstrap over documents.
    """
    import numpy as np

    counts = answers.counts[answers.counts.sum(axis=1) > 0]
    if np.unique(counts.sum(axis=1)).size > 1:
        raise ValueError("the documents have unequal numbers of answers: use krippendorff_alpha")
    return _bootstrapped(counts, 0, confidence, resamples, seed)


def krippendorff_alpha(
    answers: Answers, confidence: float = 0.95, *, resamples: int = 2_000, seed: int = 0
) -> Agreement:
    """Agreement of any number of reviewers, answers missing anywhere, for nominal classes (Krippendorff 2004).

    Documents with one answer say nothing of agreement and are left out. 1 where all gave one single class. The interval
    is a percentile bootstrap over documents.
    """
    return _bootstrapped(answers.counts, 1, confidence, resamples, seed)


def _bootstrapped(counts: Ints, less: int, confidence: float, resamples: int, seed: int) -> Agreement:
    """Agreement beyond chance of counts (n, k), where chance is to draw two answers, without putting back if `less`.

    Both Fleiss' kappa and Krippendorff's alpha are that: each document counts with its number of answers, and the share
    of agreeing pairs in it is compared with that among all answers.
    """
    import numpy as np

    _check(confidence)
    counts = counts[counts.sum(axis=1) > 1]
    n = len(counts)
    if not n:
        return Agreement(*_NONE, confidence)
    # documents answered alike are alike to all that follows, and there are few ways to be answered
    counts, times = np.unique(counts, axis=0, return_counts=True)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (counts.sum(axis=1) - 1)

    def agreement(weights: Doubles) -> Doubles:
        of_class = weights @ counts
        total = of_class.sum(axis=1)
        observed = weights @ agreeing / total
        chance = (of_class * (of_class - less)).sum(axis=1) / (total * (total - less))
        with np.errstate(invalid="ignore"):
            return np.where(chance == 1, 1.0, (observed - chance) / (1 - chance))

    value = float(agreement(times[None, :].astype(np.float64))[0])
    rng = np.random.default_rng(seed)
    drawn: list[Doubles] = []
    step = max(1, _AT_ONCE // len(times))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn.append(agreement(rng.multinomial(n, times / n, size).astype(np.float64)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail]) if drawn else (-1.0, 1.0)
    return Agreement(value, float(low), float(high), n, confidence)


def _check(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
