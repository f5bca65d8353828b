import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import LinearSVC

from docreview.cache import TextSource
from docreview.calibration import calibrate, weigh
from docreview.classifiers import linear_svm, logistic_regression, naive_bayes
from docreview.errors import BadSetting, ContractViolation, UnknownLabel
from docreview.models import LateFusion, assign_folds, balanced, late_fusion, parts
from docreview.testing.common import new_cache
from docreview.types import Question, ReviewState, Vectors
from docreview.views import Characters, Lexical


def corpus(n=300, k=2, seed=0, words=400):
    """Documents of k topics as word weights (sparse) and as noisy topic vectors (dense), with their true classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    truth[:k] = np.arange(k)
    counts = np.zeros((n, words), dtype=np.float32)
    for row in range(n):
        own = rng.integers(0, 12, 6) + 12 * truth[row]
        np.add.at(counts[row], np.concatenate([own, rng.integers(12 * k, words, 25)]), 1)
    sparse = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    dense = np.eye(max(k, 8), dtype=np.float32)[truth] + rng.normal(scale=0.6, size=(n, max(k, 8))).astype(np.float32)
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    return truth, {"lexical": Vectors(sp.csr_array(sparse), "l"), "semantic": Vectors(dense, "s")}


def review(truth, views, read, target=None, k=None):
    k = k or int(truth.max()) + 1
    names = tuple(f"topic {i}" for i in range(k))
    labels = np.full(truth.size, -1)
    labels[read] = truth[read]
    return ReviewState(
        question=Question("q", names, target=None if target is None else names[target]),
        round=1,
        n=truth.size,
        views=views,
        labels=labels,
        rounds=np.where(labels >= 0, 1, -1),
        reviewed=np.asarray(read, dtype=np.int64),
    )


def fit(state, seed=0, **settings):
    return LateFusion(**settings).fit(state, np.random.default_rng(seed))


@pytest.mark.parametrize("k", [2, 3, 7])
@pytest.mark.parametrize("target", [None, 0, 1])
def test_it_learns_and_gives_probabilities(k, target):
    truth, views = corpus(400, k)
    state = review(truth, views, np.arange(40 * k), target)
    fitted = fit(state)
    unread = np.arange(40 * k, 400)
    assert (fitted.probabilities.argmax(axis=1) == truth)[unread].mean() > 0.9
    for values in (fitted.scores, fitted.probabilities):
        assert values.shape == (400, k)
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    assert fitted.probabilities.sum(axis=1) == pytest.approx(np.ones(400), abs=1e-5)
    assert (fitted.probabilities >= 0).all()


def test_scores_are_the_weighted_sum_of_standardized_decisions():
    truth, views = corpus()
    rows = np.arange(60)
    state = review(truth, views, rows, target=0)
    y = truth[rows] == 0
    weights = np.where(y, 1, y.sum() / (9.8 * (~y).sum()))
    weights *= 60 / weights.sum()
    expected = np.zeros(300)
    for name, weight in (("lexical", 1.0), ("semantic", 0.5)):
        X = views[name].matrix
        # all columns, not only those of the labeled rows: the empty ones must make no difference
        svm = LinearSVC(C=0.11, max_iter=10_000, random_state=0, tol=1e-7).fit(X[rows], y, sample_weight=weights)
        decision = svm.decision_function(X)
        expected += weight * (decision - decision[60:].mean()) / decision[60:].std()
    precise = LinearSVC(C=0.11, max_iter=10_000, tol=1e-7)
    fitted = fit(state, classifier=precise, weights={"semantic": 0.5})
    assert fitted.scores[:, 0] == pytest.approx(expected, abs=2e-3)
    assert fitted.scores[:, 1] == pytest.approx(-expected, abs=2e-3)


@given(st.integers(1, 50), st.integers(1, 50), st.floats(0.1, 20))
def test_balanced_weights_keep_the_ratio_and_the_total(ones, zeros, ratio):
    positive = np.array([True] * ones + [False] * zeros)
    weights = balanced(positive.astype(np.int64), {1: ratio})
    assert weights[positive].sum() / weights[~positive].sum() == pytest.approx(ratio)
    assert weights.sum() == pytest.approx(ones + zeros)


def test_labels_weigh_alike_and_a_target_more_than_its_rest():
    seen = []

    class Spy(LinearSVC):
        def fit(self, X, y, sample_weight=None):
            totals = [sample_weight[y == c].sum() for c in np.unique(y)]
            seen.append([total / totals[0] for total in totals])
            return super().fit(X, y, sample_weight)

    truth, views = corpus(300, 3)
    rows = np.concatenate([np.flatnonzero(truth == c)[: 10 * (c + 1)] for c in range(3)])
    fit(review(truth, {"lexical": views["lexical"]}, rows, target=1), classifier=Spy())
    # all labels alike, and the target against the rest
    assert seen == [pytest.approx([1, 1, 1]), pytest.approx([1, 9.8])]
    seen.clear()
    two, views = corpus(300, 2)
    fit(review(two, {"lexical": views["lexical"]}, np.arange(90), target=0), classifier=Spy())
    assert seen == [pytest.approx([1, 1 / 9.8])]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(
    "classifier",
    [
        linear_svm(),
        logistic_regression(),
        naive_bayes(),
        naive_bayes("multinomial"),
        RandomForestClassifier(n_estimators=30),
    ],
    ids=lambda c: type(c).__name__,
)
def test_any_scikit_learn_classifier_works_on_word_weights(classifier, k, monkeypatch):
    # small blocks: what is computed in pieces must fit together
    monkeypatch.setattr(parts, "_BLOCK", 64)
    truth, views = corpus(300, k)
    fitted = fit(review(truth, {"lexical": views["lexical"]}, np.arange(80)), classifier=classifier)
    assert (fitted.probabilities.argmax(axis=1) == truth)[80:].mean() > 0.85


@pytest.mark.parametrize("variant", ["complement", "multinomial"])
def test_naive_bayes_scores_are_its_log_odds(variant):
    truth, views = corpus()
    rows = np.arange(50)
    X, y = views["lexical"].matrix[rows].toarray(), truth[rows] == 1
    columns = X.any(axis=0)
    bayes = naive_bayes(variant).fit(X[:, columns], y, sample_weight=balanced(y.astype(np.int64), {}))
    odds = np.diff(bayes.predict_log_proba(views["lexical"].matrix.toarray()[:, columns]), axis=1)[:, 0]
    scores = fit(review(truth, {"lexical": views["lexical"]}, rows), classifier=naive_bayes(variant)).scores[:, 1]
    assert scores == pytest.approx((odds - odds[50:].mean()) / odds[50:].std(), abs=1e-3)


def test_a_label_nobody_gave_yet_comes_last_and_keeps_a_small_probability():
    truth, views = corpus(200, 4)
    rows = np.flatnonzero(truth < 3)[:60]
    fitted = fit(review(truth, views, rows, target=3, k=4))
    assert (fitted.scores[:, 3] < fitted.scores[:, :3].min()).all()
    assert fitted.probabilities[:, 3] == pytest.approx(np.full(200, 1 / 64), abs=1e-6)
    assert fitted.probabilities.sum(axis=1) == pytest.approx(np.ones(200), abs=1e-5)


@pytest.mark.parametrize("k", [2, 3])
def test_the_fewest_labels_that_can_train_are_enough(k):
    truth, views = corpus(100, k)
    two = np.array([np.flatnonzero(truth == 0)[0], np.flatnonzero(truth == 1)[0]])
    probabilities = fit(review(truth, views, two, target=1)).probabilities
    assert np.isfinite(probabilities).all()
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(100), abs=1e-5)


def test_one_label_only_cannot_train():
    truth, views = corpus()
    with pytest.raises(ValueError, match="two classes"):
        fit(review(truth, views, np.flatnonzero(truth == 0)[:5]))


def test_150_labels():
    truth, views = corpus(600, 150, words=2200)
    fitted = fit(review(truth, views, np.arange(450)))
    assert fitted.probabilities.shape == (600, 150)
    assert (fitted.probabilities.argmax(axis=1) == truth)[450:].mean() > 0.5
    assert fitted.probabilities.sum(axis=1) == pytest.approx(np.ones(600), abs=1e-4)


def test_a_view_that_is_not_there_stands_aside():
    truth, views = corpus()
    alone = {"lexical": views["lexical"]}
    state = review(truth, alone, np.arange(60))
    with_weights = fit(state, weights={"semantic": 0.5}, classifiers={"semantic": logistic_regression()})
    assert (with_weights.scores == fit(state).scores).all()
    both = fit(review(truth, views, np.arange(60)), weights={"semantic": 0})
    assert (both.scores == with_weights.scores).all()
    with pytest.raises(BadSetting, match="weight 0"):
        fit(state, weights={"lexical": 0})


def test_the_same_seed_gives_the_same_bits_whatever_the_global_generator_does():
    truth, views = corpus(k=3)
    state = review(truth, views, np.arange(60))
    first = fit(state, seed=7)
    np.random.seed(1)  # noqa: NPY002
    again = fit(state, seed=7)
    assert (first.scores == again.scores).all()
    assert (first.probabilities == again.probabilities).all()


def test_fitting_changes_neither_model_nor_classifier():
    truth, views = corpus()
    classifier = linear_svm()
    model = LateFusion(classifier=classifier)
    before = repr(model)
    model.fit(review(truth, views, np.arange(50)), np.random.default_rng(0))
    assert repr(model) == before
    assert not hasattr(classifier, "coef_")


def test_probabilities_are_computed_only_when_asked_for(monkeypatch):
    calls = []
    monkeypatch.setattr(late_fusion, "calibrate", lambda *a: calls.append(1) or calibrate(*a))
    truth, views = corpus()
    fitted = fit(review(truth, views, np.arange(60)))
    assert fitted.scores.shape == (300, 2)
    assert not calls
    assert fitted.probabilities is fitted.probabilities
    assert len(calls) == 1


def test_probabilities_rank_as_scores_do():
    truth, views = corpus()
    fitted = fit(review(truth, views, np.arange(60), target=0))
    order = np.argsort(fitted.scores[:, 0])
    assert (np.diff(fitted.probabilities[order, 0]) >= -1e-7).all()


def test_probabilities_are_calibrated_and_not_those_of_the_training_rows():
    # labels independent of the documents: a model that judged its own training rows would be sure of itself
    rng = np.random.default_rng(99)
    _, views = corpus(600)
    truth = rng.integers(0, 2, 600)
    fitted = fit(review(truth, views, np.arange(200)))
    assert fitted.probabilities[200:].max() < 0.75
    # and where there is something to learn, they say how often they are right
    truth, views = corpus(3000, seed=3)
    flipped = np.where(rng.random(3000) < 0.2, 1 - truth, truth)
    sure = fit(review(flipped, views, np.arange(400))).probabilities[400:].max(axis=1)
    right = fit(review(flipped, views, np.arange(400))).probabilities[400:].argmax(axis=1) == flipped[400:]
    assert sure.mean() == pytest.approx(right.mean(), abs=0.05)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=80), st.integers(2, 7), st.integers(0, 9))
def test_folds_spread_each_label_and_never_empty_it(labels, folds, seed):
    labels = np.array(labels)
    fold = assign_folds(labels, folds, np.random.default_rng(seed))
    for label in set(labels.tolist()):
        mine = fold[labels == label]
        if mine.size == 1:
            assert mine[0] == -1
            continue
        counts = np.bincount(mine, minlength=1)
        assert mine.min() >= 0
        assert counts.max() < mine.size
        if labels.size > 20:
            assert counts.max() <= math.ceil(mine.size / folds)
    if labels.size <= 20:
        held = fold[fold >= 0]
        assert len(set(held.tolist())) == held.size


def platt(f, y):
    """Platt's own objective, minimized without a gradient."""
    ones, zeros = (y == 1).sum(), (y == 0).sum()
    t = np.where(y == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))

    def objective(ab):
        z = ab[0] * f + ab[1]
        return (t * np.logaddexp(0, z) + (1 - t) * np.logaddexp(0, -z)).sum()

    fit = minimize(objective, (0.0, math.log((zeros + 1) / (ones + 1))), method="Nelder-Mead", tol=1e-12)
    return 1 / (1 + np.exp(fit.x[0] * f + fit.x[1]))


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_calibration_of_two_labels_is_platt_scaling(seed):
    rng = np.random.default_rng(seed)
    y = np.concatenate([[0, 0, 1, 1], rng.integers(0, 2, 40)])
    f = rng.normal(size=44) + 2 * y
    scores = np.stack([-f, f], axis=1).astype(np.float32)
    p = calibrate(scores, y, np.array([False, False])).apply(scores)
    assert p[:, 1] == pytest.approx(platt(f, y), abs=2e-3)


