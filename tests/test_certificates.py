"""The arithmetic behind the rules: exact chances by enumeration, published figures, and the peers' own code."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from docreview.certificates import buscar, confidence_sequence, least_missed, reading_evidence, sample_hits_needed

readings = st.lists(st.integers(0, 1), min_size=1, max_size=60)
recalls = st.sampled_from([0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0])


@given(st.integers(0, 3_000), st.integers(1, 100))
def test_least_missed_is_the_fewest_that_make_recall_too_low(found: int, percent: int) -> None:
    missed = least_missed(found, percent / 100)
    assert Fraction(found, found + missed) < Fraction(percent, 100)
    if found + missed > 1:
        assert Fraction(found, found + missed - 1) >= Fraction(percent, 100)


# --------------------------------------------------------------------------------------------------------------- buscar


def every_urn(hits: list[int], unread: int, recall: float) -> float:
    """As in the paper: each urn, from one document to all that were read."""
    n, found = len(hits), sum(hits)
    values = []
    for size in range(1, n + 1):
        inside = sum(hits[n - size :])
        total = least_missed(found, recall) + inside
        if total > size + unread:
            return 0.0
        values.append(hypergeom.cdf(inside, size + unread, total, size))
    return min(values)


@given(readings, st.integers(0, 80), recalls)
def test_buscar_is_the_smallest_of_all_urns(hits: list[int], unread: int, recall: float) -> None:
    assert buscar(hits, unread, recall) == pytest.approx(every_urn(hits, unread, recall), abs=1e-9)


def test_buscar_by_hand() -> None:
    # 1 found; below a recall of 0.5 two more are missed at least. Urn of the last 4 (no hit) and 2 unread: both hits
    # lie among the unread with probability 1 / C(6, 2); the urn of all 5 holds 1 of 3, in 7 documents
    assert buscar([1, 0, 0, 0, 0], 2, 0.5) == pytest.approx(1 / 15)
    assert buscar([1, 0, 0, 0, 0], 2, 0.5, urn=1.0) == pytest.approx(hypergeom.cdf(1, 7, 3, 5))
    assert buscar([1, 0, 0, 0, 0], 2, 0.5, urn=0.4) == pytest.approx(1 / math.comb(4, 2))
    # nothing left that could be missed
    assert buscar([1, 0, 0, 0, 0], 1, 0.5) == 0
    assert buscar([], 10, 0.9) == 1


@pytest.mark.parametrize("alpha", [0.1, 0.3])
def test_buscar_with_one_urn_is_valid_for_one_look(alpha: float) -> None:
    """12 documents in random order, one look after 8 at the last 4: exact chance of a stop below the recall."""
    chances = []
    for relevant in range(1, 13):
        orders = [np.isin(np.arange(12), places).astype(int) for places in combinations(range(12), relevant)]
        wrong = [
            hits[:8].sum() < 0.8 * relevant - 1e-9 and buscar(hits[:8], 4, 0.8, urn=0.5) < alpha for hits in orders
        ]
        chances.append(sum(wrong) / len(wrong))
    assert max(chances) <= alpha
    assert alpha < 0.3 or max(chances) > 0


@settings(deadline=None)  # the first call imports pandas and matplotlib
@given(readings, st.integers(1, 80), st.sampled_from([0.7, 0.8, 0.95]))
def test_buscar_agrees_with_buscarpy(hits: list[int], unread: int, recall: float) -> None:
    """Where theirs is a number: it gives none where fewer are left than would have to be missed, and never stops."""
    theirs = pytest.importorskip("buscarpy").calculate_h0(np.array(hits), len(hits) + unread, recall)
    ours = buscar(hits, unread, recall)
    if least_missed(sum(hits), recall) > unread:
        assert ours == 0
    elif not math.isnan(theirs) and abs(sum(hits) / recall - round(sum(hits) / recall)) > 1e-9:
        assert ours == pytest.approx(theirs, abs=1e-9)


def test_buscar_stops_at_the_rank_of_buscarpy() -> None:
    calculate = pytest.importorskip("buscarpy").calculate_h0
    rng = np.random.default_rng(0)
    for _ in range(5):
        hits = (rng.random(400) < np.linspace(0.4, 0.0, 400) ** 2).astype(int)
        ranks = range(10, 391, 5)
        ours = next(s for s in ranks if buscar(hits[:s], 400 - s, 0.9) < 0.05)
        theirs = next(s for s in ranks if calculate(hits[:s], 400, 0.9) < 0.05)
        assert ours == theirs


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=12), min_size=2, max_size=6),
    st.integers(1, 60),
    st.sampled_from([0.7, 0.8, 0.95]),
)
def test_tarexp_looks_at_fewer_urns_and_is_never_before_us(rounds: list[list[int]], unread: int, recall: float) -> None:
    """TARexp's rule has urns that begin at a round only, and takes one missed document fewer: it stops no earlier."""
    stopping = pytest.importorskip("tarexp.component.stopping")

    class Ledger:
        n_rounds = len(rounds)
        n_docs = sum(map(len, rounds)) + unread

        @staticmethod
        def getAnnotationCounts() -> list[dict[int, int]]:  # noqa: N802 - their name
            return [{0: len(r) - sum(r), 1: sum(r)} for r in rounds]

    if stopping.CHMHeuristicsStoppingRule(recall, alpha=0.05).checkStopping(Ledger):
        assert buscar([hit for r in rounds for hit in r], unread, recall) < 0.05


