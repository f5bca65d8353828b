"""The plugin keeps the protocols, computes what it says, and runs a review from end to end."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import docreview_neighbors
import numpy as np
import pytest
import scipy.sparse as sp
from docreview_neighbors import SetFit, Spreading, nearest_neighbors
from docreview_neighbors import spreading as module

from docreview import Document, Label, Project
from docreview.errors import BadSetting, DocreviewError, EmbeddingError, PluginError
from docreview.testing import make_state, parametrize_with_checks
from docreview.types import Neighbors, Vectors


class Centroids:
    """An inner model that is quick to fit and not calibrated: the nearest mean of one view, by softmax."""

    def fit(self, state, rng):
        matrix, k = next(iter(state.views.values())).matrix, len(state.question.labels)
        matrix = matrix.toarray() if sp.issparse(matrix) else matrix
        means = np.zeros((k, matrix.shape[1]))
        np.add.at(means, state.labels[state.labeled], matrix[state.labeled])
        odds = np.exp(4 * matrix @ means.T / np.maximum(np.linalg.norm(means, axis=1), 1e-9))
        return Said((odds / odds.sum(axis=1, keepdims=True)).astype(np.float32))


class Said:
    def __init__(self, probabilities):
        self.probabilities = self.scores = probabilities

    def word_weights(self, text, label):
        return [(0, len(text), 1.5)]


class Fixed:
    """An inner model that says the same whatever the labels are."""

    def __init__(self, probabilities):
        self.said = Said(probabilities)

    def fit(self, state, rng):
        return self.said


# --------------------------------------------------------------------------------------------------------- conformance


@parametrize_with_checks(
    "classifiers",
    {"usual": nearest_neighbors(), "one": nearest_neighbors(k=1)},
)
def test_classifier_keeps_the_protocol(component, check):
    check(component)


@parametrize_with_checks("models", {"auto": Spreading(Centroids()), "fixed": Spreading(Centroids(), amount=0.5)})
def test_model_keeps_the_protocol(component, check):
    check(component)


def test_importing_the_plugin_stays_light():
    heavy = ("sklearn", "scipy", "torch", "setfit")
    code = f"import sys, docreview_neighbors; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --------------------------------------------------------------------------------------------------- nearest neighbors


def unit(rng, n, d):
    rows = rng.normal(size=(n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("k", [2, 7, 150])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_votes_are_those_of_a_computation_row_by_row(k, kind):
    rng = np.random.default_rng(k)
    train, asked = unit(rng, 2 * k + 9, 6), unit(rng, 40, 6)
    classes = np.concatenate([np.arange(k), rng.integers(k, size=k + 9)])
    weight = rng.uniform(0.5, 2, classes.size)
    wrap = sp.csr_matrix if kind == "sparse" else np.asarray
    fitted = nearest_neighbors(k=5, temperature=0.2).fit(wrap(train), classes, sample_weight=weight)
    shares = fitted.predict_proba(wrap(asked))
    for row, said in zip(asked, shares, strict=True):
        cosines = [float(np.dot(row.astype(float), other)) for other in train]
        votes = dict.fromkeys(range(k), 0.0)
        for best in sorted(range(len(train)), key=lambda i: -cosines[i])[:5]:
            votes[int(classes[best])] += weight[best] * np.exp(cosines[best] / 0.2)
        whole = sum(votes.values())
        expected = [(votes[c] / whole + 0.001) / (1 + 0.001 * k) for c in range(k)]
        np.testing.assert_allclose(said, expected, rtol=1e-4, atol=1e-7)
    assert (fitted.predict(wrap(asked)) == shares.argmax(axis=1)).all()


def test_more_rows_than_a_block_and_none_at_all():
    rng = np.random.default_rng(0)
    train, asked = unit(rng, 30, 4), unit(rng, 5000, 4)
    fitted = nearest_neighbors().fit(train, np.arange(30) % 3)
    np.testing.assert_allclose(fitted.predict_proba(asked)[4000:], fitted.predict_proba(asked[4000:]), rtol=1e-5)
    assert fitted.predict_proba(asked[:0]).shape == (0, 3)


def test_the_order_of_rows_does_not_matter_where_they_tie():
    train, classes = np.eye(4, dtype=np.float32)[[0, 0, 0, 1]], np.array([0, 1, 1, 0])
    one = nearest_neighbors(k=1)
    shares = [one.fit(train[order], classes[order]).predict_proba(train[:1]) for order in ([0, 1, 2, 3], [2, 1, 3, 0])]
    np.testing.assert_allclose(shares[0], shares[1])
    assert shares[0].argmax() == 1


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (lambda: nearest_neighbors(k=0), "'k' must be at least 1"),
        (lambda: nearest_neighbors(temperature=0), "'temperature' must be greater"),
        (lambda: Spreading(Centroids(), amount=1), "'amount' must be from 0 to below 1"),
        (lambda: Spreading(Centroids(), folds=1), "'folds' must be at least 2"),
        (lambda: SetFit(pairs=0), "'pairs' must be greater than 0"),
    ],
)
def test_impossible_settings_are_refused(make, wrong):
    with pytest.raises(ValueError, match=wrong):
        make()


# ----------------------------------------------------------------------------------------------------------- spreading


def test_spreading_is_the_solution_of_its_equations():
    """At the limit P = amount W P + (1 - amount) P0, which a dense solver finds without any step."""
    state = make_state(80, read=20, target=None)
    rng = np.random.default_rng(0)
    start = rng.dirichlet([1, 1], size=80).astype(np.float32)
    weights = np.zeros((80, 80))
    for row in range(80):
        for other, near in zip(state.neighbors.rows[row], state.neighbors.similarities[row], strict=True):
            weights[row, other] = weights[other, row] = max(near, 0) ** 3
    known = start.astype(float)
    known[state.labeled] = np.eye(2)[state.labels[state.labeled]]
    walk = weights / weights.sum(axis=1, keepdims=True)
    solved = 0.5 * np.linalg.solve(np.eye(80) - 0.5 * walk, known)
    fitted = Spreading(Fixed(start), amount=0.5).fit(state, np.random.default_rng(0))
    # the sharpness is one of seven powers: whichever it was, it is the same power for every row
    odds, said = np.log(solved[:, 1] / solved[:, 0]), np.log(fitted.probabilities[:, 1] / fitted.probabilities[:, 0])
    assert min(np.abs(said - power * odds).max() for power in module.SHARPNESS) < 1e-3
    np.testing.assert_allclose(fitted.scores[:, 1], said, atol=1e-3)


def clusters(agree, n=300, k=3, seed=0):
    """A state whose neighbors share the label (or not), and an inner model that is right more often than not."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n) % k)
    centers = unit(rng, k, 8)
    groups = truth if agree else rng.permutation(truth)
    dense = centers[groups] + 0.15 * rng.normal(size=(n, 8))
    dense = (dense / np.linalg.norm(dense, axis=1, keepdims=True)).astype(np.float32)
    guess = np.where(rng.random(n) < 0.7, truth, rng.integers(k, size=n))
    said = np.full((n, k), 0.2, np.float32)
    said[np.arange(n), guess] = 0.6
    state = make_state(n, labels=tuple("abc"), target=None, read=90, skipped=0)
    labels = np.full(n, -1)
    labels[state.reviewed] = truth[state.reviewed]
    view = Vectors(dense, f"clusters-{agree}-{seed}")
    return replace(state, views={"semantic": view}, labels=labels, neighbors=None), Fixed(said), truth