def test_calibration_of_useless_scores_gives_the_frequencies_and_stays_finite():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [700, 200, 100])
    scores = rng.normal(size=(1000, 3)).astype(np.float32)
    p = calibrate(scores, y, np.zeros(3, dtype=bool)).apply(scores)
    assert p.mean(axis=0) == pytest.approx([0.7, 0.2, 0.1], abs=0.01)
    # separable scores: smoothed targets keep the slope finite and nobody certain
    perfect = (np.eye(3)[y] * 10).astype(np.float32)
    p = calibrate(perfect, y, np.zeros(3, dtype=bool)).apply(perfect)
    assert p.max() < 1
    assert (p.argmax(axis=1) == y).all()


def test_labels_are_taken_for_a_little_more_equally_common_than_they_were():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [70, 20, 10])
    scores = rng.normal(size=(100, 3)).astype(np.float32)
    absent = np.zeros(3, dtype=bool)
    free, shrunk = calibrate(scores, y, absent), calibrate(scores, y, absent, even=5)
    assert shrunk.offsets == pytest.approx(free.offsets * 100 / 115)
    assert shrunk.slope == free.slope
    # with a target, how common it is comes through
    truth, views = corpus(400)
    truth = np.where(np.random.default_rng(1).random(400) < 0.4, truth, 0)
    alike = [fit(review(truth, views, np.arange(40), target=target)).calibration.offsets for target in (None, 0)]
    assert np.abs(alike[0]).max() < np.abs(alike[1]).max()


