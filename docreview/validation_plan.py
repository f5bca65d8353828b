"""How large a random sample should be, what it costs, and what can be certified where it cannot be so large."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from docreview.errors import BadSetting
from docreview.estimates import Estimate, richness
from docreview.sample_sizes import (
    chance_of_none,
    elusion_sample,
    error_of_look,
    positives_for_qbcb,
    recall_certified,
    recall_of_positives,
    sample_for_margin,
)
from docreview.types import VALIDATION

if TYPE_CHECKING:
    from docreview.review import Review

#: sizes of samples whose worth a plan tells
SIZES = (50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Option:
    """What an elusion sample of `size` certifies where none, one or five of its documents are of the target."""

    size: int
    hours: float | None
    none: float
    one: float
    five: float


@dataclass(frozen=True)
class Plan:
    """What samples would be needed now; None where it cannot be said."""

    question: str
    target: str
    documents: int
    read: int
    found: int
    unread: int
    recall: float
    confidence: float
    margin: float
    seconds_per_document: float | None
    #: share of the corpus that is the target, as given or as a sample says; and where from
    richness: float | None
    richness_from: str
    #: an elusion sample drawn now: which look it is; its size, so that none found certifies `recall`; and the chance
    #: of that where half as many are missed as may be
    look: int
    #: documents of the target found, and unread, that this goes by: as they are; or, before any is found, as they would
    #: be if the review found all that the richness says there are, and read nothing else
    supposed_found: int
    supposed_unread: int
    elusion: int
    elusion_hours: float | None
    elusion_chance: float
    options: tuple[Option, ...]
    #: a sample of the whole corpus, for richness within `margin`
    for_richness: int
    #: target documents in a sample, for recall within `margin`, and documents to draw for them
    positives_for_recall: int
    for_recall: float | None
    #: target documents that `qbcb` needs in the validation sample, documents to draw for them, and the recall that it
    #: can certify where all of the corpus is drawn
    positives_for_qbcb: int
    for_qbcb: float | None
    qbcb_at_most: float | None

    def hours(self, documents: float) -> float | None:
        """How long so many documents take to read, at the pace so far."""
        return None if self.seconds_per_document is None else documents * self.seconds_per_document / 3600

    @property
    def dear(self) -> bool:
        """Whether the elusion sample would be more than half of what is unread: then one may as well read that."""
        return 2 * self.elusion > self.supposed_unread

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def plan_of(
    review: Review,
    *,
    recall: float = 0.95,
    confidence: float = 0.95,
    margin: float = 0.05,
    share: float | None = None,
    seconds: float | None = None,
) -> Plan:
    """Plan samples for a review as it stands.

    `share` is the richness to suppose (else what the validation sample says), `seconds` the time a document takes (else
    what it took so far). Raises `BadSetting` for a question without a target, and for shares that are none.
    """
    for what, value in (("recall", recall), ("confidence", confidence), ("margin", margin), ("richness", share)):
        if value is not None and not 0 < value < 1:
            raise BadSetting(f"{what} must lie above 0 and below 1, got {value:g}.")
    target, name = review.question.target_index, review.question.target
    if target is None or name is None:
        raise BadSetting(f"question '{review.question.name}' has no target: there is no recall to plan for.")
    ledger, state = review.ledger, review.state()
    n, unread = state.n, int(state.pool.size)
    found = int((state.labels == target).sum())
    pace = seconds if seconds is not None else ledger.seconds / ledger.timed if ledger.timed else None
    known: Estimate | None = None
    if share is None and VALIDATION in ledger.samples:
        known = richness(state, ledger.samples[VALIDATION], target, confidence)
    supposed = share if share is not None else known.value if known is not None and known.hits else None
    if share is not None:
        origin = "as given"
    elif supposed is not None and known is not None:
        origin = f"{known.low:.2%} to {known.high:.2%}, by {known.n:,} random documents"
    else:
        origin = "not known: give --richness, or set 'validation' before a review begins"
    look = len(ledger.elusion) + 1
    # the first sample may be the only one, and then its one end may spend all
    error = 1 - confidence if look == 1 else error_of_look(confidence, look)
    going_by, left = found, unread
    if not found and supposed is not None:
        going_by = round(supposed * n)
        left = min(unread, n - going_by)
    size = elusion_sample(going_by, left, recall, error)
    allowed = math.floor(going_by / recall + 1e-9) - going_by
    positives = sample_for_margin(recall, margin, None, confidence)
    needed = positives_for_qbcb(recall, confidence)

    def hours(documents: int) -> float | None:
        return None if pace is None else documents * pace / 3600

    def option(m: int) -> Option:
        worth = (recall_certified(going_by, hits, m, left, error) if hits <= m else math.nan for hits in (0, 1, 5))
        return Option(m, hours(m), *worth)

    sizes = sorted({*(m for m in SIZES if m < left), *({size} if size else ())})
    return Plan(
        question=review.name,
        target=name,
        documents=n,
        read=state.read,
        found=found,
        unread=unread,
        recall=recall,
        confidence=confidence,
        margin=margin,
        seconds_per_document=pace,
        richness=supposed,
        richness_from=origin,
        look=look,
        supposed_found=going_by,
        supposed_unread=left,
        elusion=size,
        elusion_hours=hours(size),
        elusion_chance=chance_of_none(min(math.ceil(allowed / 2), left), size, left),
        options=tuple(option(m) for m in sizes) if going_by else (),
        for_richness=sample_for_margin(0.5 if supposed is None else supposed, margin, n, confidence) if n else 0,
        positives_for_recall=positives,
        for_recall=None if supposed is None else positives / supposed,
        positives_for_qbcb=needed,
        for_qbcb=None if supposed is None else needed / supposed,
        qbcb_at_most=None if supposed is None else recall_of_positives(round(supposed * n), confidence),
    )
