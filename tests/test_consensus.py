"""Consensus: published examples, other people's code, simulated crowds, and what must hold whoever answers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docreview.agreement import Answers
from docreview.consensus import Consensus, activelab, crowdlab, dawid_skene, majority

#: class indices (documents, reviewers), -1 for none, and a seed for a model's probabilities
crowds = st.tuples(
    st.tuples(st.integers(1, 12), st.integers(1, 4))
    .flatmap(
        lambda shape: st.lists(
            st.lists(st.integers(-1, 2), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
        )
    )
    .map(np.array),
    st.integers(0, 10_000),
)


def model(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(3), n)


def every(answers: Answers, probabilities: np.ndarray) -> dict[str, Consensus]:
    return {
        "majority": majority(answers),
        "majority with a model": majority(answers, probabilities),
        "dawid-skene": dawid_skene(answers, steps=30),
        "plain dawid-skene": dawid_skene(answers, smoothing=0, trust=0, steps=30),
        "crowdlab": crowdlab(answers, probabilities),
    }


# --------------------------------------------------------------------------------------------------------- published

#: Dawid and Skene (1979), table 1: 45 patients; observer 1 answered three times, observers 2 to 5 once
PATIENTS = """
111 1 1 1 1, 333 4 3 3 4, 112 2 1 2 2, 222 3 1 2 1, 222 3 2 2 2, 222 3 3 2 2, 122 2 1 1 1, 333 3 4 3 3, 222 2 2 2 3,
232 2 2 2 3, 444 4 4 4 4, 222 3 3 4 3, 111 1 1 1 1, 222 3 2 1 2, 121 1 1 1 1, 111 2 1 1 1, 111 1 1 1 1, 111 1 1 1 1,
222 2 2 2 1, 222 1 3 2 2, 222 2 2 2 2, 222 2 2 2 1, 222 3 2 2 2, 221 2 2 2 2, 111 1 1 1 1, 111 1 1 1 1, 232 2 2 2 2,
111 1 1 1 1, 111 1 1 1 1, 112 1 1 2 1, 111 1 1 1 1, 333 3 2 3 3, 111 1 1 1 1, 222 2 2 2 2, 222 3 2 3 2, 433 4 3 4 3,
221 2 2 3 2, 232 3 2 3 3, 333 3 4 3 2, 111 1 1 1 1, 111 1 1 1 1, 121 2 1 1 1, 232 2 2 2 2, 121 1 1 1 1, 222 2 2 2 2
"""


def patients() -> Answers:
    rows = [row.split() for row in PATIENTS.split(",")]
    said = [(i, j, int(c) - 1) for i, row in enumerate(rows) for j, given_ in enumerate(row) for c in given_]
    documents, reviewers, values = np.array(said).T
    return Answers(documents, reviewers, values, 45, 5, 4)


def test_dawid_skene_of_the_paper():
    found = dawid_skene(patients(), smoothing=0, trust=0)
    assert found.converged
    assert found.prior.round(2).tolist() == [0.40, 0.42, 0.11, 0.07]
    assert found.confusion[0].round(2).tolist() == [
        [0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44],
    ]  # fmt: skip


def test_dawid_skene_is_that_of_crowd_kit():
    # crowd-kit 1.4.2, DawidSkene(n_iter=5)
    given_ = [
        [2, 2, 2, 0], [-1, 0, 0, -1], [0, 0, 0, 1], [0, 0, 1, -1], [0, -1, 0, 0], [2, 2, -1, 1],
        [-1, 1, 2, 2], [1, 1, 1, 2], [0, -1, 0, 1], [0, 0, 0, 0], [0, 0, 0, -1], [1, 1, -1, 1],
    ]  # fmt: skip
    found = dawid_skene(Answers.of(given_), smoothing=0, trust=0, steps=4, tolerance=0)
    expected = np.eye(3)[[2, 0, 0, 0, 0, 2, 1, 1, 0, 0, 0, 1]]
    expected[6] = [0, 0.999948, 5.2e-05]
    assert found.probabilities == pytest.approx(expected, abs=1e-6)


def test_crowdlab_and_activelab_are_those_of_cleanlab():
    # cleanlab 2.9.0, its temperature left at 1, documents without answers handed to it apart
    answers = Answers.of(
        [
            [2, 0, 0],
            [2, -1, 1],
            [-1, -1, -1],
            [-1, 2, -1],
            [1, 1, 1],
            [1, -1, 1],
            [1, 0, 2],
            [0, 0, 0],
            [2, 2, -1],
            [0, 1, 0],
        ]
    )
    probabilities = np.array([
        [0.09, 0.07, 0.84], [0.22, 0.78, 0.0], [0.07, 0.03, 0.9], [0.1, 0.12, 0.78], [0.23, 0.69, 0.08],
        [0.01, 0.75, 0.24], [0.71, 0.14, 0.15], [0.7, 0.22, 0.08], [0.09, 0.07, 0.84], [0.7, 0.0, 0.3],
    ])  # fmt: skip
    answered = [0, 1, 3, 4, 5, 6, 7, 8, 9]
    sure = [0.65242531, 0.6940416, 0.77244982, 0.70397778, 0.74425802, 0.57155232, 0.71040898, 0.81177223, 0.64379973]
    wanted = [0.61850174, 0.65142061, 0.71269993, 0.66457351, 0.6957035, 0.54622658, 0.670321, 0.7538049, 0.61079317]
    found = crowdlab(answers, probabilities)
    assert found.labels.tolist() == [2, 1, -1, 2, 1, 1, 0, 0, 2, 0]
    assert found.model_weight == pytest.approx(1.56347192)
    assert found.reviewer_weights == pytest.approx([0.26153846, 0.27272727, 0.33333333])
    assert found.quality == pytest.approx([0.627609, 0.59511392, 0.61363945])
    assert found.probabilities[answered, found.labels[answered]] == pytest.approx(sure)
    scores = activelab(answers, probabilities)
    assert scores[answered] == pytest.approx(wanted)
    assert scores[2] == pytest.approx(0.81154401)


def test_with_single_answers_alone_everybody_weighs_alike_as_in_cleanlab():
    answers = Answers.of([[0, -1], [-1, 1], [1, -1], [-1, -1]])
    probabilities = np.array([[0.7, 0.3], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]])
    assert activelab(answers, probabilities) == pytest.approx([0.6333333, 0.7, 0.4333333, 0.5], abs=1e-6)
    assert crowdlab(answers, probabilities).labels.tolist() == [0, 1, 1, -1]


def test_a_reviewer_who_shares_no_document_is_taken_for_an_average_one():
    answers = Answers.of([[0, 0, -1], [1, 1, -1], [0, 1, -1], [1, 1, -1], [-1, -1, 0], [-1, -1, 1]])
    first = np.array([0.8, 0.3, 0.6, 0.1, 0.4, 0.2])
    found = crowdlab(answers, np.column_stack([first, 1 - first]))
    # weights and the first two qualities are cleanlab 2.9.0's; of the third it says nothing
    assert found.reviewer_weights == pytest.approx([0.5, 0.5, 0.5])
    assert found.quality[:2] == pytest.approx([0.85635975, 0.74116677])
    assert found.quality[2] == pytest.approx((found.probabilities[4, 0] + found.probabilities[5, 1]) / 2)


# ----------------------------------------------------------------------------------------------------------- by hand


def test_majority_and_its_ties():
    answers = Answers.of([[0, 0, 1], [1, 2, -1], [2, 1, -1], [-1, -1, -1], [2, 2, 2]])
    found = majority(answers)
    # class 2 was given more often than class 1, to all documents together
    assert found.labels.tolist() == [0, 2, 2, -1, 2]
    assert found.probabilities[0] == pytest.approx([2 / 3, 1 / 3, 0])
    assert found.probabilities[3] == pytest.approx([0.2, 0.3, 0.5])
    of_model = np.array([[0, 0, 1], [0.1, 0.6, 0.3], [0.9, 0.05, 0.05], [1, 0, 0], [1, 0, 0]])
    assert majority(answers, of_model).labels.tolist() == [0, 1, 2, -1, 2], "a model breaks ties and nothing else"
    assert majority(Answers.of([[0, 1], [1, 0]])).labels.tolist() == [0, 0]


def test_quality_and_confusion_of_a_majority_by_hand():
    found = majority(Answers.of([[0, 0, 1], [1, 1, 1], [0, 0, 0]], 2))
    assert found.quality == pytest.approx([(2 / 3 + 1 + 1) / 3, (2 / 3 + 1 + 1) / 3, (1 / 3 + 1 + 1) / 3])
    # of the third reviewer: documents of class 0 are worth 2/3 + 1, and in the first the answer was 1
    assert found.confusion[2] == pytest.approx(np.array([[1 / (5 / 3), (2 / 3) / (5 / 3)], [0, 1]]))


def expectation_maximization(matrix: np.ndarray, k: int, smoothing: float, trust: float, steps: int) -> np.ndarray:
    """Dawid and Skene's formulas as they stand, document by document."""
    n, m = matrix.shape
    one = [[(j, matrix[i, j]) for j in range(m) if matrix[i, j] >= 0] for i in range(n)]
    truth = np.array([[sum(value == c for _, value in row) / len(row) for c in range(k)] for row in one])
    for _ in range(steps):
        prior = truth.mean(axis=0)
        pi = np.full((m, k, k), smoothing) + trust * np.eye(k)
        for i, row in enumerate(one):
            for j, value in row:
                pi[j, :, value] += truth[i]
        pi /= pi.sum(axis=2, keepdims=True)
        for i, row in enumerate(one):
            truth[i] = prior * np.prod([pi[j, :, value] for j, value in row], axis=0)
            truth[i] /= truth[i].sum()
    return truth


