"""One label from several: by majority, by each reviewer's own errors, or together with a model.

`majority` counts heads. `dawid_skene` learns how each reviewer errs, from the answers alone; it needs documents with
three answers, or many reviewers whose documents overlap. `crowdlab` weighs reviewers and a model's out-of-fold
probabilities in closed form, and needs few documents with two answers. `activelab` says, from that, which documents to
ask about next: again, or for the first time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docreview.agreement import Answers

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from docreview.types import Ints

    Doubles = npt.NDArray[np.float64]

#: least weight of a reviewer or a model, and least share that an error is divided by (as in cleanlab)
_LEAST = 1e-6


@dataclass(frozen=True)
class Consensus:
    """What several answers come to.

    `labels` (n,) are class indices, -1 where nobody answered; `probabilities` (n, k) say how sure that is. Of each
    reviewer, `quality` (m,) is the probability with which an answer of theirs is right, and `confusion` (m, k, k) the
    probabilities of their answers (columns) for each true class (rows); NaN where there is nothing to tell it from.
    """

    labels: Ints
    probabilities: Doubles
    quality: Doubles
    confusion: Doubles


@dataclass(frozen=True)
class DawidSkene(Consensus):
    """Also the shares of the classes `prior` (k,), and how the log-likelihood went.

    `log_likelihood` has a value before the first step and after each; with smoothing, the logarithm of its density is
    in it. `converged` is false where `steps` ran out first.
    """

    prior: Doubles
    log_likelihood: tuple[float, ...]
    converged: bool


@dataclass(frozen=True)
class Crowdlab(Consensus):
    """Also the weights of the reviewers' answers (m,) and of the model; 1 each where no document has two answers."""

    reviewer_weights: Doubles
    model_weight: float


# ------------------------------------------------------------------------------------------------------------- majority


def majority(answers: Answers, probabilities: Doubles | None = None) -> Consensus:
    """The class that most gave; probabilities are their shares, where nobody answered those of all answers.

    Of classes that as many gave, the one that a model finds likelier (`probabilities` (n, k), where given), else the
    one that was given more often to all documents, else the first.
    """
    import numpy as np

    counts = answers.counts
    given = counts.sum(axis=1)
    overall = counts.sum(axis=0) / max(1, int(given.sum()))
    shares = np.where(given[:, None] > 0, counts / np.maximum(given, 1)[:, None], overall)
    return _described(answers, _modal(answers, probabilities), shares)


def _modal(answers: Answers, probabilities: Doubles | None) -> Ints:
    import numpy as np

    counts = answers.counts
    most = counts == counts.max(axis=1, keepdims=True)
    for breaker in (probabilities, counts.sum(axis=0, keepdims=True)):
        if breaker is not None:
            preferred = np.where(most, breaker, -1)
            most &= preferred == preferred.max(axis=1, keepdims=True)
    return np.where(counts.sum(axis=1) > 0, most.argmax(axis=1), -1)


def _described(answers: Answers, labels: Ints, probabilities: Doubles) -> Consensus:
    """The consensus with each reviewer's quality and confusion, counted by the probabilities."""
    import numpy as np

    k, right = answers.k, probabilities[answers.documents, answers.values]
    with np.errstate(invalid="ignore"):
        said = np.bincount(answers.reviewers, minlength=answers.m)
        quality = np.bincount(answers.reviewers, weights=right, minlength=answers.m) / said
        confused = _confused(answers, probabilities)
        confusion = confused / confused.sum(axis=2, keepdims=True)
    assert confusion.shape == (answers.m, k, k)
    return Consensus(labels, probabilities, quality, confusion)


def _confused(answers: Answers, probabilities: Doubles) -> Doubles:
    """Expected number of answers (m, true class, given class)."""
    import numpy as np

    m, k = answers.m, answers.k
    at = answers.reviewers * k + answers.values
    of_class = (np.bincount(at, weights=probabilities[answers.documents, j], minlength=m * k) for j in range(k))
    return np.stack([counted.reshape(m, k) for counted in of_class], axis=1)


# ---------------------------------------------------------------------------------------------------------- Dawid-Skene


