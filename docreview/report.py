"""The report of a review or a simulation: one HTML file that needs no network, or JSON with the same numbers.

`ReportData` holds the numbers and says nothing about looks; who fills it knows nothing about HTML. Every text in it may
come from a stranger's file: the template escapes all of them.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from docreview.errors import DocreviewError
from docreview.plots import Curve, gain_curve, learning_curve, picture, progress_curve, write_whole
from docreview.types import Question, Scalar, StopDecision

SUFFIXES = (".html", ".htm", ".json")


@dataclass(frozen=True)
class Table:
    """A table: each row is as long as `columns`; None shows as a dash, a float in a column of `percent` as a share."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    percent: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table '{self.title}': {len(self.columns)} columns, but a row of {len(row)}.")


@dataclass(frozen=True)
class ReportData:
    """Every number of the report. Whatever is left empty leaves its section out.

    Curves count documents: `gain` (found of the target against read, with all `total` known: a simulation),
    `progress` (found of each label against read) and `learning` (a quality from 0 to 1 against labels).
    """

    title: str
    question: Question
    #: ISO 8601, UTC
    created: str
    #: documents in the corpus; read in this review; with a label that came with the files; skipped or "cannot tell"
    documents: int
    read: int = 0
    priors: int = 0
    skipped: int = 0
    #: label -> number of read documents that carry it
    found: Mapping[str, int] = field(default_factory=dict)
    seconds_per_document: float | None = None
    #: one sentence a reader can repeat: what was found and what it cost
    summary: str = ""
    gain: tuple[Curve, ...] = ()
    total: int | None = None
    learning: tuple[Curve, ...] = ()
    progress: tuple[Curve, ...] = ()
    tables: tuple[Table, ...] = ()
    #: ISO date -> number of labels given that day
    labels_by_day: Mapping[str, int] = field(default_factory=dict)
    stop: StopDecision | None = None
    #: long step -> seconds
    timings: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    #: view -> how it was built
    views: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    #: chain of the record, its number of entries, and the hash of the last, which gives away any change
    chain: str = ""
    entries: int = 0
    closing_hash: str = ""
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values; a value that is not finite becomes null."""
        result = _plain(asdict(self))
        assert isinstance(result, dict)
        return result


def report(data: ReportData, path: Path | str) -> Path:
    """Write the report, by its ending as HTML or JSON, whole or not at all, and return the path."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise DocreviewError(f"{path}: a report is written as .html or .json.")
    if path.suffix.lower() == ".json":
        text = json.dumps(data.to_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    else:
        text = render(data)
    # a lone surrogate (half an emoji, cut by whoever wrote the file) has no UTF-8
    write_whole(path, text.encode("utf-8", errors="replace"))
    return path


def render(data: ReportData) -> str:
    """Return the report as HTML."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(value=_value, share=_share, duration=_duration)
    template = environment.from_string(resources.files("docreview").joinpath("report.html").read_text("utf-8"))
    return template.render(data=data, pictures=_pictures(data))


def _pictures(data: ReportData) -> list[dict[str, str]]:
    """Draw the curves as SVG in data URLs: sharp on paper and on a phone, and an image cannot run a script."""
    drawn = []
    target = data.question.target or "target"
    if data.gain and data.total:
        figure = gain_curve(data.gain, documents=data.documents, total=data.total)
        caption = (
            f"Documents read against documents found with '{target}', of {data.total:,} there are. "
            "The dots mark 80, 95 and 100 %."
            + (" The shaded band spans the seeds." if any(curve.low for curve in data.gain) else "")
        )
        drawn.append((f"What reading finds: {target}", caption, figure))
    if data.learning:
        caption = "How well documents that were held out are classified, against the number of labels."
        drawn.append(("What labels teach", caption, learning_curve(data.learning)))
    if data.progress:
        caption = "Documents found with each label, against documents read."
        drawn.append(("Progress", caption, progress_curve(data.progress)))
    return [
        {
            "title": title,
            "caption": caption,
            "source": "data:image/svg+xml;base64," + base64.b64encode(picture(figure, "svg")).decode("ascii"),
        }
        for title, caption, figure in drawn
    ]


def _value(value: Any, percent: bool = False) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _share(value) if percent else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def _share(value: float) -> str:
    return f"{value:.1%}".replace("%", "\N{NARROW NO-BREAK SPACE}%")


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
