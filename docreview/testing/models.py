"""Checks of models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from docreview.errors import BadSetting
from docreview.testing.common import digest, global_generators_untouched, require, state_digest, under_test
from docreview.testing.effort import SIZES, processor_seconds, require_memory, require_time
from docreview.testing.samples import MANY, large_state, make_state, one_view, relabeled
from docreview.types import Restores, Saves

if TYPE_CHECKING:
    from docreview.types import Fitted, Model, ReviewState

SEVEN = tuple("abcdefg")


def _fitted(model: Model, state: ReviewState, seed: int = 0) -> Fitted:
    import numpy as np

    from docreview.contracts import CheckedFitted

    return CheckedFitted(under_test("models", model), model.fit(state, np.random.default_rng(seed)), state)


def _learn(model: Model, state: ReviewState) -> str:
    """Fit, look at what was learned, and hash it."""
    fitted = _fitted(model, state)
    return digest(fitted.scores, fitted.probabilities)


def _trainable() -> Iterator[ReviewState]:
    yield make_state()
    yield make_state(target=None, validation=10)
    yield make_state(labels=SEVEN, target=None, read=70)


def check_model_probabilities(model: Model) -> None:
    """Scores and probabilities are finite and (n, k); probabilities lie in 0 to 1 and rows sum to one."""
    for state in _trainable():
        _learn(model, state)


def check_model_learns(model: Model) -> None:
    """On the mean the right label of a document that it has not seen gets more than its even share."""
    for state in _trainable():
        k = len(state.question.labels)
        truth = make_state(read=state.n, labels=state.question.labels, target=None, skipped=0).labels
        pool = state.pool
        mean = _fitted(model, state).probabilities[pool, truth[pool]].mean()
        require(mean > 1.2 / k, f"the right label of {k} gets {mean:.3f} on the mean, no better than chance")


def check_model_ranks(model: Model) -> None:
    """Documents of the target that it has not seen score higher on the mean than the others."""
    state = make_state()
    hits = make_state(read=state.n, skipped=0).labels[state.pool] == 0
    scores = _fitted(model, state).scores[state.pool, 0]
    require(scores[hits].mean() > scores[~hits].mean(), "documents of the target must score higher than the others")


def check_model_few_labels(model: Model) -> None:
    """It can be fitted from one document of each of two labels, also where the question has more."""
    for labels in (("relevant", "other"), SEVEN):
        seeds = (make_state(labels=labels, target=None, read=2, skipped=0, seed=seed) for seed in range(100))
        _learn(model, next(state for state in seeds if state.trainable))


def check_model_many_labels(model: Model) -> None:
    """It can be fitted to a question of 150 labels, with a target or without."""
    for target in (None, MANY[0]):
        _learn(model, make_state(450, labels=MANY, target=target, read=300))


def check_model_all_read(model: Model) -> None:
    """It can be fitted when every document has been read."""
    _learn(model, make_state(40, read=40))


def check_model_views(model: Model) -> None:
    """It learns from one view alone while the others are not built, or names the view that it lacks by `BadSetting`."""
    refused = []
    for name in ("lexical", "semantic"):
        try:
            _learn(model, one_view(make_state(), name))
        except BadSetting as error:
            refused.append(str(error))
    require(len(refused) < 2, f"one of the two views must suffice: {refused[:1]}")


def check_model_blank(model: Model) -> None:
    """It copes with documents in which no view sees anything."""
    _learn(model, make_state(blank=30))


def check_model_alike(model: Model) -> None:
    """It copes with documents that are all the same."""
    _learn(model, make_state(alike=True))


def check_model_texts(model: Model) -> None:
    """It copes with texts that are empty, huge, of control characters or in any script."""
    _learn(model, make_state(odd=True))


def check_model_blind(model: Model) -> None:
    """It learns nothing from labels of a locked sample, on which it is measured."""
    state = make_state(validation=20)
    same = _learn(model, state) == _learn(model, relabeled(state))
    require(same, "labels of a locked sample must not be learned from")


def check_model_repeats(model: Model) -> None:
    """The same state and the same generator give the same scores and probabilities."""
    state = make_state()
    same = _learn(model, state) == _learn(model, state)
    require(same, "the same state and generator must give the same scores and probabilities")


def check_model_remembers_nothing(model: Model) -> None:
    """Fitting it to another state changes neither what it learned before nor what it learns after."""
    state = make_state(seed=1)
    wanted = _learn(model, state)
    before = _fitted(model, state)
    _learn(model, make_state(labels=SEVEN, target=None, read=70, seed=2))
    require(digest(before.scores, before.probabilities) == wanted, "what was learned before must stay as it is")
    require(_learn(model, state) == wanted, "what is learned must not depend on what was learned before")


def check_model_saved(model: Model) -> None:
    """Where it can be saved, what is made of it again gives the same probabilities, to 0.00001."""
    import numpy as np

    for state in _trainable():
        fitted = model.fit(state, np.random.default_rng(0))
        if not isinstance(fitted, Saves):
            return
        require(isinstance(model, Restores), "what can be saved must be made again by `restored`")
        assert isinstance(model, Restores), "as it was just required"
        try:
            saved = fitted.saved()
        except BadSetting:
            continue  # it says why
        names = set(saved["views"])
        require(names <= set(state.views), f"`views` must name views that there are, got {sorted(names)}")
        seen = {name: view.matrix for name, view in state.views.items() if name in names}
        again = model.restored(saved, state.question).predict(seen)
        same = np.shape(again) == fitted.probabilities.shape and np.allclose(again, fitted.probabilities, atol=1e-5)
        require(same, "the saved model must give the probabilities that the model gives")


def check_model_generators(model: Model) -> None:
    """It draws from the generator it is given and leaves the global ones alone."""
    with global_generators_untouched():
        _learn(model, make_state())


def check_model_leaves_state(model: Model) -> None:
    """It changes nothing in the state."""
    state = make_state()
    before = state_digest(state)
    _learn(model, state)
    require(state_digest(state) == before, "the state must not be changed")


def _work(model: Model) -> Callable[[int], Callable[[], object]]:
    def work(n: int) -> Callable[[], object]:
        state = large_state(n)
        return lambda: _learn(model, state)

    return work


@cache
def _usual() -> float:
    from docreview.models import LateFusion

    return processor_seconds(_work(LateFusion())(SIZES[-1]))


def check_model_time(model: Model) -> None:
    """At 100,000 documents, 1,000 of them labeled, it takes at most 20 times as long as `late-fusion`, and 0.5 s."""
    require_time(_work(model), _usual(), 0.5)


def check_model_memory(model: Model) -> None:
    """At 100,000 documents it takes at most 4 KiB of memory a document: no matrix of all pairs."""
    require_memory(_work(model))