def dawid_skene(
    answers: Answers, *, smoothing: float = 0.5, trust: float = 1.0, steps: int = 1_000, tolerance: float = 1e-8
) -> DawidSkene:
    """Each reviewer's confusion matrix and the true classes, by expectation maximization (Dawid and Skene 1979).

    Each reviewer is taken to have given every answer to every class `smoothing` times before, and the right one `trust`
    times more: with few answers or a rare class the plain method (both 0) often calls half of the documents rare. A
    reviewer may answer several times for a document. It begins with the shares of the answers, and ends once a step
    adds less than `tolerance` to the log-likelihood of a document.
    """
    import numpy as np

    if smoothing < 0 or trust < 0 or steps < 1:
        raise ValueError(
            f"smoothing and trust must be 0 or more and steps 1 or more, got {smoothing}, {trust}, {steps}"
        )
    n, k = answers.n, answers.k
    answered = answers.counts.sum(axis=1) > 0
    told = np.broadcast_to(smoothing + trust * np.eye(k), (answers.m, k, k))
    truth = majority(answers).probabilities
    went: list[float] = []
    while True:
        # maximization: how often classes occur, and how each reviewer answers to them
        prior = truth[answered].mean(axis=0) if answered.any() else np.full(k, 1 / k)
        counted = _confused(answers, truth) + told
        of_class = counted.sum(axis=2, keepdims=True)
        confusion = np.divide(counted, of_class, out=np.full_like(counted, 1 / k), where=of_class > 0)
        # expectation: what each document is, as far as its answers tell
        with np.errstate(divide="ignore"):
            log_prior, log_confusion = np.log(prior), np.log(confusion)
        joint = np.empty((n, k))
        for j in range(k):
            said = log_confusion[answers.reviewers, j, answers.values]
            joint[:, j] = log_prior[j] + np.bincount(answers.documents, weights=said, minlength=n)
        highest = joint.max(axis=1, keepdims=True, initial=-math.inf)
        relative = np.exp(joint - np.where(np.isfinite(highest), highest, 0))
        total = relative.sum(axis=1, keepdims=True)
        density = (told[told > 0] * log_confusion[told > 0]).sum()
        went.append(float((np.log(total) + highest)[answered].sum() + density))
        gained = went[-1] - went[-2] if len(went) > 1 else math.inf
        truth = relative / total
        if gained < tolerance * max(1, n) or len(went) > steps:
            break
    labels = np.where(answered, truth.argmax(axis=1), -1)
    described = _described(answers, labels, truth)
    known = np.bincount(answers.reviewers, minlength=answers.m) > 0
    learned = np.where(known[:, None, None], confusion, np.nan)
    return DawidSkene(labels, truth, described.quality, learned, prior, tuple(went), gained < tolerance * max(1, n))


# ------------------------------------------------------------------------------------------------------------- CROWDLAB


def crowdlab(answers: Answers, probabilities: Doubles) -> Crowdlab:
    """Reviewers and a model, each weighed by how much better than always the most frequent class (Goh et al. 2022).

    `probabilities` (n, k) are a model's for each document, learned from other documents (out of fold); where nobody
    answered they stand alone. Where no document has two answers nothing is known of the reviewers: the label is then
    the answer, and the probabilities are the model's. In closed form, as `cleanlab` 2.9 computes it. Meant for few
    answers a document: where three answered for each, a middling model may outweigh them, and a majority do better.
    """
    import numpy as np

    given = _checked(answers, probabilities)
    counts = answers.counts.sum(axis=1)
    first = _modal(answers, given)
    if not (counts > 1).any():
        alone = _described(answers, first, given)
        return Crowdlab(first, given, alone.quality, alone.confusion, np.ones(answers.m), 1.0)
    posterior = _weighed(answers, given, first)[0]
    best = posterior == posterior.max(axis=1, keepdims=True)
    labels = np.where(best.sum(axis=1) == 1, best.argmax(axis=1), first)
    labels[counts == 0] = -1
    posterior, weights, model_weight = _weighed(answers, given, labels)
    described = _described(answers, labels, posterior)
    quality = _quality(answers, described, weights, model_weight)
    return Crowdlab(labels, posterior, quality, described.confusion, weights, model_weight)


