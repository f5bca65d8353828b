"""The corpora: which documents are held out, which can be labeled, and docreview's own views of them."""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docreview.cache import Cache, TextSource
from docreview.index import AutoIndex, find_neighbors
from docreview.registry import Registry
from docreview.types import Neighbors, Question, Vectors

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "label_efficiency"
SHARED = Path(os.environ.get("DOCREVIEW_SHARED", HERE.parents[2] / "shared"))

#: by kind: English ones have the lexical and the semantic view, the others the lexical one alone
CLASSIFICATION = ("agnews", "banking77", "reuters21578", "sms-spam", "sst2", "subj", "trec6")
SENTIMENT = (
    "amharic",
    "hausa",
    "javanese",
    "kazakh",
    "marathi",
    "nepali",
    "swahili",
    "yoruba-news",
    "yoruba",
)
ALL = (*CLASSIFICATION, *SENTIMENT)
#: six for a first look at many strategies: many labels and few, even and uneven, words and meaning, words alone
SIX = ("agnews", "banking77", "subj", "trec6", "hausa", "kazakh")

#: how a corpus is cut: part of what results are filed by
CUT = {"test": 2000, "test_share": 0.3, "pool": 6000, "seed": 0}


@dataclass(frozen=True)
class Corpus:
    """Rows 0 to `test` - 1 are held out, all others are the pool."""

    name: str
    texts: list[str]
    labels: np.ndarray
    test: int
    question: Question
    views: Mapping[str, Vectors]
    neighbors: Neighbors | None

    @property
    def n(self) -> int:
        return self.labels.size

    def most(self, labels: int, batch: int) -> int:
        """How many labels are given: no more than half of the pool, beyond which every choice is alike."""
        return min(labels, (self.n - self.test) // 2 // batch * batch)


def path_of(name: str) -> Path:
    kind = "classification" if name in CLASSIFICATION else "sentiment"
    return SHARED / "corpora" / kind / f"{name}.jsonl.gz"


def documents(name: str) -> tuple[list[str], list[str], int]:
    """Texts and labels, the held-out ones first, and how many those are: the same ones always.

    Of documents with the same text only the first is taken, or the pool would hold answers of the test.
    """
    with gzip.open(path_of(name), "rt", encoding="utf-8") as lines:
        first: dict[str, str] = {}
        for row in map(json.loads, lines):
            first.setdefault(row["text"].strip(), row["label"])
    first.pop("", None)
    texts = list(first)
    test = min(int(CUT["test"]), int(len(texts) * CUT["test_share"]))
    order = np.random.default_rng(int(CUT["seed"])).permutation(len(texts))[: test + int(CUT["pool"])]
    return [texts[i] for i in order], [first[texts[i]] for i in order], test


def load(name: str, registry: Registry, progress: Any = None) -> Corpus:
    """The corpus seen through docreview's views, which are computed once and kept."""
    texts, given, test = documents(name)
    known = tuple(sorted(set(given)))
    labels = np.array([known.index(label) for label in given], dtype=np.int64)
    english = name in CLASSIFICATION
    source = TextSource(texts, "en" if english else "xx")
    # a folder for each: a cache keeps the newest vectors of a kind only
    cache = Cache(RESULTS / "vectors" / name)
    told = progress or (lambda step, done, total: None)
    views = {"lexical": registry.component("views", "lexical").build(source, cache, told)}
    neighbors = None
    if english:
        semantic = registry.component("views", "semantic")
        aside = semantic.aside(source, cache)
        if aside is None:
            views["semantic"] = semantic.build(source, cache, told)
            neighbors, _ = find_neighbors(views["semantic"], "semantic", source.segments, AutoIndex(), 20, cache, told)
        else:
            print(f"{name}: {aside}", file=sys.stderr)
    return Corpus(name, texts, labels, test, Question(name, known), views, neighbors)
