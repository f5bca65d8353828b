"""What the record says of labels: who gave which when, and how each document came to be asked about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docreview.store import Entry
    from docreview.types import Scalar


@dataclass(frozen=True)
class Chosen:
    """How a document came to be asked about: in which round, by what, and with which probability it was drawn then.

    The probability is that of the round alone, among the documents that could be drawn in it; 1 where the strategy left
    nothing to chance. `sample` names the blind random sample that it belongs to, or is empty.
    """

    round: int
    strategy: str
    probability: float
    sample: str = ""


def chosen(entries: Iterable[Entry]) -> dict[str, Chosen]:
    """For each document that was asked about, by id, how it was chosen: the last time, where it was asked again.

    `entries` are those of a review's chain. Documents of a sample are there once the sample is drawn, asked or not.
    """
    found: dict[str, Chosen] = {}
    samples: dict[str, str] = {}
    for entry in entries:
        payload = entry.payload
        if entry.kind == "sample":
            samples |= dict.fromkeys(payload["document_ids"], payload["name"])
            drawn = Chosen(0, f"{payload['name']}-sample", payload["probability"], payload["name"])
            found |= dict.fromkeys(payload["document_ids"], drawn)
        elif entry.kind == "batch":
            for document_id, probability in zip(payload["document_ids"], payload["probabilities"], strict=True):
                sample = samples.get(document_id, "")
                strategy = f"{sample}-sample" if sample else payload["strategy"]
                found[document_id] = Chosen(payload["round"], strategy, probability, sample)
    return found


def label_history(entries: Iterable[Entry]) -> Iterator[dict[str, Scalar]]:
    """One row for each answer and each answer taken back, in the order of the record; nothing is left out.

    `label` is None where the reviewer could not tell, and in a withdrawal. `round` is the one under way; 0 for a label
    that came with its document.
    """
    round_ = 0
    for entry in entries:
        payload = entry.payload
        if entry.kind == "batch":
            round_ = payload["round"]
        elif entry.kind in ("label", "withdrawal"):
            yield {
                "id": payload["document_id"],
                "event": "prior" if payload.get("prior") else entry.kind,
                "label": payload.get("value"),
                "reviewer": payload["reviewer"],
                "at": payload.get("at", entry.at),
                "seconds": payload.get("seconds"),
                "note": payload.get("note") or None,
                "round": 0 if payload.get("prior") else max(round_, 1),
            }
