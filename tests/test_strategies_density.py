"""Information density against its definition, and on the crowded places that it is made for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import entropy
from strategy_support import YES_NO, blobs, doubt, generator, graph_of, state_of, unit

from docreview.errors import BadSetting
from docreview.plugins import load_plugins
from docreview.query_strategies import DensityMMR, InformationDensity, Margin, MostRelevant


def ranked(values: Any) -> Any:
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values]) / len(values)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("kind", ["margin", "entropy", "least-confidence"])
def test_scores_are_doubt_times_a_power_of_the_rank_of_density(kind: Any, beta: float) -> None:
    rows = unit(generator(0).normal(size=(90, 6)))
    state = state_of(rows, range(10), graph=graph_of(rows, 5))
    p = np.sort(state.probabilities[10:].astype(np.float64), axis=1)
    unsure = {
        "margin": 1 - p[:, 1] + p[:, 0],
        "entropy": entropy(p, axis=1, base=2),
        "least-confidence": 2 - 2 * p[:, 1],
    }[kind]
    similarity = rows.astype(np.float64) @ rows.T
    density = np.sort(similarity, axis=1)[10:, -6:-1].mean(axis=1)  # the nearest of all is the document itself
    scores = unsure * ranked(density) ** beta
    chosen = InformationDensity(kind, beta).select(state, 20, generator())
    assert chosen.rows.tolist() == (10 + np.argsort(-scores)[:20]).tolist()
    np.testing.assert_allclose(chosen.scores, np.sort(scores)[::-1][:20], rtol=1e-4)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_without_the_graph_density_is_taken_among_the_most_doubtful(make: Any) -> None:
    rows = unit(generator(0).normal(size=(200, 6)))
    state = state_of(make(rows), range(10))
    unsure = 1 - np.abs(state.probabilities[:, 0] - state.probabilities[:, 1]).astype(np.float64)
    kept = 10 + np.argsort(-unsure[10:])[:70]
    similarity = rows[kept].astype(np.float64) @ rows[kept].T
    density = np.sort(similarity, axis=1)[:, -11:-1].mean(axis=1)
    scores = unsure[kept] * ranked(density) ** 0.5
    chosen = InformationDensity().select(state, 7, generator())
    assert chosen.rows.tolist() == kept[np.argsort(-scores)[:7]].tolist()


def test_it_is_density_mmr_without_the_penalty_and_margin_without_density() -> None:
    rows = unit(generator(1).normal(size=(90, 6)))
    for graph in (graph_of(rows, 5), None):
        state = state_of(rows, range(10), graph=graph)
        plain = InformationDensity("entropy", 0.7).select(state, 12, generator()).rows.tolist()
        assert plain == DensityMMR("entropy", 0.7, trade_off=1).select(state, 12, generator()).rows.tolist()
        margin = Margin().select(state, 12, generator()).rows.tolist()
        assert InformationDensity(beta=0).select(state, 12, generator()).rows.tolist() == margin
        relevant = MostRelevant().select(state, 12, generator()).rows.tolist()
        assert InformationDensity("target", beta=0).select(state, 12, generator()).rows.tolist() == relevant


def test_of_equally_doubtful_documents_it_takes_those_in_crowds_and_margin_takes_outliers_too() -> None:
    rows, blob = blobs([50] * 4 + [1] * 60, d=70, noise=0.02)
    # outliers are a little more in doubt, as they are where a model has seen nothing like them
    state = state_of(rows, probabilities=doubt(np.where(blob < 4, 0.8, 0.85)), graph=graph_of(rows, 10))
    assert (blob[InformationDensity().select(state, 40, generator()).rows] < 4).all()
    assert (blob[Margin().select(state, 40, generator()).rows] >= 4).all()


def test_density_is_local_and_the_center_of_the_corpus_does_not_count() -> None:
    # a crowd far from the corpus's mean, and loose documents about the mean: similarity to all would favor the latter
    mean, away = np.eye(40)[0], np.eye(40)[1]
    noise = generator(0).normal(size=(200, 40))
    loose = mean + 0.18 * noise[:150]
    crowd = away + 0.02 * noise[150:]
    rows = unit(np.concatenate([loose, crowd]))
    state = state_of(rows, probabilities=doubt(np.full(200, 0.7)), graph=graph_of(rows, 10))
    assert ((rows @ rows.T).mean(axis=1).argsort()[::-1][:40] < 150).all()
    assert (InformationDensity().select(state, 40, generator()).rows >= 150).all()


def test_a_target_is_needed_where_it_is_asked_for_and_settings_are_checked() -> None:
    state = replace(state_of(blobs([30])[0]), question=replace(YES_NO, target=None))
    with pytest.raises(BadSetting, match="'information-density' needs a question with a target"):
        InformationDensity("target").select(state, 3, generator())
    with pytest.raises(BadSetting, match="'beta' must not be negative"):
        load_plugins().registry.create("query_strategies", "information-density", {"beta": -1.0})
