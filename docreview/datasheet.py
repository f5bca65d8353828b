"""The datasheet of what a review made: a page of Markdown for whoever uses the labels.

What is in it, in which languages, who labeled it and how far they agreed, and how its documents were chosen: that
decides what may be counted in it (Gebru et al. 2021, Datasheets for datasets; Bender and Friedman 2018).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import docreview
from docreview.agreement import Agreement, Answers, cohen_kappas, krippendorff_alpha
from docreview.estimates import richness
from docreview.history import Chosen, chosen
from docreview.types import VALIDATION

if TYPE_CHECKING:
    from docreview.corpus import Corpus
    from docreview.review import Review
    from docreview.store import Entry

#: pairs of reviewers whose agreement is shown
_PAIRS = 20


def datasheet(review: Review, corpus: Corpus, entries: Sequence[Entry]) -> str:
    """Write the page; `entries` are those of the review's chain."""
    parts = [
        _what(review, corpus),
        _languages(corpus),
        _labels(review, chosen(entries), corpus),
        _reviewers(review),
        _choice(review, chosen(entries), corpus),
        _shares(review),
        _made(review, entries),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(review: Review, corpus: Corpus) -> str:
    question, ledger = review.question, review.ledger
    asked = f"\n\n{_text(question.prompt)}" if question.prompt else ""
    target = f" All documents labeled {_code(question.target)} were to be found." if question.target else ""
    priors = sum(1 for round_ in ledger.rounds.values() if round_ == 0)
    given = [ledger.consensus(row) for row in ledger.rounds]
    labeled = sum(value is not None for value in given)
    came = f" {priors:,} of the labels came with the documents." if priors else ""
    return (
        f"# {_text(question.name)}{asked}\n\n"
        f"{corpus.n:,} documents; {len(given):,} have an answer, and {labeled:,} a label: "
        f"{', '.join(_code(label) for label in question.labels)}.{target}{came} A document has one label: where "
        "several reviewers answered, it is the one that most gave, and the newest of those where they are even."
    )


def _languages(corpus: Corpus) -> str:
    declared = "none declared" if corpus.language == "xx" else f"declared: {_code(corpus.language)}"
    writing = corpus.writing()
    letters = max(1, sum(writing.scripts.values()))
    rows = [("script", name.replace("_", " "), _share(count / letters)) for name, count in writing.scripts.items()]
    rows += [("language", name, _share(count / max(1, writing.looked_at))) for name, count in writing.languages.items()]
    shown = [row for row in rows if row[2] != _share(0)]
    broken = [f"{count:,} {name.replace('_', ' ')}" for name, count in writing.broken.items()]
    looks = f"\n\nDocuments that look broken: {', '.join(broken)}." if broken else ""
    return (
        f"## Languages\n\nLanguage: {declared}. Guessed offline from {writing.looked_at:,} documents; of scripts, the "
        f"share of all letters.\n\n{_table(('', 'name', 'share'), shown)}{looks}"
    )


def _labels(review: Review, how: Mapping[str, Chosen], corpus: Corpus) -> str:
    """Counts by label and by split: what a sample holds is apart from what may train a model."""
    rows = list(review.ledger.rounds)
    counts: dict[str, Counter[str | None]] = {}
    for row, document_id in zip(rows, corpus.store.ids_of(rows), strict=True):
        split = how[document_id].sample if document_id in how else ""
        counts.setdefault(split or "train", Counter())[review.ledger.consensus(row)] += 1
    columns = ("", *(_code(label) for label in review.question.labels), "could not tell")
    table = [
        (_text(split), *(f"{count[label]:,}" for label in (*review.question.labels, None)))
        for split, count in counts.items()
    ]
    return f"## Labels\n\n{_table(columns, table)}" if table else "## Labels\n\nNone yet."


def _reviewers(review: Review) -> str:
    ledger = review.ledger
    answers, rows, names = Answers.of_annotations(ledger.annotations(), len(ledger.labels))
    if not names:
        return ""
    said = Counter(names[i] for i in answers.reviewers.tolist())
    several = int((answers.counts.sum(axis=1) > 1).sum())
    lines = [
        "## Reviewers",
        _table(("reviewer", "labels"), [(_text(name), f"{said[name]:,}") for name in names]),
        f"{several:,} of {len(rows):,} documents have labels of two reviewers or more.",
    ]
    if several:
        shown = [("all", "Krippendorff's alpha (nominal)", krippendorff_alpha(answers))]
        for (a, b), kappa in list(cohen_kappas(answers).items())[:_PAIRS]:
            if kappa.documents:
                shown.append((f"{_text(names[a])}, {_text(names[b])}", "Cohen's kappa", kappa))
        cells = [(who, what, *_agreed(value)) for who, what, value in shown]
        lines.append(_table(("reviewers", "agreement", "value", "95 % interval", "documents"), cells))
        lines.append("1 is perfect agreement, 0 what chance would give.")
    return "\n\n".join(lines)


def _agreed(value: Agreement) -> tuple[str, str, str]:
    return f"{value.value:.2f}", f"{value.low:.2f} to {value.high:.2f}", f"{value.documents:,}"


def _choice(review: Review, how: Mapping[str, Chosen], corpus: Corpus) -> str:
    rows = list(review.ledger.rounds)
    by: dict[str, list[Chosen]] = {}
    unasked = 0
    for document_id in corpus.store.ids_of(rows):
        if document_id in how:
            by.setdefault(how[document_id].strategy, []).append(how[document_id])
        else:
            unasked += 1
    table = [(_code(name), f"{len(all_):,}", *_drawn(all_)) for name, all_ in by.items()]
    if unasked:
        table.append(("labeled without being asked for", f"{unasked:,}", "", "unknown"))
    columns = ("chosen by", "documents", "rounds", "drawn with probability")
    return (
        f"## How the documents were chosen\n\n{_table(columns, table) if table else 'None was yet.'}\n\n"
        "The probability is that of one round, among the documents that could be drawn in it; 1 where the strategy "
        "chose without chance. It stands with each document as `selection_probability`. Where documents were chosen, "
        "and not drawn at random, **the shares of the labels among them are not those of the corpus**, and a model "
        "measured on them is not measured on the corpus. Only documents of a blind random sample may be counted so."
    )


def _drawn(all_: Sequence[Chosen]) -> tuple[str, str]:
    rounds = sorted(c.round for c in all_)
    low, high = min(c.probability for c in all_), max(c.probability for c in all_)
    return (
        str(rounds[0]) if rounds[0] == rounds[-1] else f"{rounds[0]} to {rounds[-1]}",
        f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}",
    )