@settings(deadline=None, max_examples=50)
@given(crowds, st.sampled_from([(0.5, 1.0), (0.1, 0.0), (1.0, 3.0)]))
def test_dawid_skene_is_its_formulas(crowd, told):
    matrix, _ = crowd
    matrix = matrix[(matrix >= 0).any(axis=1)]
    if len(matrix):
        found = dawid_skene(Answers.of(matrix, 3), smoothing=told[0], trust=told[1], steps=6, tolerance=0)
        steps = len(found.log_likelihood)
        expected = expectation_maximization(matrix, 3, *told, steps)
        assert found.probabilities == pytest.approx(expected, abs=1e-9)


# -------------------------------------------------------------------------------------------------------- invariants


@settings(deadline=None)
@given(crowds)
def test_what_holds_for_each(crowd):
    matrix, seed = crowd
    answers, probabilities = Answers.of(matrix, 3), model(len(matrix), seed)
    nobody = (matrix < 0).all(axis=1)
    silent = (matrix < 0).all(axis=0)
    for name, found in every(answers, probabilities).items():
        assert ((found.labels == -1) == nobody).all(), name
        assert (found.labels < 3).all()
        if answers.values.size:
            assert found.probabilities.sum(axis=1) == pytest.approx(1), name
        assert (np.isnan(found.quality) == silent).all(), name
        assert ((found.quality >= -1e-12) & (found.quality <= 1 + 1e-12) | silent).all(), name
        sums = found.confusion.sum(axis=2)
        assert sums[~np.isnan(sums)] == pytest.approx(1), name
        assert np.isnan(sums[silent]).all(), name
    assert crowdlab(answers, probabilities).probabilities[nobody] == pytest.approx(probabilities[nobody])
    scores = activelab(answers, probabilities)
    assert scores.shape == nobody.shape
    assert np.isfinite(scores).all()


