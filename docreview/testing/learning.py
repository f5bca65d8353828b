"""Checks of what learns and decides: query strategies, classifiers, models, stopping rules, oracles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from docreview.errors import BadSetting
from docreview.testing.common import digest, global_generators_untouched, require, state_digest, under_test
from docreview.testing.samples import QUESTION, make_documents, make_state

if TYPE_CHECKING:
    from docreview.types import Classifier, Fitted, Model, Oracle, QueryStrategy, ReviewState, Selection, StoppingRule

SEVEN = tuple("abcdefg")

# ---------------------------------------------------------------------------------------------------- query strategies


def _select(strategy: QueryStrategy, state: ReviewState, n: int, seed: int = 0) -> Selection:
    import numpy as np

    from docreview.contracts import check_selection

    chosen = strategy.select(state, n, np.random.default_rng(seed))
    return check_selection(under_test("query_strategies", strategy), chosen, state, n)


def _states(strategy: QueryStrategy) -> Iterator[ReviewState]:
    """States that a strategy must cope with; it may refuse a question without a target by `BadSetting`."""
    yield make_state()
    yield make_state(validation=10, seed=1)
    for state in (make_state(target=None, seed=2), make_state(labels=SEVEN, target=None, seed=3)):
        try:
            _select(strategy, state, 1)
        except BadSetting:
            continue
        yield state


def check_strategy_rows(strategy: QueryStrategy) -> None:
    """It chooses n distinct rows of the candidates, or all of them where n is larger."""
    for state in _states(strategy):
        for n in (1, 7, state.candidates.size + 5):
            _select(strategy, state, n)


def check_strategy_short_pool(strategy: QueryStrategy) -> None:
    """It chooses one row from a pool of one, and none from an empty pool."""
    for left in (1, 0):
        chosen = _select(strategy, make_state(40, read=40 - left), 5)
        require(chosen.rows.size == left, f"a pool of {left} must give {left} rows")


def check_strategy_repeats(strategy: QueryStrategy) -> None:
    """The same state and the same generator give the same choice."""
    for state in _states(strategy):
        first, second = _select(strategy, state, 9), _select(strategy, state, 9)
        same = digest(first.rows, first.scores) == digest(second.rows, second.scores)
        require(same, "the same state and generator must give the same choice")


def check_strategy_generators(strategy: QueryStrategy) -> None:
    """It draws from the generator it is given and leaves the global ones alone."""
    with global_generators_untouched():
        _select(strategy, make_state(), 9)


def check_strategy_leaves_state(strategy: QueryStrategy) -> None:
    """It changes nothing in the state."""
    state = make_state()
    before = state_digest(state)
    _select(strategy, state, 9)
    require(state_digest(state) == before, "the state must not be changed")


def check_strategy_scores(strategy: QueryStrategy) -> None:
    """Where it gives scores, they differ between documents that differ."""
    import numpy as np

    for state in _states(strategy):
        scores = _select(strategy, state, state.candidates.size).scores
        flat = scores is not None and np.isfinite(scores).all() and np.ptp(scores) == 0
        require(not flat, "documents that differ must not all have the same score")


def check_strategy_ties(strategy: QueryStrategy) -> None:
    """Among documents that nothing tells apart it chooses by chance, not by their order."""
    state = make_state(alike=True)
    choices = {tuple(sorted(_select(strategy, state, 5, seed).rows.tolist())) for seed in range(8)}
    require(len(choices) > 1, "documents that nothing tells apart must be chosen by chance, not by their order")


def check_strategy_before_labels(strategy: QueryStrategy) -> None:
    """Where it needs no model, it chooses before there is a label, and where all labels are the same."""
    if "model" not in strategy.needs:
        _select(strategy, make_state(read=0), 5)
        _select(strategy, make_state(classes=1), 5)


# --------------------------------------------------------------------------------------------------------- classifiers


def _task() -> tuple[Any, Any, Any]:
    """Rows of word weights (csr, not negative), whether each is of the class, and sample weights: 90 rows."""
    import numpy as np
    import scipy.sparse as sp

    state = make_state(90, read=90, skipped=0)
    matrix: Any = state.views["lexical"].matrix
    truth = state.labels == 0
    return sp.csr_matrix(matrix.copy()), truth, np.where(truth, 2.0, 1.0)


def _fit(classifier: Classifier, X: Any, y: Any, weight: Any) -> Any:
    from sklearn.base import clone

    fitted = clone(classifier)
    if "random_state" in fitted.get_params():
        fitted.set_params(random_state=0)
    return fitted.fit(X, y, sample_weight=weight)


def _scores(fitted: Any, X: Any) -> Any:
    return fitted.decision_function(X) if hasattr(fitted, "decision_function") else fitted.predict_proba(X)[:, 1]


def check_classifier_clones(classifier: Classifier) -> None:
    """`sklearn.base.clone` makes a classifier of the same settings from it."""
    from sklearn.base import clone

    settings: Any = clone(classifier)
    require(repr(settings) == repr(classifier), "a clone must have the same settings")


def check_classifier_learns(classifier: Classifier) -> None:
    """Unseen rows of the class score higher on the mean than the others, from sparse rows and from dense ones."""
    X, y, weight = _task()
    for rows in (X, X.toarray()):
        fitted = _fit(classifier, rows[:60], y[:60], weight[:60])
        scores = _scores(fitted, rows[60:])
        require(scores.shape == (30,), f"one score a row, got shape {scores.shape}")
        require(scores[y[60:]].mean() > scores[~y[60:]].mean(), "rows of the class must score higher than the others")


def check_classifier_probabilities(classifier: Classifier) -> None:
    """Where it has `predict_proba`, rows lie in 0 to 1 and sum to one, a column for each of `classes_` in order."""
    import numpy as np

    X, y, weight = _task()
    fitted = _fit(classifier, X, y, weight)
    require(list(fitted.classes_) == [False, True], "`classes_` must hold the classes in order")
    if hasattr(fitted, "predict_proba"):
        chances = fitted.predict_proba(X)
        require(chances.shape == (90, 2), f"one column a class, got shape {chances.shape}")
        require(np.isfinite(chances).all() and chances.min() >= 0, "probabilities must be finite and not negative")
        require(np.allclose(chances.sum(axis=1), 1, atol=1e-5), "each row of probabilities must sum to one")


def check_classifier_repeats(classifier: Classifier) -> None:
    """The same rows, labels and `random_state` give the same scores."""
    X, y, weight = _task()
    first, second = (_scores(_fit(classifier, X, y, weight), X) for _ in range(2))
    require(digest(first) == digest(second), "the same rows, labels and random_state must give the same scores")


def check_classifier_generators(classifier: Classifier) -> None:
    """It leaves the global random generators alone."""
    with global_generators_untouched():
        _fit(classifier, *_task())


def check_classifier_leaves_input(classifier: Classifier) -> None:
    """It changes neither the rows nor the labels nor the weights."""
    X, y, weight = _task()
    before = digest(X, y, weight)
    _scores(_fit(classifier, X, y, weight), X)
    require(digest(X, y, weight) == before, "rows, labels and weights must not be changed")


# -------------------------------------------------------------------------------------------------------------- models


def _fitted(model: Model, state: ReviewState, seed: int = 0) -> Fitted:
    import numpy as np

    from docreview.contracts import CheckedFitted

    return CheckedFitted(under_test("models", model), model.fit(state, np.random.default_rng(seed)), state)


def _trainable() -> Iterator[ReviewState]:
    yield make_state()
    yield make_state(target=None, validation=10)
    yield make_state(labels=SEVEN, target=None, read=70)


def check_model_probabilities(model: Model) -> None:
    """Scores and probabilities are finite and (n, k); probabilities lie in 0 to 1 and rows sum to one."""
    for state in _trainable():
        fitted = _fitted(model, state)
        _ = fitted.scores, fitted.probabilities


def check_model_learns(model: Model) -> None:
    """On the mean the right label of a document that it has not seen gets more than its even share."""
    for state in _trainable():
        k = len(state.question.labels)
        truth = make_state(read=state.n, labels=state.question.labels, target=None, skipped=0).labels
        pool = state.pool
        mean = _fitted(model, state).probabilities[pool, truth[pool]].mean()
        require(mean > 1.2 / k, f"the right label of {k} gets {mean:.3f} on the mean, no better than chance")


def check_model_few_labels(model: Model) -> None:
    """It can be fitted from one document of each of two labels, also where the question has more."""
    for labels in (("relevant", "other"), SEVEN):
        seeds = (make_state(labels=labels, target=None, read=2, skipped=0, seed=seed) for seed in range(100))
        state = next(state for state in seeds if state.trainable)
        fitted = _fitted(model, state)
        _ = fitted.scores, fitted.probabilities


def check_model_blind(model: Model) -> None:
    """It learns nothing from labels of a locked sample, on which it is measured."""
    state = make_state(validation=20)
    locked = state.samples[0].rows
    labels = state.labels.copy()
    labels[locked] = (labels[locked] + 1) % len(state.question.labels)
    given = tuple(replace(a, value=int(labels[a.row])) if a.row in locked else a for a in state.annotations)
    first, second = _fitted(model, state), _fitted(model, replace(state, labels=labels, annotations=given))
    same = digest(first.scores, first.probabilities) == digest(second.scores, second.probabilities)
    require(same, "labels of a locked sample must not be learned from")


def check_model_repeats(model: Model) -> None:
    """The same state and the same generator give the same scores and probabilities."""
    state = make_state()
    first, second = _fitted(model, state), _fitted(model, state)
    same = digest(first.scores, first.probabilities) == digest(second.scores, second.probabilities)
    require(same, "the same state and generator must give the same scores and probabilities")


def check_model_generators(model: Model) -> None:
    """It draws from the generator it is given and leaves the global ones alone."""
    with global_generators_untouched():
        fitted = _fitted(model, make_state())
        _ = fitted.scores, fitted.probabilities


def check_model_leaves_state(model: Model) -> None:
    """It changes nothing in the state."""
    state = make_state()
    before = state_digest(state)
    fitted = _fitted(model, state)
    _ = fitted.scores, fitted.probabilities
    require(state_digest(state) == before, "the state must not be changed")


# ------------------------------------------------------------------------------------------------------ stopping rules


def _moments(rule: StoppingRule) -> Iterator[ReviewState]:
    """Moments of a review, from nothing read to everything; a rule may refuse a question without a target."""
    yield make_state(read=0)
    yield make_state(classes=1)
    yield make_state(validation=20)
    yield make_state(read=120)
    state = make_state(labels=SEVEN, target=None, validation=20)
    try:
        rule.check(state)
    except BadSetting:
        return
    yield state


def check_rule_decides(rule: StoppingRule) -> None:
    """At every moment of a review it returns a decision with a reason and evidence that JSON can hold."""
    from docreview.contracts import check_decision

    for state in _moments(rule):
        decision = check_decision(under_test("stopping_rules", rule), rule.check(state), state.round)
        require(isinstance(decision.stop, bool), f"`stop` must be True or False, got {decision.stop!r}")
        json.dumps(dict(decision.evidence), allow_nan=False)


def check_rule_repeats(rule: StoppingRule) -> None:
    """It remembers nothing: the same state gives the same decision, whatever was asked between."""
    first = [rule.check(state) for state in _moments(rule)]
    second = [rule.check(state) for state in reversed(list(_moments(rule)))]
    require(first == second[::-1], "the same state must give the same decision, whatever was asked between")


def check_rule_generators(rule: StoppingRule) -> None:
    """It leaves the global random generators alone."""
    with global_generators_untouched():
        rule.check(make_state(validation=20))


def check_rule_leaves_state(rule: StoppingRule) -> None:
    """It changes nothing in the state."""
    state = make_state(validation=20)
    before = state_digest(state)
    rule.check(state)
    require(state_digest(state) == before, "the state must not be changed")


# ------------------------------------------------------------------------------------------------------------- oracles


def _answers(oracle: Oracle, documents: list[Any], seed: int = 0) -> list[str | None]:
    import numpy as np

    from docreview.contracts import check_answers

    answers = oracle.label(documents, QUESTION, np.random.default_rng(seed))
    return check_answers(under_test("oracles", oracle), answers, documents, QUESTION, 1)


def check_oracle_answers(oracle: Oracle) -> None:
    """It gives one answer for each document, a label of the question or None; none where it is asked about none."""
    documents = make_documents()
    _answers(oracle, documents)
    _answers(oracle, documents[:1])
    _answers(oracle, [])


def check_oracle_repeats(oracle: Oracle) -> None:
    """The same documents and the same generator give the same answers."""
    first, second = _answers(oracle, make_documents()), _answers(oracle, make_documents())
    require(first == second, "the same documents and generator must give the same answers")


def check_oracle_generators(oracle: Oracle) -> None:
    """It draws from the generator it is given and leaves the global ones alone."""
    with global_generators_untouched():
        _answers(oracle, make_documents())
