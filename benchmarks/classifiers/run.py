"""Which classifier learns most from few labels? Accuracy and macro-F1 by the number of random labels, on real corpora.

    pip install ./plugins/docreview-neighbors
    python benchmarks/classifiers/run.py --corpora-folder ../shared/corpora [--corpora agnews,trec6] [--setfit]

Every classifier gets the same features (docreview's own lexical and semantic views), the same random documents labeled
and the same 1,000 documents to predict; for each seed the labels grow (50, 100, 300, 1,000). All but gradient boosting
and SetFit go through `late-fusion`, as in the product, which standardizes and calibrates their scores. A corpus is its
first 3,000 documents. What was embedded and measured is kept under benchmarks/results/classifiers, so that a long run
may be made corpus by corpus; `--table` prints what is there. Gradient boosting takes minutes (`--boosting`), SetFit too
(`--setfit`, which needs `pip install docreview-neighbors[setfit]`): both are measured at fewer seeds and labels.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from fasttext_style import FastTextStyle
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import f1_score
from sklearn.utils.class_weight import compute_sample_weight

from docreview.cache import Cache, TextSource
from docreview.classifiers import linear_svm, logistic_regression, naive_bayes
from docreview.models import LateFusion
from docreview.types import Neighbors, Question, ReviewState, Vectors
from docreview.views.lexical import Lexical
from docreview.views.semantic import make_semantic

RESULTS = Path(__file__).resolve().parent.parent / "results" / "classifiers"
CORPORA = {
    "agnews": "classification/agnews",
    "trec6": "classification/trec6",
    "banking77": "classification/banking77",
    "subj": "classification/subj",
    "hausa": "sentiment/hausa",
    "yoruba": "sentiment/yoruba",
}
DOCUMENTS, TEST = 3000, 1000
SIZES = (50, 100, 300, 1000)
BASELINE = "linear-svm on words and meaning"

#: what a model predicts: probabilities (n, k) of a state
Predict = Callable[[ReviewState, int], Any]


@dataclass(frozen=True)
class Corpus:
    texts: list[str]
    labels: np.ndarray
    question: Question
    views: Mapping[str, Vectors]
    neighbors: Neighbors


def read(name: str, folder: Path) -> Corpus:
    """The first documents of a corpus, its views, and its neighbors found exactly."""
    path = folder / f"{CORPORA[name]}.jsonl.gz"
    if not path.is_file():
        sys.exit(f"{path} is not there: name the folder of the corpora with --corpora-folder.")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for _, line in zip(range(DOCUMENTS), lines, strict=False)]
    texts = [row["text"] for row in rows]
    known = sorted({row["label"] for row in rows})
    labels = np.array([known.index(row["label"]) for row in rows])
    cache, source = Cache(RESULTS), TextSource(texts)
    semantic = make_semantic().build(source, cache)
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, max_df=0.95, dtype=np.float32)
    characters = sp.csr_array(grams.fit_transform(texts))
    views = {
        "words": Lexical().build(source, cache),
        "meaning": semantic,
        "characters": Vectors(characters, f"{name}-characters"),
    }
    cosines = np.asarray(semantic.matrix) @ np.asarray(semantic.matrix).T
    np.fill_diagonal(cosines, -np.inf)
    near = np.argsort(-cosines, axis=1, kind="stable")[:, :20]
    similarities = np.take_along_axis(cosines, near, axis=1)
    neighbors = Neighbors(near.astype(np.int32), similarities, "meaning", semantic.fingerprint)
    return Corpus(texts, labels, Question(name, tuple(known)), views, neighbors)


def state_of(corpus: Corpus, labeled: np.ndarray) -> ReviewState:
    labels = np.full(corpus.labels.size, -1)
    labels[labeled] = corpus.labels[labeled]
    rounds = np.where(labels >= 0, 1, -1)
    texts = lambda rows: [corpus.texts[row] for row in rows]  # noqa: E731
    args = (corpus.question, 2, labels.size, corpus.views, labels, rounds, np.sort(labeled))
    return ReviewState(*args, neighbors=corpus.neighbors, texts=texts)


# ---------------------------------------------------------------------------------------------------------- candidates


def fused(classifier: Any, *views: str, **by_view: Any) -> LateFusion:
    weights = {view: float(view in views) for view in ("words", "meaning", "characters")}
    return LateFusion(classifier=classifier, classifiers=by_view or None, weights=weights)


def candidates() -> dict[str, Any]:
    """Models by name."""
    from docreview_neighbors import Spreading, nearest_neighbors

    svm, logistic, bayes, near = linear_svm(), logistic_regression(), naive_bayes(), nearest_neighbors()
    both = fused(svm, "words", "meaning")
    return {
        "linear-svm on words": fused(svm, "words"),
        "logistic-regression on words": fused(logistic, "words"),
        "naive-bayes on words": fused(bayes, "words"),
        "fastText-style on words": fused(FastTextStyle(), "words"),
        "nearest-neighbors on words": fused(near, "words"),
        "linear-svm on characters": fused(svm, "characters"),
        "fastText-style on characters": fused(FastTextStyle(), "characters"),
        "linear-svm on meaning": fused(svm, "meaning"),
        "logistic-regression on meaning": fused(logistic, "meaning"),
        "ridge on meaning": fused(RidgeClassifier(), "meaning"),
        "nearest-neighbors on meaning": fused(near, "meaning"),
        BASELINE: both,
        "logistic-regression on words and meaning": fused(logistic, "words", "meaning"),
        "naive-bayes on words, linear-svm on meaning": fused(svm, "words", "meaning", words=bayes),
        "linear-svm on words, nearest-neighbors on meaning": fused(svm, "words", "meaning", meaning=near),
        "linear-svm on words, meaning and characters": fused(svm, "words", "meaning", "characters"),
        "spreading over linear-svm on words and meaning": Spreading(both),
        "the same, amount 0.5": Spreading(both, amount=0.5),
    }


def by_model(model: Any) -> Predict:
    return lambda state, seed: model.fit(state, np.random.default_rng([seed, 1])).probabilities


def fine_tuned(state: ReviewState, seed: int) -> Any:
    """SetFit, shown the labeled texts and those to predict alone: it embeds all texts that it is shown, at each fit."""
    from docreview_neighbors import SetFit

    order = np.random.default_rng([seed]).permutation(state.n)
    shown = np.concatenate([state.labeled, order[-TEST:]])
    args = (state.question, 2, shown.size, {}, state.labels[shown], state.rounds[shown], np.arange(state.labeled.size))
    part = ReviewState(*args, texts=lambda rows: state.texts(shown[list(rows)].tolist()))
    chances = np.full((state.n, len(state.question.labels)), 1.0)
    chances[shown] = SetFit().fit(part, np.random.default_rng([seed, 1])).probabilities
    return chances


def boosted(state: ReviewState, seed: int) -> Any:
    """Gradient boosting's own predictions from the dense view: 30 rounds, as more take minutes."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows, matrix = state.labeled, np.asarray(state.views["meaning"].matrix)
    labels = state.labels[rows]
    trees = HistGradientBoostingClassifier(max_iter=30, min_samples_leaf=5, early_stopping=False, random_state=seed)
    trees.fit(matrix[rows], labels, sample_weight=compute_sample_weight("balanced", labels))
    chances = np.zeros((state.n, len(state.question.labels)))
    chances[:, trees.classes_] = trees.predict_proba(matrix)
    return chances