def test_neighbors_that_share_the_label_are_believed_and_others_are_not():
    state, inner, truth = clusters(agree=True)
    pool = state.pool
    before = (inner.said.probabilities[pool].argmax(axis=1) == truth[pool]).mean()
    fitted = Spreading(inner).fit(state, np.random.default_rng(0))
    assert fitted.amount >= 0.5
    assert (fitted.probabilities[pool].argmax(axis=1) == truth[pool]).mean() > max(before + 0.1, 0.95)

    state, inner, truth = clusters(agree=False)
    fitted = Spreading(inner).fit(state, np.random.default_rng(0))
    assert fitted.amount <= 0.3
    same = fitted.probabilities.argmax(axis=1) == inner.said.probabilities.argmax(axis=1)
    assert same[state.pool].mean() > 0.97


def test_probabilities_are_calibrated_on_labels_held_out():
    """An inner model that is far too sure is made as sure as it is right."""
    state, inner, truth = clusters(agree=False)
    sure = np.where(inner.said.probabilities > 0.5, 0.998, 0.001).astype(np.float32)
    said = Spreading(Fixed(sure)).fit(state, np.random.default_rng(0)).probabilities[state.pool]
    right = (said.argmax(axis=1) == truth[state.pool]).mean()
    assert abs(said.max(axis=1).mean() - right) < 0.13
    assert sure[state.pool].max(axis=1).mean() - right > 0.15