def _checked(answers: Answers, probabilities: Doubles) -> Doubles:
    import numpy as np

    given = np.asarray(probabilities, dtype=np.float64)
    if given.shape != (answers.n, answers.k) or answers.k < 2:
        wanted = f"{answers.n} documents and {answers.k} classes, two or more"
        raise ValueError(f"probabilities of {wanted}, are needed, got {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError("probabilities must be finite")
    return given


def _weighed(answers: Answers, probabilities: Doubles, labels: Ints) -> tuple[Doubles, Doubles, float]:
    """Posterior (n, k), weights of the reviewers (m,) and of the model, given the `labels` of answered documents."""
    import numpy as np

    n, k, counts = answers.n, answers.k, answers.counts
    of_document = counts.sum(axis=1)
    several = of_document > 1
    agreed = labels[several]
    # what always saying the most frequent class would get wrong
    baseline = max(float((agreed != np.bincount(agreed, minlength=k).argmax()).mean()), _LEAST)
    # of two who answered for a document, how often a reviewer is of one mind with the other
    same = np.bincount(answers.reviewers, weights=counts[answers.documents, answers.values] - 1.0, minlength=answers.m)
    others = np.bincount(answers.reviewers, weights=of_document[answers.documents] - 1.0, minlength=answers.m)
    agreement = np.divide(same, others, out=np.full(answers.m, np.nan), where=others > 0)
    agreement = np.where(np.isnan(agreement), np.nanmean(agreement), agreement)
    weights = np.maximum(1 - (1 - agreement) / baseline, _LEAST)
    wrong = float((probabilities[several].argmax(axis=1) != agreed).mean())
    model_weight = max(1 - wrong / baseline, _LEAST) * math.sqrt(float(of_document[of_document > 0].mean()))
    right = float((counts[several, agreed] / of_document[several]).mean())
    # an answer is right as often as answers are, and otherwise any of the other classes
    of_answer = weights[answers.reviewers]
    said = np.bincount(answers.documents * k + answers.values, weights=of_answer, minlength=n * k).reshape(n, k)
    all_said = said.sum(axis=1, keepdims=True)
    summed = model_weight * probabilities + said * right + (all_said - said) * (1 - right) / (k - 1)
    return summed / (model_weight + all_said), weights, model_weight


def _quality(answers: Answers, described: Consensus, weights: Doubles, model_weight: float) -> Doubles:
    """Each reviewer's quality (m,): what the posterior says of their answers, and how often the consensus is theirs."""
    import numpy as np

    of_document = answers.counts.sum(axis=1)
    several = of_document[answers.documents] > 1
    reviewers, agreeing = answers.reviewers[several], described.labels[answers.documents] == answers.values
    shared = np.bincount(reviewers, minlength=answers.m)
    agreed = np.bincount(reviewers, weights=agreeing[several], minlength=answers.m)
    share = np.divide(agreed, shared, out=np.full(answers.m, np.nan), where=shared > 0)
    crowd = float(weights.sum()) * float(of_document[of_document > 0].mean()) / answers.m
    of_model = model_weight / (model_weight + crowd)
    return np.where(shared > 0, of_model * described.quality + (1 - of_model) * share, described.quality)


def activelab(answers: Answers, probabilities: Doubles) -> Doubles:
    """Scores (n,) of documents to ask about next, the lowest first (Goh and Mueller 2023).

    One that was answered before is to be answered again where its score is below those of documents that nobody
    answered. `probabilities` (n, k) as for `crowdlab`; they are taken as calibrated, and no temperature is fitted.
    """
    import numpy as np

    consensus = crowdlab(answers, probabilities)
    given, counts = np.asarray(probabilities, np.float64), answers.counts.sum(axis=1)
    weights, model_weight = consensus.reviewer_weights, consensus.model_weight
    mean = float(weights.mean()) if weights.size else 1.0
    said = np.bincount(answers.documents, weights=weights[answers.reviewers], minlength=answers.n)
    at = np.arange(answers.n), np.maximum(consensus.labels, 0)
    sure = np.where(counts > 0, consensus.probabilities[at], given.max(axis=1))
    known = said + model_weight
    scores: Doubles = (sure * known + mean / answers.k) / (known + mean)
    return scores
