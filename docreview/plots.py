"""Pictures: gain curve, learning curve, progress of a review. matplotlib is imported when one is drawn, never before.

Figures are made without pyplot, so there is no global state and no window. Colors are Okabe and Ito's (2008), which
stay apart for every kind of color vision; each curve has its own dash as well, and its name stands beside it.
"""

from __future__ import annotations

import io
import os
import warnings
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from docreview.errors import DocreviewError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: the shares of the target that tables and pictures speak of
LEVELS = (0.80, 0.95, 1.00)

_MAIN = "#0072B2"
_OTHERS = ("#D55E00", "#009E73", "#CC79A7", "#8C6D00", "#56B4E9", "#7B3294")
_DASHES = tuple((0, lengths) for lengths in ((6, 2), (3, 1.5), (7, 2, 1.5, 2), (4, 1, 1, 1, 1, 1), (1.5, 1), (9, 3)))
_GRAY = "#595959"
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": "#333333",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "docreview",  # the same numbers give the same file
}


@dataclass(frozen=True)
class Curve:
    """One line: `y` at each `x` (ascending, equally many), and a band from `low` to `high` where there are seeds.

    `role` says how it is drawn: the ``"main"`` curve stands out, ``"random"`` and ``"ideal"`` are the two gray bounds.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    role: Literal["main", "other", "random", "ideal"] = "other"

    def __post_init__(self) -> None:
        for name in ("x", "y", "low", "high"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        lengths = {len(self.x), len(self.y)} | {len(band) for band in (self.low, self.high) if band}
        if len(lengths) != 1 or bool(self.low) != bool(self.high):
            raise ValueError(f"curve '{self.name}': x, y, low and high must have one length, got {sorted(lengths)}.")

    def first(self, level: float) -> float | None:
        """Return the first `x` where `y` reaches `level`, or None where it never does."""
        return next((x for x, y in zip(self.x, self.y, strict=True) if y >= level - 1e-9), None)

    def thinned(self, most: int = 600) -> Curve:
        """Return at most about `most` points of the curve, its ends among them: no eye sees more."""
        step = -(-len(self.x) // most)
        if step <= 1:
            return self
        keep = sorted({*range(0, len(self.x), step), len(self.x) - 1})

        def pick(values: tuple[float, ...]) -> tuple[float, ...]:
            return tuple(values[i] for i in keep) if values else ()

        return replace(self, x=pick(self.x), y=pick(self.y), low=pick(self.low), high=pick(self.high))


def random_curve(documents: int, total: int) -> Curve:
    """Return what reading in random order finds on average: a straight line."""
    return Curve("random order", (0, documents), (0, total), role="random")


def ideal_curve(documents: int, total: int) -> Curve:
    """Return the least possible: every document read is one of the target, until all are found."""
    return Curve("least possible", (0, total, documents), (0, total, total), role="ideal")


def gain_curve(curves: Sequence[Curve], *, documents: int, total: int, title: str = "") -> Figure:
    """Draw documents read against documents of the target found.

    `curves` count found documents (not shares) out of `total` among `documents`; random order and the least possible
    are added where they are not among them. The main curve is marked where it reaches 80, 95 and 100 %.
    """
    # read off before thinning: the numbers are exact
    marks = [
        (i, x, total * share)
        for i, curve in enumerate(curves)
        if curve.role == "main"
        for share in LEVELS
        if (x := curve.first(total * share)) is not None
    ]
    bounds = [random_curve(documents, total), ideal_curve(documents, total)]
    there = {curve.role for curve in curves}
    curves = [*(curve.thinned() for curve in curves), *(bound for bound in bounds if bound.role not in there)]
    with _figure() as (figure, axes):
        curves = [_until(curve, total) for curve in curves]
        _draw(axes, curves)
        axes.set_xlim(0, documents * 1.01)
        axes.set_ylim(0, total * 1.09)
        axes.set_yticks([total * share for share in (0, 0.2, 0.4, 0.6, 0.8, 0.95)] + [total])
        axes.set_yticklabels(["0", "20 %", "40 %", "60 %", "80 %", "95 %", "100 %"])
        axes.set_xlabel("documents read")
        axes.set_ylabel(f"found, of {total:,}")
        _thousands(axes, y=False)
        for share in LEVELS:
            axes.axhline(total * share, color="#DDDDDD", linewidth=0.8, zorder=0)
        notes = []
        for i, x, y in marks:
            axes.plot([x], [y], "o", color=_MAIN, markersize=6, zorder=5)
            notes.append(_Note(f"{x:,.0f}", ((x, y),), _MAIN, i, bold=True))
        _finish(figure, axes, curves, notes, title, limit=total)
        return figure


def learning_curve(curves: Sequence[Curve], *, title: str = "", y_label: str = "score on held-out documents") -> Figure:
    """Draw a quality between 0 and 1 (accuracy, macro-F1) against the number of labels."""
    curves = [curve.thinned() for curve in curves]
    with _figure() as (figure, axes):
        _draw(axes, curves)
        lowest = min((min(curve.low or curve.y) for curve in curves if curve.y), default=0.0)
        axes.set_ylim(max(0.0, lowest - 0.05) if lowest > 0.2 else 0.0, 1.0)
        _label_axes(axes, "documents labeled", y_label)
        _thousands(axes, y=False)
        _finish(figure, axes, curves, [], title)
        return figure


def progress_curve(curves: Sequence[Curve], *, title: str = "") -> Figure:
    """Draw, for a review under way, how many documents of each label were found against documents read."""
    curves = [curve.thinned() for curve in curves]
    with _figure() as (figure, axes):
        _draw(axes, curves)
        axes.set_ylim(bottom=0)
        _label_axes(axes, "documents read", "found")
        _thousands(axes, y=True)
        _finish(figure, axes, curves, [], title)
        return figure


def picture(figure: Figure, kind: Literal["png", "svg"] = "png") -> bytes:
    """Return the figure as the bytes of a PNG (160 dots an inch) or an SVG file, the same for the same numbers."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # a label in a script that the font lacks shows as boxes; the report's tables name it in full
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def save(figure: Figure, path: Path | str) -> Path:
    """Write the figure to a ``.png`` or ``.svg`` file, whole or not at all, and return the path."""
    path = Path(path)
    if path.suffix.lower() not in (".png", ".svg"):
        raise DocreviewError(f"{path}: a picture is written as .png or .svg.")
    write_whole(path, picture(figure, "png" if path.suffix.lower() == ".png" else "svg"))
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; `DocreviewError` where it cannot be written."""
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with half.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, path)
    except OSError as error:
        raise DocreviewError(f"cannot write {path}: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)


# ------------------------------------------------------------------------------------------------------------- drawing


@dataclass(frozen=True)
class _Note:
    """A text to be set beside one of the `anchors` (data coordinates), wherever there is most room."""

    text: str
    anchors: tuple[tuple[float, float], ...]
    color: str
    curve: int
    bold: bool = False


@contextmanager
def _figure() -> Iterator[tuple[Figure, Axes]]:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(7.2, 4.5), facecolor="white")
        FigureCanvasAgg(figure)
        yield figure, figure.add_axes((0.105, 0.115, 0.845, 0.80))


def _look(curves: Sequence[Curve]) -> list[dict[str, Any]]:
    looks: list[dict[str, Any]] = []
    others = 0
    for curve in curves:
        if curve.role == "random":
            looks.append({"color": _GRAY, "linestyle": (0, (1, 2)), "linewidth": 1.4})
        elif curve.role == "ideal":
            looks.append({"color": "#757575", "linestyle": "-", "linewidth": 1.0})
        elif curve.role == "main":
            looks.append({"color": _MAIN, "linestyle": "-", "linewidth": 2.6, "zorder": 4})
        else:
            color, dash = _OTHERS[others % len(_OTHERS)], _DASHES[(others + others // len(_OTHERS)) % len(_DASHES)]
            looks.append({"color": color, "linestyle": dash, "linewidth": 1.7, "zorder": 3})
            others += 1
    return looks


def _until(curve: Curve, total: float) -> Curve:
    """Cut the curve where it reaches the total: once all are found, the rest of the line says nothing."""
    end = next((i + 1 for i, y in enumerate(curve.y) if y >= total), len(curve.y))
    return replace(curve, x=curve.x[:end], y=curve.y[:end], low=curve.low[:end], high=curve.high[:end])


def _draw(axes: Axes, curves: Sequence[Curve]) -> None:
    for curve, look in zip(curves, _look(curves), strict=True):
        axes.plot(curve.x, curve.y, **look)
        if curve.low:
            axes.fill_between(curve.x, curve.low, curve.high, color=look["color"], alpha=0.16, linewidth=0)


def _label_axes(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(left=0)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _thousands(axes: Axes, *, y: bool) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for axis in (axes.xaxis, axes.yaxis) if y else (axes.xaxis,):
        axis.set_major_locator(MaxNLocator(6, integer=True))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _finish(
    figure: Figure, axes: Axes, curves: Sequence[Curve], notes: list[_Note], title: str, limit: float | None = None
) -> None:
    if title:
        axes.set_title(_short(title, 80), loc="left", fontsize=11, color="#222222", pad=8)
    named = []
    for i, (curve, look) in enumerate(zip(curves, _look(curves), strict=True)):
        if not curve.x:
            continue
        top = curve.y[-1] if limit is None else min(limit, max(curve.y))
        if limit is None:  # quality and progress: anywhere in the last two thirds
            points = [curve.x[0] + (curve.x[-1] - curve.x[0]) * share for share in (0.97, 0.85, 0.7, 0.55, 0.4)]
            anchors = tuple((x, _at(curve, x)) for x in points)
        else:
            levels = [top * share for share in (0.72, 0.62, 0.52, 0.42, 0.32, 0.22, 0.87)]
            anchors = tuple((_crossing(curve, level), level) for level in levels)
        named.append(_Note(_short(curve.name, 34), anchors, look["color"], i, bold=curve.role == "main"))
    _place(figure, axes, curves, notes + named)


def _short(text: str, most: int) -> str:
    text = " ".join("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _at(curve: Curve, x: float) -> float:
    i = min(bisect_left(curve.x, x), len(curve.x) - 1)
    if i == 0 or curve.x[i] == curve.x[i - 1]:
        return curve.y[i]
    share = (x - curve.x[i - 1]) / (curve.x[i] - curve.x[i - 1])
    return curve.y[i - 1] + share * (curve.y[i] - curve.y[i - 1])


def _crossing(curve: Curve, level: float) -> float:
    for i in range(1, len(curve.x)):
        low, high = curve.y[i - 1], curve.y[i]
        if high >= level:
            share = 0.0 if high == low else (level - low) / (high - low)
            return curve.x[i - 1] + max(0.0, share) * (curve.x[i] - curve.x[i - 1])
    return curve.x[-1]


#: offsets in points (dx, dy) tried in turn, with the text's own side that faces the anchor
_OFFSETS = tuple(
    (dx * far, dy * far, "left" if dx > 0 else "right" if dx < 0 else "center")
    for far in (1.0, 2.2, 4.0, 6.5)
    for dx, dy in ((8, -6), (8, 0), (8, 6), (-8, 6), (-8, 0), (-8, -6), (0, 11), (0, -11))
)


def _place(figure: Figure, axes: Axes, curves: Sequence[Curve], notes: Sequence[_Note]) -> None:
    """Set each note where it covers least: notes, curves, the edge; with a thin leader where it stands far off."""
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import Bbox

    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    to_pixels = axes.transData.transform
    frame = axes.get_window_extent(renderer)
    scale = figure.dpi / 72
    lines = [_pixels(to_pixels, curve) for curve in curves]
    taken: list[Bbox] = []
    for note in notes:
        text = axes.text(0, 0, note.text, fontsize=9.5, color=note.color, va="center", parse_math=False, zorder=6)
        text.set_fontweight("bold" if note.bold else "normal")
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])
        size = text.get_window_extent(renderer)
        best: tuple[float, Bbox, tuple[float, float], bool] | None = None
        for order, anchor in enumerate(note.anchors):
            x, y = to_pixels(anchor)
            for dx, dy, side in _OFFSETS:
                left = x + dx * scale - {"left": 0.0, "right": size.width, "center": size.width / 2}[side]
                box = Bbox.from_bounds(left, y + dy * scale - size.height / 2, size.width, size.height)
                covered = sum(_inside(box, line) for line in lines)
                ex, ey = _nearest(box, x, y)  # what lies between the text and its point
                between = sum(_crosses((x, y), (ex, ey), line) for i, line in enumerate(lines) if i != note.curve)
                outside = (
                    max(0.0, frame.x0 + 2 - box.x0)
                    + max(0.0, box.x1 - frame.x1 - 4)
                    + max(0.0, frame.y0 - box.y0)
                    + max(0.0, box.y1 - frame.y1 - 6)
                )
                overlaps = sum(box.padded(2).overlaps(other) for other in taken)
                cost = 12 * order + 1.2 * (abs(dx) + abs(dy))
                cost += 400 * overlaps + 25 * covered + (60 if len(note.anchors) > 1 else 10) * between + 50 * outside
                if best is None or cost < best[0]:
                    best = cost, box, anchor, between > 0 or abs(dx) + abs(dy) > 20
        if best is None:  # a curve without a point
            text.remove()
            continue
        _, box, anchor, leader = best
        taken.append(box)
        x, y = to_pixels(anchor)
        ends = axes.transData.inverted().transform([(box.x0, (box.y0 + box.y1) / 2), (x, y), _nearest(box, x, y)])
        text.set_position((ends[0, 0], ends[0, 1]))
        if leader:
            axes.plot(ends[1:, 0], ends[1:, 1], color=note.color, linewidth=0.8, zorder=5)


def _nearest(box: Any, x: float, y: float) -> tuple[float, float]:
    return min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1)


def _inside(box: Any, line: Any) -> int:
    return int(((line >= (box.x0, box.y0)) & (line <= (box.x1, box.y1))).all(axis=1).sum())


def _crosses(start: tuple[float, float], end: tuple[float, float], line: Any) -> bool:
    """Say whether the line comes near the way from start to end."""
    import numpy as np

    near = 3.5
    low, high = np.minimum(start, end) - near, np.maximum(start, end) + near
    close = line[((line > low) & (line < high)).all(axis=1)]
    if not close.size:
        return False
    way = np.linspace(start, end, 17)[1:]
    return bool((np.abs(way[:, None] - close[None]) < near).all(axis=2).any())


def _pixels(transform: Any, curve: Curve) -> Any:
    """Return points (m, 2) of the drawn line, close enough together that no text could hide between them."""
    import numpy as np

    if not curve.x:
        return np.empty((0, 2))
    pixels = transform(np.column_stack((curve.x, curve.y)))
    points = [pixels[-1:]]
    for start, end in pairwise(pixels):
        steps = max(1, int(np.abs(end - start).max() / 4))
        points.append(np.linspace(start, end, steps, endpoint=False))
    return np.concatenate(points)