def test_without_neighbors_in_the_state_the_same_are_found_here():
    state = make_state(120, target=None)
    matrix = state.views["semantic"].matrix
    cosines = matrix.astype(float) @ matrix.T.astype(float)
    np.fill_diagonal(cosines, -2)
    near = np.argsort(-cosines, axis=1)[:, :20]
    given = Neighbors(near.astype(np.int32), np.take_along_axis(cosines, near, axis=1), "semantic", "exact")
    model = Spreading(Centroids(), amount=0.7)
    first, second = (
        model.fit(replace(state, neighbors=known), np.random.default_rng(0)).probabilities for known in (given, None)
    )
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_view_that_comes_later_is_not_taken_for_the_one_before():
    for seed in (0, 1):
        state, inner, truth = clusters(agree=True, seed=seed)
        fitted = Spreading(inner, amount=0.8).fit(state, np.random.default_rng(0))
        assert (fitted.probabilities[state.pool].argmax(axis=1) == truth[state.pool]).mean() > 0.95


def test_without_a_dense_view_it_is_the_inner_model():
    state, inner, _ = clusters(agree=True)
    assert Spreading(inner).fit(replace(state, views={}), np.random.default_rng(0)) is inner.said


def test_too_many_documents_to_search_are_refused_in_one_line(monkeypatch):
    state, inner, _ = clusters(agree=True)
    monkeypatch.setattr(module, "_EXACT", 299)
    with pytest.raises(BadSetting, match="300 documents are too many to find them at each fit") as caught:
        Spreading(inner).fit(state, np.random.default_rng(0))
    assert "\n" not in str(caught.value)


def test_a_row_without_any_neighbor_keeps_what_it_has():
    walk = module.transitions(np.array([[1], [0], [-1]], np.int32), np.array([[0.5], [0.5], [-1.0]], np.float32))
    np.testing.assert_allclose(walk.toarray(), [[0, 1, 0], [1, 0, 0], [0, 0, 1]])


def test_words_are_explained_by_the_inner_model():
    state, inner, _ = clusters(agree=True)
    assert Spreading(inner).fit(state, np.random.default_rng(0)).word_weights("soup", "a") == [(0, 4, 1.5)]


# -------------------------------------------------------------------------------------------------------------- setfit

TOPICS = ("court judge appeal claim", "soup recipe onion salt", "engine oil brake wheel")


def topics():
    labels = ("law", "food", "cars", "none")
    state = make_state(60, labels=labels, target=None, read=24, skipped=0)
    truth = np.arange(60) % 3
    answers = np.full(60, -1)
    answers[state.reviewed] = truth[state.reviewed]
    return replace(state, labels=answers, texts=lambda rows: [f"{TOPICS[truth[row]]} {row}" for row in rows]), truth


@pytest.mark.skipif(find_spec("setfit") is not None, reason="setfit is installed")
def test_without_the_extra_one_line_says_what_to_install():
    with pytest.raises(PluginError) as caught:
        SetFit()
    assert str(caught.value) == "model 'setfit' needs the package setfit: pip install 'docreview-neighbors[setfit]'"
    assert isinstance(caught.value, DocreviewError)