def two_voices(seed, noise=(1.0, 4.0), m=120, k=3):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), rng.integers(0, k, m - k)])
    scores = [2 * np.eye(k)[y] + rng.normal(scale=scale, size=(m, k)) for scale in noise]
    return np.stack(scores).astype(np.float32), y


@pytest.mark.parametrize("seed", range(3))
def test_voices_are_weighed_as_a_penalized_logistic_regression_says(seed):
    scores, y = two_voices(seed, (1.5, 2.0))
    counts = np.bincount(y)[y]
    wanted = np.full((y.size, 3), 1.0) / (counts + 3)[:, None]
    wanted[np.arange(y.size), y] = (counts + 1) / (counts + 3)

    def objective(parameters):
        logits = parameters[0] * scores[0] + parameters[1] * scores[1] + np.append(parameters[2:], 0)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return 10 * 2 * (parameters[0] / 2 - parameters[1] / 2) ** 2 - (wanted * logs).sum()

    slopes = minimize(objective, (1, 1, 0, 0), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-9}).x[:2]
    assert weigh(scores, y, np.zeros(3, dtype=bool)) == pytest.approx(slopes / slopes.mean(), abs=1e-3)


@given(st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_the_better_voice_counts_more_and_none_is_silenced(seed, voices):
    scores, y = two_voices(seed, (0.5, 50.0, 50.0, 50.0)[:voices])
    weights = weigh(scores, y, np.zeros(3, dtype=bool))
    assert weights.mean() == pytest.approx(1)
    assert weights.min() >= 0.5 - 1e-6
    assert weights[0] == weights.max()
    if voices > 1:
        assert weights[0] == pytest.approx(1 + (voices - 1) / 2, abs=0.05)
    # what says nothing at all is not asked which voice is the better one
    assert weigh(np.repeat(-scores[:1], voices, axis=0), y, np.zeros(3, dtype=bool)).tolist() == [1.0] * voices


def test_views_are_weighed_where_no_target_is_sought():
    truth, views = corpus(500)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(500, 30)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    views = {"lexical": views["lexical"], "semantic": Vectors(noise, "noise")}
    state = review(truth, views, np.arange(100))
    learned, equal = fit(state), fit(state, weights={"lexical": 1.0, "semantic": 1.0})
    assert learned.weights["lexical"] > 1.3
    assert equal.weights == {"lexical": 1, "semantic": 1}
    right = [(model.probabilities.argmax(axis=1) == truth)[100:].mean() for model in (learned, equal)]
    assert right[0] > right[1] + 0.02
    assert fit(review(truth, views, np.arange(100), target=0)).weights == equal.weights


def test_a_committee_leaves_out_the_view_that_its_model_leaves_out():
    truth, views = corpus(400)
    state = review(truth, views, np.arange(80))
    members = LateFusion(weights={"lexical": 0.0}).committee(state, "bootstrap", 3, np.random.default_rng(0))
    alone = {"semantic": views["semantic"]}
    same = LateFusion().committee(review(truth, alone, np.arange(80)), "bootstrap", 3, np.random.default_rng(0))
    for member, other in zip(members, same, strict=True):
        np.testing.assert_allclose(member.scores, other.scores, atol=1e-5)


def test_backward_scores_never_turn_the_ranking_round():
    y = np.repeat([0, 1], 20)
    f = np.where(y == 1, -1.0, 1.0)
    scores = np.stack([-f, f], axis=1).astype(np.float32)
    p = calibrate(scores, y, np.zeros(2, dtype=bool)).apply(scores)
    assert p[0, 1] > p[-1, 1]
    assert p.max() < 0.7


def test_few_labels_are_not_drowned_by_the_commonest_one():
    # held-out scores of 20 rows of eight labels look no better than chance, and the model is far better than that
    right = []
    for seed in range(5):
        truth, views = corpus(400, 8, seed=seed)
        fitted = fit(review(truth, {"lexical": views["lexical"]}, np.arange(20)))
        right.append((fitted.probabilities.argmax(axis=1) == truth)[20:].mean())
    assert np.mean(right) > 0.55


def test_word_weights_share_the_score_among_the_words():
    truth, views = corpus()
    X = views["lexical"].matrix

    def explain(text):
        row = int(text)
        columns = X[[row]].indices
        contributions = sp.csr_array(
            (X[[row]].data, (np.arange(columns.size), columns)), shape=(columns.size, X.shape[1])
        )
        return [(i, i + 1) for i in range(columns.size)], contributions

    lexical = Vectors(X, "l", explain=explain)
    fitted = fit(review(truth, {"lexical": lexical}, np.arange(60), target=0))
    shares = [sum(weight for *_, weight in fitted.word_weights(str(row), "topic 0")) for row in range(100)]
    # the words' weights and the score differ by a constant: the offset and the mean
    assert np.ptp(np.array(shares) - fitted.scores[:100, 0]) < 1e-3
    for_, against = (fitted.word_weights("5", f"topic {i}") for i in (0, 1))
    assert [(a, b, -w) for a, b, w in for_] == against
    with pytest.raises(UnknownLabel):
        fitted.word_weights("5", "topic 9")
    forest = fit(review(truth, {"lexical": lexical}, np.arange(60)), classifier=RandomForestClassifier(5))
    assert forest.word_weights("5", "topic 0") == []
    assert fit(review(truth, views, np.arange(60))).word_weights("5", "topic 0") == []


def test_what_several_views_say_of_a_word_is_added():
    texts = [f"{'good' if i % 2 else 'bad'}ness of thing {i % 7}" for i in range(80)]
    truth = np.arange(80) % 2
    source = TextSource(texts)
    with new_cache() as cache:
        views = {"lexical": Lexical().build(source, cache), "characters": Characters().build(source, cache)}
        fitted = fit(review(truth, views, np.arange(30), target=0))
        told = [fitted.word_weights(text, "topic 0") for text in texts]
        spans = [(a, b) for a, b, _ in told[0]]
        assert spans == sorted(set(spans))
        assert [texts[0][a:b] for a, b in spans] == texts[0].split()
        shares = np.array([sum(weight for *_, weight in words) for words in told])
        # the weights and the score differ by a constant: the offsets and the means
        assert np.ptp(shares - fitted.scores[:, 0]) < 1e-3
        assert np.ptp(shares) > 0.1


def test_a_classifier_that_is_not_finite_is_blamed():
    class Broken(RandomForestClassifier):
        def predict_proba(self, X):
            return np.full((X.shape[0], 2), np.nan)

    truth, views = corpus()
    with pytest.raises(ContractViolation, match="Broken broke its contract: its probabilities must be"):
        fit(review(truth, views, np.arange(60)), classifier=Broken(5))


@pytest.mark.parametrize(
    ("setting", "value"), [("ratio", 0.0), ("folds", 1), ("weights", {"lexical": -1.0}), ("weights", {"lexical": "1"})]
)
def test_impossible_settings_are_refused(setting, value):
    with pytest.raises(ValueError, match=setting):
        LateFusion(**{setting: value})


@pytest.mark.parametrize("factory", [linear_svm, logistic_regression])
def test_impossible_classifier_settings_are_refused(factory):
    with pytest.raises(ValueError, match="'C' must be greater than 0"):
        factory(C=0.0)


def test_gaussian_naive_bayes_is_asked_in_double_precision() -> None:
    # in single precision its probabilities of such rows sum to anything but one
    from sklearn.naive_bayes import GaussianNB

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 384)).astype(np.float32)
    # two labels each with the same row: neither is sure
    fitted = GaussianNB(var_smoothing=1e-6).fit(np.repeat(rows[:7], 2, axis=0), np.arange(14))
    decided = parts._decision(fitted, rows)
    assert (decided[:7].argmax(axis=1) // 2 == np.arange(7)).all()