@settings(deadline=None)
@given(crowds, st.randoms(use_true_random=False))
def test_order_of_reviewers_and_documents_changes_nothing(crowd, random):
    matrix, seed = crowd
    probabilities = model(len(matrix), seed)
    order, reviewers = list(range(len(matrix))), list(range(matrix.shape[1]))
    random.shuffle(order)
    random.shuffle(reviewers)
    one = every(Answers.of(matrix, 3), probabilities)
    two = every(Answers.of(matrix[order][:, reviewers], 3), probabilities[order])
    for name in one:
        if name == "plain dawid-skene":
            continue  # on a handful of answers it may stand on a ridge, from which rounding decides the way
        assert two[name].probabilities == pytest.approx(one[name].probabilities[order], abs=1e-6), name
        assert two[name].quality == pytest.approx(one[name].quality[reviewers], abs=1e-6, nan_ok=True), name
        assert two[name].confusion == pytest.approx(one[name].confusion[reviewers], abs=1e-6, nan_ok=True), name
    assert two["majority"].labels.tolist() == one["majority"].labels[order].tolist()


@settings(deadline=None, max_examples=60)
@given(crowds, st.just(0.0) | st.floats(1e-6, 2), st.just(0.0) | st.floats(1e-6, 3))
def test_the_log_likelihood_never_falls(crowd, smoothing, trust):
    found = dawid_skene(Answers.of(crowd[0], 3), smoothing=smoothing, trust=trust, steps=60)
    assert np.isfinite(found.log_likelihood).all()
    assert np.diff(found.log_likelihood).min(initial=0) >= -1e-9 * max(1, abs(found.log_likelihood[0]))


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=15), st.integers(2, 4), st.integers(0, 1_000))
def test_where_all_agree_the_consensus_is_what_they_say(truth, m, seed):
    answers = Answers.of(np.repeat(np.array(truth)[:, None], m, axis=1), 3)
    for name, found in every(answers, np.full((len(truth), 3), 1 / 3)).items():
        assert found.labels.tolist() == truth, name
    assert majority(answers).quality == pytest.approx(1)