# ----------------------------------------------------------------------------------------------------- reading evidence


def ever_wrong(n: int, relevant: int, recall: float, alpha: float, odds: int) -> Fraction:
    """Exact chance of a stop below `recall`, asked after each document, where a hit is `odds` times as likely next."""
    wrong = Fraction(0)
    for places in combinations(range(n), relevant):
        hits = np.isin(np.arange(n), places).astype(int)
        chance, left, hits_left = Fraction(1), n, relevant
        for hit in hits:
            weight = odds * hits_left + left - hits_left
            chance *= Fraction(odds * hits_left if hit else left - hits_left, weight)
            left, hits_left = left - 1, hits_left - int(hit)
        found = hits.cumsum()
        wrong += chance * any(
            found[s - 1] < recall * relevant - 1e-9 and reading_evidence(hits[:s], n - s, recall, starts=4) >= 1 / alpha
            for s in range(1, n)
        )
    return wrong


@pytest.mark.parametrize("odds", [1, 3])
@pytest.mark.parametrize("alpha", [0.35, 0.5])
def test_evidence_from_reading_is_wrong_no_more_often_than_it_says(alpha: float, odds: int) -> None:
    chances = [ever_wrong(10, relevant, 0.8, alpha, odds) for relevant in range(1, 10)]
    assert max(chances) <= alpha
    assert odds > 1 or max(chances) > 0, "so small a collection must be able to mislead"


