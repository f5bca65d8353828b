"""What is looked for: a label of a corpus, with the words a person would say it in, and the priors of a seed.

Standard library only: ASReview's environment reads it too.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "high_recall"
SHARED = Path(os.environ.get("DOCREVIEW_SHARED", HERE.parents[2] / "shared"))

#: settings are chosen on the targets of the first half, and those of the second are looked at afterwards
TUNED, UNSEEN = "tuned", "unseen"


@dataclass(frozen=True)
class Target:
    """A label to be found in a corpus. Targets of one `group` share documents, and count once in the means."""

    corpus: str
    label: str
    group: str
    half: str
    #: the question as a person would put it, which the cold start from words reads
    prompt: str
    language: str = "en"

    @property
    def kind(self) -> str:
        if self.label == "included":
            return "screening"
        return "classification" if self.corpus == "reuters21578" else "legal"

    @property
    def name(self) -> str:
        short = self.label.split(",")[0].lower().replace(" ", "-")
        return self.corpus if self.label == "included" else f"{self.corpus}.{short}"

    @property
    def path(self) -> Path:
        return SHARED / "corpora" / self.kind / f"{self.corpus}.jsonl.gz"


def _screening(corpus: str, group: str, half: str, prompt: str, language: str = "en") -> Target:
    return Target(corpus, "included", group, half, prompt, language)


_DEFECTS = "Studies that predict faults or defects in software, from metrics of the code or the process"
_NUDGES = "Nudges that change the behavior of health care professionals"
_TURKISH = "Sağlık çalışanlarının davranışını değiştiren dürtmeler (nudge)"

TARGETS = (
    _screening("ace-inhibitors", "cardiac drugs", TUNED, "Trials that compare ACE inhibitors with one another"),
    _screening("beta-blockers", "cardiac drugs", TUNED, "Trials that compare beta blockers with one another"),
    _screening(
        "calcium-channel-blockers",
        "cardiac drugs",
        TUNED,
        "Trials of calcium channel blockers, compared with others",
    ),
    _screening("nsaids", "nsaids", TUNED, "Trials of nonsteroidal anti-inflammatory drugs (NSAIDs) for arthritis"),
    _screening("opioids", "pain drugs", TUNED, "Trials that compare long-acting opioids for chronic pain"),
    _screening("muscle-relaxants", "pain drugs", TUNED, "Trials that compare skeletal muscle relaxants"),
    _screening("antihistamines", "antihistamines", TUNED, "Trials that compare antihistamines for allergic rhinitis"),
    _screening("bannach-brown", "bannach-brown", TUNED, "Animal models of depression: preclinical experiments"),
    _screening("nudging", "nudging", TUNED, _NUDGES),
    _screening(
        "nudging-turkish", "nudging", TUNED, "Sağlık çalışanlarının davranışını değiştiren dürtmeler (nudge)", "tr"
    ),
    Target(
        "cuad-contracts",
        "Most Favored Nation",
        "contracts",
        TUNED,
        "Most favored nation: terms as good as others' terms",
    ),
    Target("cuad-contracts", "Source Code Escrow", "contracts", TUNED, "Source code is to be deposited in escrow"),
    Target("cuad-contracts", "Anti-Assignment", "contracts", TUNED, "Consent is needed to assign the agreement"),
    _screening("ptsd", "ptsd", UNSEEN, "Trajectories of posttraumatic stress symptoms after trauma, over time"),
    _screening("hall-defects", "software defects", UNSEEN, _DEFECTS),
    _screening("wahono-defects", "software defects", UNSEEN, _DEFECTS),
    _screening("radjenovic-metrics", "software defects", UNSEEN, "Software metrics that predict faults"),
    Target("enron-categories", "legal_advice", "mail", UNSEEN, "Mail that asks for legal advice, or gives it"),
    Target("unfair-terms", "remove_content", "terms", UNSEEN, "The provider may remove the user's content"),
    Target(
        "consumer-complaints",
        "Money transfer, virtual currency, or money service",
        "complaints",
        UNSEEN,
        "Complaints about money transfers, virtual currency, or money services",
    ),
    Target("consumer-complaints", "Student loan", "complaints", UNSEEN, "Complaints about student loans"),
    Target("reuters21578", "cocoa", "news", UNSEEN, "News about cocoa"),
    Target("reuters21578", "jobs", "news", UNSEEN, "News about jobs: employment and unemployment"),
    Target("reuters21578", "iron-steel", "news", UNSEEN, "News about iron and steel"),
)
BY_NAME = {target.name: target for target in TARGETS}


@cache
def texts(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Text and labels of every document, by id. The text begins with the title where there is one."""
    found = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["text"].strip():
                found[row["id"]] = (row["text"], frozenset(row.get("labels") or [row["label"]]))
    return found


def wanted(target: Target) -> dict[str, bool]:
    """Whether each document is one of the target's, by id, in the order of the file."""
    return {i: target.label in labels for i, (_, labels) in texts(target.path).items()}


def priors(target: Target, seed: int) -> list[str]:
    """One document of the target and one that is none, drawn alike for every program."""
    chance = random.Random(hashlib.sha256(f"{target.name} {seed}".encode()).digest())
    known = wanted(target)
    return [chance.choice([i for i, is_one in known.items() if is_one is value]) for value in (True, False)]


#: documents in a batch from so many labels on, priors counted, as in ASReview's published simulations
SMALL, LARGE = ((0, 1), (100, 5), (1000, 100)), ((0, 1), (100, 25), (1000, 1000))


def batches(documents: int) -> tuple[tuple[int, int], ...]:
    """The schedule of batch sizes for a corpus of that size."""
    return SMALL if documents < 10_000 else LARGE


def result_of(arm: str, target: Target, seed: int, version: str) -> Path:
    """Where the order of reading is kept."""
    slug = "".join(c if c.isalnum() or c in "-.=_" else "_" for c in arm)
    return RESULTS / "orders" / slug / version / target.name / f"{seed}.json"
