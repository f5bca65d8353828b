import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from docreview import query_strategies as qs
from docreview.errors import BadSetting
from docreview.types import Neighbors, Question, ReviewState, Sample, Vectors

YES_NO = Question("copyleft", ("yes", "no"), target="yes")
TOPICS = Question("topic", ("law", "art", "sport"))
DETERMINED = (qs.MostRelevant(), qs.LeastConfidence(), qs.Margin(), qs.Entropy(), qs.DensityMMR())


class Learned:
    def __init__(self, probabilities):
        self.probabilities = np.asarray(probabilities, dtype=np.float32)
        self.scores = self.probabilities * 3 - 1


def unit(rng, n, d=8):
    vectors = rng.normal(size=(n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def neighbors_of(vectors, k=4):
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    rows = np.argsort(-similarity, axis=1)[:, :k].astype(np.int32)
    return Neighbors(rows, np.take_along_axis(similarity, rows, axis=1), "semantic", "x")


def make_state(
    n=60, question=YES_NO, read=range(10), seed=0, samples=(), neighbors=True, probabilities=None, views=None
):
    rng = np.random.default_rng(seed)
    labels = np.full(n, -1)
    labels[list(read)] = [i % len(question.labels) for i in read]
    vectors = unit(rng, n)
    if probabilities is None:
        probabilities = rng.dirichlet(np.ones(len(question.labels)), size=n)
    return ReviewState(
        question=question,
        round=2,
        n=n,
        views={"semantic": Vectors(vectors, "x")} if views is None else views,
        labels=labels,
        rounds=np.where(labels >= 0, 1, -1),
        reviewed=np.array(list(read), dtype=np.int64),
        samples=samples,
        neighbors=neighbors_of(vectors) if neighbors else None,
        fitted=lambda: Learned(probabilities),
    )


@pytest.mark.parametrize("strategy", [qs.Random(), *DETERMINED], ids=repr)
def test_choices_are_distinct_rows_of_the_pool(strategy):
    sample = Sample("validation", np.array([50, 51]), 0.1)
    state = make_state(samples=(sample,))
    free = set(range(10, 60)) - {50, 51}
    for n in (1, 7, len(free), 500):
        chosen = strategy.select(state, n, np.random.default_rng(0))
        assert len(chosen.rows) == len(set(chosen.rows.tolist())) == min(n, len(free))
        assert set(chosen.rows.tolist()) <= free
        for extra in (chosen.scores, chosen.probabilities):
            assert extra is None or extra.shape == chosen.rows.shape


@pytest.mark.parametrize("strategy", [qs.Random(), *DETERMINED], ids=repr)
def test_an_empty_pool_gives_an_empty_choice(strategy):
    assert strategy.select(make_state(10), 5, np.random.default_rng(0)).rows.size == 0


@pytest.mark.parametrize("strategy", [qs.Random(), *DETERMINED], ids=repr)
def test_the_same_generator_makes_the_same_choice(strategy):
    first, again = (strategy.select(make_state(), 8, np.random.default_rng(3)).rows.tolist() for _ in range(2))
    assert first == again


@pytest.mark.parametrize("strategy", DETERMINED[:4], ids=repr)
def test_ties_are_broken_by_the_generator_and_not_by_row(strategy):
    state = make_state(400, read=(), neighbors=False, probabilities=np.full((400, 2), 0.5))
    rows = np.concatenate([strategy.select(state, 20, np.random.default_rng(seed)).rows for seed in range(20)])
    assert rows.mean() == pytest.approx(200, abs=30)
    assert len(np.unique(rows)) > 150


def test_random_draws_every_document_as_often_and_says_how_likely():
    counts = np.zeros(60)
    for seed in range(1000):
        chosen = qs.Random().select(make_state(), 5, np.random.default_rng(seed))
        counts[chosen.rows] += 1
        assert chosen.probabilities == pytest.approx(np.full(5, 5 / 50))
    assert counts[:10].sum() == 0
    assert counts[10:].min() > 60
    assert counts[10:].max() < 140


def test_most_relevant_takes_the_highest_target_scores():
    state = make_state()
    chosen = qs.MostRelevant().select(state, 6, np.random.default_rng(0))
    expected = sorted(range(10, 60), key=lambda row: -state.probabilities[row, 0])[:6]
    assert chosen.rows.tolist() == expected
    assert chosen.scores == pytest.approx(state.scores[expected])


def test_strategies_that_need_a_target_say_so():
    state = make_state(question=TOPICS)
    for strategy in (qs.MostRelevant(), qs.DensityMMR(informativeness="target")):
        with pytest.raises(BadSetting, match="needs a question with a target, and question 'topic' has none"):
            strategy.select(state, 3, np.random.default_rng(0))


chances = st.lists(st.floats(0.001, 1), min_size=4, max_size=4).map(lambda p: np.array(p) / sum(p))


@given(st.lists(chances, min_size=1, max_size=10).map(np.array))
@settings(deadline=None)
def test_measures_of_doubt_agree_with_their_definitions(p):
    p32 = p.astype(np.float32)
    ordered = np.sort(p, axis=1)
    assert qs.informativeness(p32, "entropy") == pytest.approx(entropy(p, axis=1, base=4), abs=1e-5)
    assert qs.informativeness(p32, "margin") == pytest.approx(1 - ordered[:, -1] + ordered[:, -2], abs=1e-5)
    assert qs.informativeness(p32, "least-confidence") == pytest.approx((1 - ordered[:, -1]) * 4 / 3, abs=1e-5)


def test_certainty_is_zero_and_ignorance_one():
    p = np.array([[1, 0, 0], [1 / 3] * 3], dtype=np.float32)
    for kind in ("margin", "entropy", "least-confidence"):
        assert qs.informativeness(p, kind) == pytest.approx([0, 1], abs=1e-6)


def test_with_two_labels_the_three_measures_rank_alike():
    state = make_state()
    rows = [s.select(state, 50, np.random.default_rng(0)).rows.tolist() for s in DETERMINED[1:4]]
    assert rows[0] == rows[1] == rows[2]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(0, 35), st.integers(0, 99))
@settings(deadline=None)
def test_best_is_a_stable_sort_of_a_shuffle(scores, n, seed):
    scores = np.array(scores, dtype=float)
    chosen = qs.best(scores, n, np.random.default_rng(seed))
    assert len(set(chosen.tolist())) == min(n, scores.size)
    assert scores[chosen].tolist() == sorted(scores, reverse=True)[:n]


def brute_mmr(vectors, scores, n, trade_off):
    chosen = []
    while len(chosen) < n:
        values = {
            i: trade_off * scores[i] - (1 - trade_off) * max([0.0, *(float(vectors[i] @ vectors[j]) for j in chosen)])
            for i in range(len(scores))
            if i not in chosen
        }
        chosen.append(max(values, key=lambda i: (values[i], -i)))
    return chosen


@given(st.integers(1, 12), st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 0.7, 1.0]))
@settings(deadline=None)
def test_mmr_agrees_with_brute_force_on_dense_and_sparse_vectors(m, seed, trade_off):
    rng = np.random.default_rng(seed)
    vectors, scores = unit(rng, m, 3), rng.random(m)
    n = int(rng.integers(1, m + 1))
    expected = brute_mmr(vectors.astype(np.float64), scores, n, trade_off)
    for matrix in (vectors, sp.csr_array(vectors)):
        got = qs.mmr(matrix, scores, n, trade_off).tolist()
        # equal up to rounding: the value of each step, not necessarily the row
        best = value(vectors, scores, expected, trade_off)
        assert value(vectors, scores, got, trade_off) == pytest.approx(best, abs=1e-5)