def test_a_reviewer_is_told_from_a_coin():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    good = np.where(rng.random((400, 2)) < 0.9, truth[:, None], 1 - truth[:, None])
    answers = Answers.of(np.column_stack([good, rng.integers(0, 2, 400)]))
    for found in (majority(answers), dawid_skene(answers), crowdlab(answers, np.eye(2)[truth] * 0.6 + 0.2)):
        assert found.quality[:2].min() > found.quality[2] + 0.1
    assert dawid_skene(answers).quality == pytest.approx([0.9, 0.9, 0.5], abs=0.05)


def test_more_weight_for_reviewers_who_agree_and_for_a_model_that_is_right():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 300)
    wrong = (truth[:, None] + rng.integers(1, 3, (300, 3))) % 3
    given_ = np.where(rng.random((300, 3)) < [0.95, 0.9, 0.5], truth[:, None], wrong)
    answers = Answers.of(given_)
    right, blind = np.eye(3)[truth] * 0.7 + 0.1, np.full((300, 3), 1 / 3) + np.eye(3)[rng.integers(0, 3, 300)] * 0.01
    found = crowdlab(answers, right)
    assert found.reviewer_weights[0] > found.reviewer_weights[1] > found.reviewer_weights[2]
    assert found.model_weight > 10 * crowdlab(answers, blind).model_weight


# --------------------------------------------------------------------------------------------------- simulated crowds

#: one reviewer knows the classes, one calls too much the first, one too much the second
REVIEWERS = np.array(
    [
        [[0.95, 0.03, 0.02], [0.03, 0.95, 0.02], [0.02, 0.03, 0.95]],
        [[0.90, 0.05, 0.05], [0.40, 0.50, 0.10], [0.30, 0.10, 0.60]],
        [[0.50, 0.40, 0.10], [0.05, 0.90, 0.05], [0.10, 0.30, 0.60]],
    ]
)


def crowd_of(seed: int, n: int, missing: float) -> tuple[np.ndarray, Answers, np.ndarray]:
    """True classes, the answers of the three, and a calibrated model that is right in about 80 %."""
    rng = np.random.default_rng(seed)
    prior = np.array([0.5, 0.3, 0.2])
    truth = rng.choice(3, n, p=prior)
    given_ = np.stack([[rng.choice(3, p=reviewer[t]) for t in truth] for reviewer in REVIEWERS], axis=1)
    given_[rng.random(given_.shape) < missing] = -1
    seen = rng.normal(0, 1, (n, 3)) + 1.6 * np.eye(3)[truth]
    likelihood = prior * np.exp(1.6 * seen)
    return truth, Answers.of(given_, 3), likelihood / likelihood.sum(axis=1, keepdims=True)


