"""A random sample as it was read: what was found in it, and whether anything may be claimed from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docreview.estimates import Estimate, hypergeometric
from docreview.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docreview.ledger import RowsOf
    from docreview.store import Entry
    from docreview.types import ReviewState, Sample


@dataclass(frozen=True)
class Reading:
    """A sample as it was read: hits, and how many more there may be."""

    sample: Sample
    n: int
    hits: int
    #: skipped documents, which may be of the target
    unknown: int
    #: answers that named the target when the sample was read to its end, and do not now: counted as if they did
    changed: int
    #: why nothing may be claimed from it
    refused: str

    def total(self, confidence: float) -> Estimate:
        """Documents of the target among those that it was drawn from: the least and the most, exact."""
        population = self.sample.population
        low = hypergeometric(self.hits, self.n, population, confidence).low
        high = hypergeometric(self.hits + self.unknown, self.n, population, confidence).high
        return Estimate(self.hits / self.n * population, low, high, self.hits, self.n, confidence)


def read_sample(state: ReviewState, sample: Sample, entries: Sequence[Entry], rows_of: RowsOf) -> Reading:
    """Count a sample's answers now, by its review's chain, and see whether anything may be claimed from them."""
    import numpy as np

    rows, outside, target = sample.rows, sample.outside, state.question.target_index
    assert outside is not None, "a ledger knows what its samples were drawn from"
    name, labels = f"the {sample.name} sample", state.labels[rows]
    waiting = int((state.rounds[rows] < 0).sum())
    # priors that came before the sample are outside of it, those that came after are not its reviewers' answers
    given = int((state.rounds[rows] == 0).sum())
    early = int(np.isin(rows, outside).sum())
    added = state.n - outside.size - sample.population
    back = int((state.rounds[outside] < 0).sum())
    then, asked = _when_complete(sample, entries, rows_of)
    refused = ""
    if early:
        refused = f"{counted(early)} of {name} had been answered before it was drawn: it is spoiled, draw another"
    elif asked != state.question.target:
        refused = f"the target was changed after {name} was drawn: draw another"
    elif waiting:
        refused = f"{name} is not read to its end ({waiting:,} of {rows.size:,} wait): a look before would be a peek"
    elif given:
        refused = f"{counted(given)} of {name} carry labels that came with a file: let a reviewer read them"
    elif added:
        refused = (
            f"{counted(added)} were added after {name} was drawn of {sample.population:,}: it says nothing about them, "
            "draw another"
        )
    elif back:
        refused = f"{counted(back)} read before {name} was drawn were taken back since and wait to be read again"
    changed = (labels != target) & np.isin(rows, then)
    return Reading(
        sample=sample,
        n=int(rows.size),
        hits=int((labels == target).sum() + changed.sum()),
        unknown=int(((labels < 0) & ~changed).sum()),
        changed=int(changed.sum()),
        refused=refused,
    )


def _when_complete(sample: Sample, entries: Sequence[Entry], rows_of: RowsOf) -> tuple[list[int], str | None]:
    """Rows of the sample that were the target when it was first read to its end, and what was the target at the draw.

    What an answer is changed to once the result is known makes the sample no better: the first result stays in it.
    """
    start = next(i for i, e in enumerate(entries) if e.kind == "sample" and e.payload["name"] == sample.name)
    asked = [e.payload["target"] for e in entries[:start] if e.kind == "question"][-1]
    waiting = set(entries[start].payload["document_ids"])
    for i, entry in enumerate(entries[start:], start + 1):
        if entry.kind == "label":
            waiting.discard(entry.payload["document_id"])
        if not waiting:
            ledger = Ledger(rows_of)
            ledger.apply(entries[:i])
            return [row for row in sample.rows.tolist() if ledger.consensus(row) == asked], asked
    return [], asked


def counted(number: int) -> str:
    """Return "1 document", "2,000 documents"."""
    return f"{number:,} document{'' if number == 1 else 's'}"