def value(vectors, scores, chosen, trade_off):
    return [
        trade_off * scores[i] - (1 - trade_off) * max([0.0, *(float(vectors[i] @ vectors[j]) for j in chosen[:at])])
        for at, i in enumerate(chosen)
    ]


def test_density_mmr_follows_its_definition():
    state = make_state(question=TOPICS)
    strategy = qs.DensityMMR("entropy", beta=0.5, trade_off=0.6, prefilter=2)
    pool = np.arange(10, 60)
    doubt = entropy(state.probabilities[pool].astype(np.float64), axis=1, base=3)
    density = state.neighbors.similarities[pool].mean(axis=1)
    ranks = np.array([(density <= d).sum() for d in density]) / 50
    scores = doubt * np.sqrt(ranks)
    kept = np.argsort(-scores)[:10]
    scaled = (scores[kept] - scores[kept].min()) / (scores[kept].max() - scores[kept].min())
    expected = pool[kept[brute_mmr(state.views["semantic"].matrix[pool[kept]], scaled, 5, 0.6)]]
    chosen = strategy.select(state, 5, np.random.default_rng(0))
    assert chosen.rows.tolist() == expected.tolist()
    assert chosen.scores == pytest.approx(scores[expected - 10], abs=1e-5)


def test_without_beta_and_penalty_density_mmr_is_its_informativeness():
    state = make_state()
    plain = qs.DensityMMR("margin", beta=0, trade_off=1).select(state, 9, np.random.default_rng(0))
    assert plain.rows.tolist() == qs.Margin().select(state, 9, np.random.default_rng(0)).rows.tolist()
    relevant = qs.DensityMMR("target", beta=0, trade_off=1).select(state, 9, np.random.default_rng(0))
    assert relevant.rows.tolist() == qs.MostRelevant().select(state, 9, np.random.default_rng(0)).rows.tolist()


