"""Presets: settings that belong together, in the form of a question's table in `docreview.toml`.

A project writes the preset's name down, and each review records the settings it resolved to: a review begun keeps them
when a later docreview ships a better preset, which gets a new name (`-2`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docreview.hookspecs import hookimpl

if TYPE_CHECKING:
    from docreview.hookspecs import Register


def high_recall() -> dict[str, Any]:
    """Find every document of the target: the likeliest next (version 2).

    Measured on the 2,289 licence texts of the demo, 550 of them copyleft; texts read to 95 % (least possible 523, at
    random 2,174), means of 5 seeds with a standard error of 4 to 9 (docs/benchmarks.md):

    - Small batches read least: 797 texts in batches of 3, then 5 from the 300th text on, then 100 from the 1,000th. (In
      version 1: 785, 799 in batches of 5, 846 in batches of 20.) A model retrained after a few answers knows the
      siblings of what was just found, and the random start costs 3 texts and not 20. Retraining takes tenths of a
      second, so the reviewer does not wait for it. (ASReview's own simulations take 1, 5 from 100 on, and 100 from
      1,000 on.)
    - The semantic view alone reads some 1,070. Fused with 0.25 it neither helps nor harms here (787 for the lexical
      view alone); with 0.5 it harms (833). On nine screening reviews what is still to be found ranks higher with a C of
      0.1 in that view, which is the change from version 1: with a C of 1 the licences take 801.
    - C = 1 for words, scikit-learn's own default, is no worse here than what was tuned for ASReview (0.3: 822).
    - The ratio of 9.8 is ASReview's (ELAS u4); here a ratio of 1 reads as much (802).

    It proposes to stop after 100 misses in a row: a habit of the field that proves nothing about what is left.
    """
    return {
        "model": {
            "name": "late-fusion",
            "classifier": {"name": "linear-svm", "C": 1.0},
            "classifiers": {"semantic": {"name": "linear-svm", "C": 0.1}},
            "weights": {"lexical": 1.0, "semantic": 0.25},
            "ratio": 9.8,
        },
        "query_strategy": {"name": "most-relevant"},
        "cold_start": {"name": "random"},
        "batch_size": [[0, 3], [300, 5], [1000, 100]],
        "stopping_rule": {"name": "consecutive-misses", "n": 100},
    }


def classification() -> dict[str, Any]:
    """Learn to tell all labels apart with few of them: what is doubtful, and unlike the rest of the batch (version 2).

    A linear support vector machine with C = 1 and balanced labels, calibrated, was best or within 0.01 of the best of
    15 settings in accuracy at 300 to 1,000 random labels on TREC-6, AG News, Banking77 and the licences' categories
    (logistic regression C = 1 and 10, support vector machines C = 0.11 to 1, complement naive Bayes). Views weigh
    themselves.

    Mean accuracy up to 300 labels less that of random choice, in points, on six corpora (5 seeds) and on the licences'
    11 categories: margin-k-means 2.1 and 2.2, and on none of the seven below random; facility-location by margin 3.1
    and 1.0, but below random on one; margin 1.4 and 0.8; density-mmr -0.3 on the six
    (docs/benchmarks.md; which to take when: docs/strategies.md).
    """
    return {
        "model": {
            "name": "late-fusion",
            "classifier": {"name": "linear-svm", "C": 1.0},
        },
        "query_strategy": {"name": "margin-k-means"},
        "cold_start": {"name": "random"},
        "batch_size": 20,
        "stopping_rule": {"name": "diminishing-returns"},
    }


@hookimpl
def register_presets(register: Register) -> None:
    """Register docreview's own presets."""
    register("high-recall", high_recall)
    register("classification", classification)