@pytest.mark.skipif(find_spec("setfit") is None, reason="the extra [setfit] is not installed")
def test_setfit_learns_repeats_and_leaves_the_generators_alone(capfd):
    import random

    state, truth = topics()
    random.seed(5), np.random.seed(5)  # noqa: NPY002 - the very thing that is watched
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first, second = (SetFit(pairs=2).fit(state, np.random.default_rng(0)) for _ in range(2))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_allclose(first.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (first.probabilities.argmax(axis=1) == truth).mean() > 0.95
    assert (first.scores[:, 3] < first.scores[:, :3].min()).all(), "a label nobody gave must score below all others"
    assert capfd.readouterr() == ("", "")
    with pytest.raises(EmbeddingError, match="cannot load the encoder '/nowhere/x'"):
        SetFit(encoder="/nowhere/x").fit(state, np.random.default_rng(0))


# ------------------------------------------------------------------------------------------------------------- product

PROJECT = """
[corpus]
language = "en"
{views}
[questions.topic]
labels = ["law", "food", "cars"]
preset = "classification"
batch_size = 22

[questions.topic.model]
{model}
"""
LATE_FUSION = 'name = "late-fusion"\nclassifier = {name = "nearest-neighbors", k = 9}'
SPREADING = 'name = "spreading"\n[questions.topic.model.model]\nname = "late-fusion"\nclassifier = "linear-svm"'


def sentences(n=90):
    rng = np.random.default_rng(0)
    words = [topic.split() for topic in TOPICS]
    return [
        Document(f"d{i}", f"The {rng.choice(words[i % 3])} and the {rng.choice(words[i % 3])}, number {i}.")
        for i in range(n)
    ]


def truth_of(document_id):
    return ("law", "food", "cars")[int(document_id[1:]) % 3]


def reviewed(folder, views, model, rounds=2):
    """Review some rounds, and return the share of unread documents whose label is told right."""
    (folder / "docreview.toml").write_text(PROJECT.format(views=views, model=model), "utf-8")
    with Project.open(folder) as project:
        project.add_documents(sentences())
        project.embed()
        review = project.review()
        for _ in range(rounds):
            review.record(*(Label(name, truth_of(name), "me") for name in review.next_batch()))
        said = {row["id"]: row for row in exported(project, folder)}
        read = [name for name, row in said.items() if row["label"]]
        assert len(read) == 22 * rounds
        assert project.replay() == [], "the same record must give the same batches"
        unread = [name for name in said if name not in read]
        labels = project.questions["topic"].labels
        told = [max(labels, key=lambda label: float(said[name][f"p({label})"])) for name in unread]
        return np.mean([label == truth_of(name) for label, name in zip(told, unread, strict=True)])


def exported(project, folder):
    import csv

    project.export(folder / "labels.csv")
    with (folder / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_review_with_nearest_neighbors_in_late_fusion(tmp_path):
    assert reviewed(tmp_path, "[views.lexical]", LATE_FUSION) > 0.9


def test_a_review_that_spreads_over_both_views(tmp_path):
    assert reviewed(tmp_path, "[views.lexical]\n[views.semantic]\ndtype = 'float32'\ndevice = 'cpu'", SPREADING) > 0.9


def test_a_review_on_words_alone_goes_on_without_a_graph(tmp_path):
    assert reviewed(tmp_path, "[views.lexical]", SPREADING) > 0.9


def test_a_setting_that_is_missing_or_wrong_is_one_line(tmp_path):
    for model, wrong in (
        ('name = "spreading"', "needs the setting 'model'"),
        ('name = "spreading"\nmodel = "late-fusion"\namount = 2.0', "'amount' must be from 0 to below 1"),
        ('name = "late-fusion"\nclassifier = {name = "nearest-neighbors", j = 3}', "has no setting 'j'"),
    ):
        (tmp_path / "docreview.toml").write_text(PROJECT.format(views="[views.lexical]", model=model), "utf-8")
        with Project.open(tmp_path) as project:
            with pytest.raises(BadSetting, match=wrong) as caught:
                project.review()
            assert "\n" not in str(caught.value)


def test_the_plugin_is_installed_and_brings_its_components():
    from docreview.plugins import load_plugins

    plugins = load_plugins()
    assert not [q for q in plugins.quarantined if q.name == "neighbors"]
    assert plugins.loaded["neighbors"] == docreview_neighbors.__version__
    entry = next(entry for entry in plugins.registry.entries("models") if entry.name == "spreading")
    assert entry.papers[0].startswith("Zhou, Bousquet")