# --------------------------------------------------------------------------------------------------------- measurement


def measure(
    corpus: Corpus, predictors: Mapping[str, Predict], sizes: tuple[int, ...], seeds: int
) -> Iterator[tuple[str, int, list[list[float]], float]]:
    """For each model and number of labels: [accuracy, macro-F1, log loss] of each seed, and seconds of a fit."""
    for size in sizes:
        for name, predict in predictors.items():
            values, started = [], time.perf_counter()
            for seed in range(seeds):
                order = np.random.default_rng([seed]).permutation(corpus.labels.size)
                labeled, test = order[:size], order[-TEST:]
                chances = np.asarray(predict(state_of(corpus, labeled), seed), dtype=np.float64)[test]
                truth, said = corpus.labels[test], chances.argmax(axis=1)
                right = np.maximum(chances[np.arange(test.size), truth], 1e-6)
                f1 = f1_score(truth, said, labels=np.unique(truth), average="macro", zero_division=0)
                values.append([float((said == truth).mean()), float(f1), float(-np.log(right).mean())])
            yield name, size, values, (time.perf_counter() - started) / seeds


def run(name: str, folder: Path, seeds: int, setfit: bool, boosting: bool) -> None:
    corpus = read(name, folder)
    path = RESULTS / f"{name}.json"
    kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    predictors: dict[str, Predict]
    if setfit:
        predictors, sizes, seeds = {"setfit": fine_tuned}, (50, 100), min(seeds, 2)
    elif boosting:
        predictors, sizes, seeds = {"gradient boosting on meaning": boosted}, (100, 300), min(seeds, 2)
    else:
        predictors, sizes = {model: by_model(value) for model, value in candidates().items()}, SIZES
    for model, size, values, seconds in measure(corpus, predictors, sizes, seeds):
        kept.setdefault(model, {})[str(size)] = {"values": values, "seconds": seconds}
        path.write_text(json.dumps(kept, indent=1), "utf-8")
        means = np.mean(values, axis=0)
        print(f"{name} {size} {model}: {means[0]:.3f} {means[1]:.3f} {seconds:.2f} s", file=sys.stderr, flush=True)