@given(readings, st.integers(0, 80), recalls, st.integers(1, 12))
def test_evidence_from_one_start_is_the_weighted_likelihood_ratio(
    hits: list[int], unread: int, recall: float, starts: int
) -> None:
    """By the definition: chances of the very order read, as fractions, from each start."""
    n, missed = len(hits), least_missed(sum(hits), recall)
    evidence = reading_evidence(hits, unread, recall, starts=starts)
    if missed > unread:
        assert evidence == math.inf
        return

    def chance(total: int, order: list[int], of: int) -> Fraction:
        result = Fraction(int(total <= of))
        for hit in order:
            result *= Fraction(max(total if hit else of - total, 0), of)
            total, of = total - hit, of - 1
        return result

    begin = sorted({i * (n + unread) // starts for i in range(starts)})
    expected = Fraction(0)
    for start in (b for b in begin if b < n):
        order, of = hits[start:], n + unread - start
        total = sum(order) + missed
        null = chance(total, order, of)
        if chance(total + 1, order, of) <= null:
            prior = (Fraction(1, (k + 1) * (k + 2)) * chance(k, order, of) for k in range(total))
            expected += sum(prior) / null / len(begin)
    assert evidence == pytest.approx(float(expected), rel=1e-6)


# ---------------------------------------------------------------------------------------------------- sample of targets


@pytest.mark.parametrize(
    ("recall", "positives", "needed"),
    [(0.7, 9, 9), (0.8, 14, 14), (0.8, 30, 28), (0.8, 100, 87), (0.8, 500, 416), (0.9, 29, 29), (0.95, 59, 59)],
)
def test_qbcb_of_the_paper(recall: float, positives: int, needed: int) -> None:
    assert sample_hits_needed(positives, recall) == needed


@pytest.mark.parametrize(("recall", "least"), [(0.7, 9), (0.8, 14), (0.9, 29), (0.95, 59), (1.0, 10_000)])
def test_too_small_a_sample_certifies_nothing(recall: float, least: int) -> None:
    assert sample_hits_needed(least - 1, recall) is None


@given(st.integers(1, 80), st.integers(1, 80), st.integers(50, 95))
def test_qbcb_holds_in_a_finite_collection(drawn: int, relevant: int, percent: int) -> None:
    """Stopping short of the recall means that the j-th of the sample lies among the first too few: hypergeometric."""
    drawn = min(drawn, relevant)
    needed = sample_hits_needed(drawn, percent / 100)
    if needed is not None:
        too_few = -(-percent * relevant // 100) - 1
        assert hypergeom.sf(needed - 1, relevant, too_few, drawn) <= 0.05 + 1e-9


# -------------------------------------------------------------------------------------------------- confidence sequence


def ever_outside(population: int, relevant: int, confidence: float, prior: tuple[float, float]) -> float:
    """Exact chance that an interval does not hold the truth after some draw, by recursion over draws and hits."""
    chances = {0: 1.0}
    for n in range(1, population + 1):
        after: dict[int, float] = {}
        for hits, chance in chances.items():
            hit = (relevant - hits) / (population - n + 1)
            after[hits + 1] = after.get(hits + 1, 0) + chance * hit
            after[hits] = after.get(hits, 0) + chance * (1 - hit)
        chances = {}
        for hits, chance in after.items():
            if chance > 0:
                total = confidence_sequence(hits, n, population, confidence, prior)
                if total.low <= relevant <= total.high:
                    chances[hits] = chance
    return 1 - sum(chances.values())


@pytest.mark.parametrize("prior", [(0.1, 1.0), (1.0, 1.0)])
@pytest.mark.parametrize("confidence", [0.5, 0.9])
def test_the_sequence_holds_at_every_draw_at_once(confidence: float, prior: tuple[float, float]) -> None:
    chances = [ever_outside(24, relevant, confidence, prior) for relevant in range(25)]
    assert max(chances) <= 1 - confidence + 1e-9
    assert max(chances) > 0.2 * (1 - confidence), "an interval that holds everything proves nothing"


@given(st.integers(1, 60).flatmap(lambda m: st.tuples(st.just(m), st.integers(0, m))), st.data())
def test_the_sequence_is_the_ratio_of_prior_and_posterior(sizes: tuple[int, int], data: st.DataObject) -> None:
    from scipy.stats import betabinom

    population, n = sizes
    hits = data.draw(st.integers(0, n))
    total = confidence_sequence(hits, n, population, 0.9, (0.5, 2.0))
    every = np.arange(hits, population - n + hits + 1)
    prior = betabinom.pmf(every, population, 0.5, 2.0)
    posterior = betabinom.pmf(every - hits, population - n, 0.5 + hits, 2.0 + n - hits)
    # a ratio of 10 to the last digit may fall either way
    surely, perhaps = every[prior < 10 * posterior * (1 - 1e-9)], every[prior < 10 * posterior * (1 + 1e-9)]
    assert perhaps.min() <= total.low <= surely.min()
    assert surely.max() <= total.high <= perhaps.max()


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="0 and 1"):
        buscar([2], 1, 0.9)
    with pytest.raises(ValueError, match="recall"):
        reading_evidence([1], 1, 0.0)
    with pytest.raises(ValueError, match="starts"):
        reading_evidence([1], 1, 0.9, starts=0)
    with pytest.raises(ValueError, match="urn"):
        buscar([1], 1, 0.9, urn=1.5)
    with pytest.raises(ValueError, match="cannot draw"):
        confidence_sequence(0, 3, 2)
    with pytest.raises(ValueError, match="positives"):
        sample_hits_needed(-1, 0.9)