def _shares(review: Review) -> str:
    """Shares of the labels in the whole corpus, where a blind sample tells them."""
    sample = review.ledger.samples.get(VALIDATION)
    if sample is None:
        return ""
    state = review.state()
    found = [(label, richness(state, sample, k)) for k, label in enumerate(review.question.labels)]
    if not found[0][1].n:
        return ""
    rows = [(_code(label), _share(e.value), f"{_share(e.low)} to {_share(e.high)}") for label, e in found]
    return (
        f"## Shares of the labels in the corpus\n\nFrom {found[0][1].n:,} documents of the blind random sample "
        f"`{VALIDATION}`, with 95 % confidence for each (Clopper and Pearson 1934).\n\n"
        f"{_table(('label', 'share', 'interval'), rows)}"
    )


def _made(review: Review, entries: Sequence[Entry]) -> str:
    settings = review.ledger.settings or {}
    rows = [
        ("docreview", docreview.__version__),
        ("preset", settings.get("preset", "")),
        ("seed", str(settings.get("seed", ""))),
        *((name, str(version)) for name, version in settings.get("made_by", {}).items()),
        ("hash of the record", entries[-1].hash if entries else ""),
    ]
    return f"## Made with\n\n{_table(('', ''), [(_text(name), _code(value)) for name, value in rows if value])}"


# ------------------------------------------------------------------------------------------------------------- Markdown


def _share(value: float) -> str:
    return f"{value:.1%}"


def _text(text: str) -> str:
    """`text` as Markdown shows it: names and prompts come from people, and may hold its signs."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|~$&" else c for c in " ".join(text.split()))


def _code(text: str | None) -> str:
    """`text` as code, whatever it holds."""
    plain = " ".join((text or "").split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in _ticks(plain)), default=0))
    pad = " " if fence != "`" else ""
    return f"{fence}{pad}{plain}{pad}{fence}" if plain else ""


def _ticks(text: str) -> list[str]:
    return [run for run in "".join(c if c == "`" else " " for c in text).split() if run]


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