def test_twins_are_not_both_taken_while_there_is_anything_else():
    rng = np.random.default_rng(5)
    half = unit(rng, 20)
    vectors = np.concatenate([half, half])
    state = make_state(
        40, read=(), neighbors=False, probabilities=np.full((40, 2), 0.5), views={"semantic": Vectors(vectors, "x")}
    )
    rows = qs.DensityMMR(beta=0, trade_off=0.5).select(state, 20, np.random.default_rng(0)).rows
    assert len({int(row) % 20 for row in rows}) == 20


def test_without_the_neighbor_graph_density_is_taken_among_the_candidates():
    # rows 0..9 lie together, 10..19 far from everything: equally doubtful, the crowded ones win
    rng = np.random.default_rng(1)
    crowd = np.eye(30)[0] + rng.normal(scale=0.02, size=(10, 30))
    alone = np.eye(30)[np.arange(10, 20)]
    vectors = np.concatenate([crowd, alone])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    for matrix in (vectors, sp.csr_array(vectors)):
        state = make_state(
            20, read=(), neighbors=False, probabilities=np.full((20, 2), 0.5), views={"lexical": Vectors(matrix, "x")}
        )
        rows = qs.DensityMMR(beta=1, trade_off=1).select(state, 10, np.random.default_rng(0)).rows
        assert set(rows.tolist()) == set(range(10))


def test_density_is_the_mean_similarity_to_the_neighbors_there_are():
    rows = np.array([[1, 2], [0, -1], [-1, -1]], dtype=np.int32)
    similarities = np.array([[0.8, 0.4], [0.6, -1], [0, 0]], dtype=np.float32)
    assert qs.local_density(rows, similarities) == pytest.approx([0.6, 0.6, 0])


def test_mutual_density_agrees_with_the_whole_similarity_matrix():
    vectors = unit(np.random.default_rng(0), 700)
    similarity = (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(similarity, -np.inf)
    expected = np.sort(similarity, axis=1)[:, -10:].mean(axis=1)
    assert qs.mutual_density(vectors) == pytest.approx(expected, abs=1e-5)
    assert qs.mutual_density(sp.csr_array(vectors)) == pytest.approx(expected, abs=1e-5)
    assert qs.mutual_density(vectors[:1]) == [0]


@pytest.mark.parametrize(("setting", "value"), [("beta", -1.0), ("trade_off", 1.5), ("prefilter", 0)])
def test_impossible_settings_are_refused(setting, value):
    with pytest.raises(ValueError, match=setting):
        qs.DensityMMR(**{setting: value})