@cache
def right(missing: float, n: int = 250, seeds: int = 12) -> dict[str, float]:
    """Share of answered documents that each way calls rightly, mean over seeds."""
    shares: dict[str, list[float]] = {}
    for seed in range(seeds):
        truth, answers, probabilities = crowd_of(seed, n, missing)
        answered = answers.counts.sum(axis=1) > 0
        for name, found in every(answers, probabilities).items():
            shares.setdefault(name, []).append(float((found.labels == truth)[answered].mean()))
    return {name: float(np.mean(share)) for name, share in shares.items()}


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_dawid_skene_is_right_more_often_than_a_majority(missing: float):
    shares = right(missing)
    assert shares["dawid-skene"] >= shares["majority"] + 0.01


def test_crowdlab_is_right_more_often_than_a_majority_where_answers_are_few():
    shares = right(0.5)
    assert shares["crowdlab"] >= shares["majority"] + 0.02
    assert shares["crowdlab"] >= shares["dawid-skene"]


def test_dawid_skene_finds_how_each_reviewer_errs():
    _, answers, _ = crowd_of(5, 2_000, 0.0)
    found = dawid_skene(answers)
    assert found.confusion == pytest.approx(REVIEWERS, abs=0.07)
    assert found.prior == pytest.approx([0.5, 0.3, 0.2], abs=0.04)
    assert found.converged


def test_a_rare_class_is_not_called_for_half_of_the_documents():
    """What smoothing and trust are for: the plain method loses here to the majority."""
    confused = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.95, 0.05], [0.45, 0.55]], [[0.55, 0.45], [0.05, 0.95]]])
    ours, plain = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = rng.choice(2, 40, p=[0.95, 0.05])
        answers = Answers.of(np.stack([[rng.choice(2, p=one[t]) for t in truth] for one in confused], axis=1), 2)
        ours.append((dawid_skene(answers).labels == truth).mean())
        plain.append((dawid_skene(answers, smoothing=0, trust=0).labels == truth).mean())
    assert np.mean(ours) > 0.93
    assert np.mean(ours) > np.mean(plain) + 0.05


# ----------------------------------------------------------------------------------------------------------- activelab


def test_activelab_asks_again_where_answers_differ_and_first_where_the_model_doubts():
    sure, doubtful = [0.95, 0.05], [0.55, 0.45]
    answers = Answers.of([[0, 0, 0], [0, 1, -1], [0, -1, -1], [-1, -1, -1], [-1, -1, -1], *[[0, 0, 0], [1, 1, 1]] * 10])
    probabilities = np.array([sure, doubtful, sure, sure, doubtful, *[sure, sure[::-1]] * 10])
    score = activelab(answers, probabilities)
    assert score[1] < score[2] < score[0], "answered: differing, once, by all alike"
    assert score[4] < score[3], "not answered: the model doubts, or not"
    assert score[4] < score[0], "a new document before one that three agree on"


# ------------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda answers: crowdlab(answers, np.ones((2, 2))), "are needed"),
        (lambda answers: crowdlab(answers, np.full((3, 2), np.nan)), "finite"),
        (lambda answers: crowdlab(Answers.of([[0, 0]], 1), np.ones((1, 1))), "two or more"),
        (lambda answers: activelab(answers, np.ones(3)), "are needed"),
        (lambda answers: dawid_skene(answers, smoothing=-1), "smoothing"),
        (lambda answers: dawid_skene(answers, steps=0), "steps"),
    ],
)
def test_what_cannot_be_weighed_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(Answers.of([[0, 1], [1, 1], [0, -1]]))


def test_steps_that_run_out_are_told():
    found = dawid_skene(patients(), steps=1)
    assert not found.converged
    assert len(found.log_likelihood) == 2
