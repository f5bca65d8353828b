"""The two arms of a review: what was asked for, and what random documents would have taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from docreview.contracts import Component, fit
from docreview.estimates import Estimate, wilson
from docreview.live_check.results import Between, LiveCheck
from docreview.live_check.sentences import documents, told
from docreview.rounds import generator
from docreview.types import frozen, silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.ledger import Ledger
    from docreview.types import Floats, Ints, Progress, ReviewState

    Numbers = npt.NDArray[np.float64]

#: random documents from which on anything is said, and the fewest labels at which arms are compared
FEWEST, FEWEST_LABELS = 30, 10
#: models whose accuracy is averaged; parts of the random documents, each predicted by who learned from the others
_MODELS, _FOLDS = 5, 5
_DRAWS = 2_000
#: variance of a difference between two sets of labels, beside that of two models on other documents: see `_spread`
_VARIANCE = 1.5
#: sizes of the arm that was asked for, and of the random one, in the number of labels at which both are compared
_ASKED_SIZES, _RANDOM_SIZES = (0.25, 0.5, 1.0, 1.5), (0.25, 0.5, 1.0)


def live_check(
    ledger: Ledger, state: ReviewState, model: Component, seed: int, progress: Progress = silent
) -> LiveCheck | None:
    """Compare the arms of a review; None where its batches hold no random documents beside chosen ones.

    The last half of the random documents (at least 30) is cut into five parts, each predicted by the model that learned
    from all labels given before the first of the part was drawn (prequential, after Dawid 1984).

    The arms are compared at m labels, four fifths of the number of random documents (fewer where these are most of the
    review). Both begin with the start; then one learns from the first m documents that the review asked for, the other
    from m random ones. Both are tested on the random documents drawn after the first arm had its labels; the second arm
    is fitted five times, each without the part that it is tested on. Smaller sizes of both arms, and a larger one of
    the first, show how many labels of the review do what the random ones did. Intervals of differences are those of a
    bootstrap over the tested documents, of what both models say of each.

    Up to 18 fits: 5 on nearly all labels, the others on m or so.

    Papers: Wilson 1927, Probable inference, the law of succession, and statistical inference; Dawid 1984, Present
    position and potential developments: the prequential approach; Nadeau and Bengio 2003, Inference for the
    generalization error.
    """

    if not ledger.explores:
        return None
    random, chosen = asked(ledger, state)
    base = LiveCheck(int(state.labeled.size), int(random.size), int(chosen.size), None, "")
    target = state.question.target_index
    if target is not None:
        base = replace(
            base,
            target_random=_share(state.labels[random] == target),
            target_chosen=_share(state.labels[chosen] == target),
        )
    if random.size < FEWEST:
        more = FEWEST - random.size
        return told(
            base,
            state,
            f"Too early to say whether choosing helps: {documents(random.size)} drawn at random "
            f"{'has' if random.size == 1 else 'have'} a label, and {more} more {'is' if more == 1 else 'are'} needed.",
        )
    told_apart = len(set(state.labels[random].tolist())) > 1 and chosen.size >= FEWEST_LABELS
    fits = _Fits(state, model, seed, progress, _MODELS + told_apart * (len(_ASKED_SIZES) + _FOLDS + 2 * 2))
    accuracy, over = _accuracy(ledger, fits, random)
    base = replace(base, accuracy=accuracy, over=over)
    if not told_apart:
        label = state.question.labels[state.labels[random[0]]]
        why = (
            f"only {documents(chosen.size)} {'was' if chosen.size == 1 else 'were'} chosen, and {FEWEST_LABELS} are "
            "needed."
            if chosen.size < FEWEST_LABELS
            else f"all {random.size} random documents carry '{label}'. Random documents with another label would tell."
        )
        return told(base, state, f"Whether choosing helps cannot be told: {why}")
    return told(_compared(base, ledger, fits, random, chosen), state)


@dataclass
class _Fits:
    """Fits the model on parts of the labels."""

    state: ReviewState
    model: Component
    seed: int
    progress: Progress
    total: int
    done: int = 0

    def predict(self, learned: Ints, rows: Ints) -> Ints:
        """The classes of rows, by the model that learned from the labels of others alone."""
        import numpy as np

        part = as_if_unread(self.state, np.setdiff1d(self.state.labeled, learned))
        if part.trainable:
            fitted = fit(self.model, part, generator(self.seed, 0, "live-check model"))
            predicted: Ints = fitted.probabilities[rows].argmax(axis=1)
        else:  # labels all alike: what else would anybody say
            only = self.state.labels[part.labeled[0]] if part.labeled.size else -1
            predicted = np.full(rows.size, only, dtype=np.int64)
        self.done += 1
        self.progress("checking whether choosing helps", self.done, self.total)
        return predicted

    def out_of_fold(self, start: Ints, order: Ints, size: int, tested: Ints, folds: int) -> Ints:
        """The class of each tested row, by a model of `start` and the first `size` of `order` that are not its fold."""
        import numpy as np

        predicted = np.empty(tested.size, dtype=np.int64)
        for fold in range(folds):
            held = np.arange(tested.size) * folds // tested.size == fold
            others = order[~np.isin(order, tested[held])]
            predicted[held] = self.predict(np.concatenate([start, others[:size]]), tested[held])
        return predicted


def asked(ledger: Ledger, state: ReviewState) -> tuple[Ints, Ints]:
    """Labeled rows drawn at random among chosen ones, and those chosen; each in the order of asking."""
    import numpy as np

    usable = set(state.labeled.tolist())
    rows = {row: asked.at_random for row, asked in ledger.interleaved().items() if row in usable}
    random = np.array([row for row, at_random in rows.items() if at_random], dtype=np.int64)
    chosen = np.array([row for row, at_random in rows.items() if not at_random], dtype=np.int64)
    return random, chosen


def _accuracy(ledger: Ledger, fits: _Fits, random: Ints) -> tuple[Estimate, int]:
    """How often models were right on random documents drawn after they were there, and over how many labels.

    In a round, the model of that round has seen nothing of its random documents, and these are a random sample of what
    was unread then: each part is unbiased for its model, whatever the strategy makes of the labels afterwards.
    """
    import numpy as np

    state, hits = fits.state, 0
    late = random[-max(FEWEST, random.size // 2) :]
    before = late
    for part in np.array_split(late, _MODELS):
        known = state.labeled[state.rounds[state.labeled] < ledger.asked[int(part[0])].round]
        hits += int((fits.predict(known, part) == state.labels[part]).sum())
        before = known if before is late else before
    return wilson(hits, int(late.size)), int(state.labeled.size - before.size)


def as_if_unread(state: ReviewState, rows: Ints) -> ReviewState:
    """The review as it would be had nobody answered these rows; its model is not fitted."""
    import numpy as np

    hidden = np.zeros(state.n, dtype=bool)
    hidden[rows] = True
    return replace(
        state,
        labels=frozen(np.where(hidden, -1, state.labels)),
        rounds=frozen(np.where(hidden, -1, state.rounds)),
        reviewed=frozen(state.reviewed[~hidden[state.reviewed]]),
        annotations=tuple(a for a in state.annotations if not hidden[a.row]),
        fitted=lambda: None,
        committee=_no_committee,
    )


def _no_committee(kind: str, members: int) -> Floats:
    raise LookupError("this state was made without a committee")


def _compared(base: LiveCheck, ledger: Ledger, fits: _Fits, random: Ints, chosen: Ints) -> LiveCheck:
    """Fit both arms at several sizes, and put the differences and the labels saved between bounds."""
    import numpy as np

    state = fits.state
    both = {*random.tolist(), *chosen.tolist()}
    order = np.array([row for row in ledger.interleaved() if row in both])
    # what was labeled later beside them was chosen knowing what they taught, and is left out
    began = min(ledger.rounds[row] for row in order.tolist())
    start = state.labeled[state.rounds[state.labeled] < began]
    # half of the random documents at least are drawn later, and can test
    most = int(np.flatnonzero(np.isin(order, random))[random.size // 2])
    size = min(random.size * (_FOLDS - 1) // _FOLDS, most)
    sizes = {
        "asked": sorted({min(max(round(size * share), 1), most) for share in _ASKED_SIZES}),
        "random": sorted({max(round(size * share), 1) for share in _RANDOM_SIZES}),
    }
    # in an order of their own: parts must not be those of a time. Equal rows, equal parts
    mixed = generator(fits.seed, 0, "live-check").permutation(np.sort(random))
    tested = mixed[np.isin(mixed, order[sizes["asked"][-1] :])]
    said = {
        "asked": [fits.predict(np.concatenate([start, order[:g]]), tested) for g in sizes["asked"]],
        # two halves are enough where the other half holds as many labels
        "random": [
            fits.out_of_fold(start, mixed, g, tested, 2 if g <= random.size // 2 else _FOLDS) for g in sizes["random"]
        ],
    }
    truth, k = state.labels[tested], len(state.question.labels)
    # the first row of weights is the documents as they are, the others are draws
    weights = np.concatenate([np.ones((1, truth.size)), _spread(fits.seed, truth.size)])
    total = weights.sum(axis=1)
    curves = {arm: weights @ (np.stack(said[arm]) == truth).T / total[:, None] for arm in said}
    asked, random = said["asked"][sizes["asked"].index(size)], said["random"][-1]
    right_asked, right_random = curves["asked"][:, sizes["asked"].index(size)], curves["random"][:, -1]
    difference = _between(right_asked - right_random)
    # what the random labels reach in the end, and what either arm needed for it: where more labels teach no more, the
    # random arm was there before
    wanted = _rising(curves["random"])[:, -1:]
    needed = {arm: _needed(curves[arm], sizes[arm], wanted) for arm in curves}
    # no curve was drawn beyond the largest size: worse than that cannot be told from as bad as that
    worst, best = 1 - sizes["asked"][-1] / size, float(1 - sizes["asked"][0] / needed["random"][0])
    return replace(
        base,
        helps=True if difference.low > 0 else False if difference.high < 0 else None,
        labels=size,
        accuracy_asked=float(right_asked[0]),
        accuracy_random=float(right_random[0]),
        difference=difference,
        macro_f1_difference=_between(_macro_f1(weights, truth, asked, k) - _macro_f1(weights, truth, random, k)),
        saved=_between(np.maximum(1 - needed["asked"] / needed["random"], worst)),
        tried=(worst, best),
    )


def _spread(seed: int, n: int) -> Numbers:
    """Weights (draws, n) of a bootstrap whose spread is that of other documents to test on and of other labels.

    Two models that learned from two random sets of labels differ by their sets, too: an interval over the documents
    alone told, at 95 %, a difference that was not there in 6 to 13 of 100 simulated reviews. Nadeau and Bengio (2003)
    would take 1 + 5/4 times its variance, which made it 1.3; the spread measured (2 and 6 labels, 2 to 100 dimensions,
    40 to 300 documents) was up to 1.24 times as wide, so 1.5 times its variance it is. A draw takes n / 1.5 documents.
    """
    drawn = max(round(n / _VARIANCE), 1)
    weights: Numbers = generator(seed, 0, "live-check bootstrap").multinomial(drawn, [1 / n] * n, _DRAWS).astype(float)
    return weights


def _between(values: Numbers) -> Between:
    """The first value, and the percentiles of the others."""
    import numpy as np

    low, high = np.percentile(values[1:], (2.5, 97.5))
    return Between(float(values[0]), float(low), float(high))


def _macro_f1(weights: Numbers, truth: Ints, predicted: Ints, k: int) -> Numbers:
    """Macro-F1 (draws,) of weighted documents over the labels that occur among them or are predicted."""
    import numpy as np

    true, said = np.eye(k)[truth], np.eye(k)[predicted]
    hits, total = weights @ (true * said), weights @ (true + said)
    f1 = 2 * hits / np.maximum(total, 1)
    values: Numbers = f1.sum(axis=1) / np.maximum((total > 0).sum(axis=1), 1)
    return values


def _rising(curves: Numbers) -> Numbers:
    """The closest curves (draws, sizes) that never fall: isotonic regression, by its min-max formula."""
    import numpy as np

    draws, m = curves.shape
    sums = np.concatenate([np.zeros((draws, 1)), curves.cumsum(axis=1)], axis=1)
    rising = np.empty_like(curves)
    for j in range(m):
        means = [[(sums[:, b + 1] - sums[:, a]) / (b + 1 - a) for b in range(j, m)] for a in range(j + 1)]
        rising[:, j] = np.max([np.min(of, axis=0) for of in means], axis=0)
    return rising


def _needed(curves: Numbers, sizes: Sequence[int], wanted: Numbers) -> Numbers:
    """At how many labels (draws,) each rising curve reaches what is wanted; the largest size where it does not."""
    import numpy as np

    rising = _rising(curves)
    at = np.asarray(sizes, dtype=float)
    reached = rising >= wanted - 1e-12
    first = np.where(reached.any(axis=1), reached.argmax(axis=1), len(sizes) - 1)
    before = np.maximum(first - 1, 0)
    rows = np.arange(len(curves))
    rise = rising[rows, first] - rising[rows, before]
    share = np.where(rise > 0, (wanted[:, 0] - rising[rows, before]) / np.where(rise > 0, rise, 1), 1.0)
    needed: Numbers = at[before] + np.clip(share, 0, 1) * (at[first] - at[before])
    return needed


def _share(hits: npt.NDArray[np.bool_]) -> Estimate:
    return wilson(int(hits.sum()), int(hits.size))