# --------------------------------------------------------------------------------------------------------------- table


def tables(names: list[str]) -> str:
    """Markdown: means over the corpora by number of labels, then each corpus; accuracy / macro-F1."""
    paths = {name: RESULTS / f"{name}.json" for name in names}
    results = {name: json.loads(path.read_text("utf-8")) for name, path in paths.items() if path.is_file()}
    models = list(dict.fromkeys(model for result in results.values() for model in result))
    lines = [f"Means over {', '.join(results)} (only models that were measured on all), and seconds of a fit:", ""]
    lines += [f"| labels: | {' | '.join(map(str, SIZES))} | seconds at {SIZES[-1]} |"]
    lines += ["|---" + "|---:" * (len(SIZES) + 1) + "|"]
    for model in models:
        means = [[found(results[name], model, size) for name in results] for size in SIZES]
        if all(value is not None for row in means for value in row):
            seconds = np.mean([results[name][model][str(SIZES[-1])]["seconds"] for name in results])
            lines.append(f"| {model} | {' | '.join(cell(np.mean(row, axis=0)) for row in means)} | {seconds:.1f} |")
    for size in SIZES:
        lines += ["", f"{size} labels:", "", f"| | {' | '.join(results)} |", "|---" + "|---:" * len(results) + "|"]
        for model in models:
            row = [found(results[name], model, size) for name in results]
            if any(value is not None for value in row):
                lines.append(f"| {model} | {' | '.join(cell(value) for value in row)} |")
    return "\n".join(lines)


def found(result: dict[str, Any], model: str, size: int) -> Any:
    """Means over the seeds: accuracy, macro-F1, log loss; None where it was not measured."""
    kept = result.get(model, {}).get(str(size))
    return None if kept is None else np.mean(kept["values"], axis=0)


def cell(value: Any) -> str:
    return "" if value is None else f"{short(value[0])} / {short(value[1])}"


def short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora-folder", type=Path, help="folder with classification/ and sentiment/")
    parser.add_argument("--corpora", default=",".join(CORPORA), help="which of them, with commas (all)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--setfit", action="store_true", help="measure SetFit alone: 50 and 100 labels, 2 seeds")
    parser.add_argument("--boosting", action="store_true", help="measure gradient boosting alone: 2 seeds")
    parser.add_argument("--table", action="store_true", help="print what was measured before")
    options = parser.parse_args()
    names = options.corpora.split(",")
    unknown = [name for name in names if name not in CORPORA]
    if unknown:
        parser.error(f"there is no corpus '{unknown[0]}': {', '.join(CORPORA)}")
    if not options.table:
        if options.corpora_folder is None:
            parser.error("name the folder of the corpora with --corpora-folder")
        RESULTS.mkdir(parents=True, exist_ok=True)
        for name in names:
            run(name, options.corpora_folder, options.seeds, options.setfit, options.boosting)
    print(tables(names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
