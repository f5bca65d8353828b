"""The main job on real data: review the licence collection, and say what was saved against reading everything.

Two questions over one corpus. *Does this licence impose copyleft?* has a target: what counts is how many texts must be
read to find it all. *Which kind of licence is this?* has eleven labels and no target: what counts is how well texts
that nobody labeled are told apart after so many labels.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from docreview import licences
from docreview.config import FILE, write_config
from docreview.metrics import expected_random_reading, needed, read_to_recall
from docreview.parallel import simulate_all
from docreview.plots import Curve, gain_curve, ideal_curve, random_curve, save
from docreview.project import Project
from docreview.report import ReportData, Table, report
from docreview.simulation import Simulation, mean_gain
from docreview.status import plain_views, versions
from docreview.types import Document, Progress, Question, now, silent

if TYPE_CHECKING:
    pass

#: labels to spend on the question of many classes, how many at a time, and the share of texts held out to measure on
LABELS, BATCH, HELD_OUT = 400, 40, 0.25
RECALLS = (0.80, 0.95, 1.00)
OURS, WORDS = "docreview", "TF-IDF SVM alone"
SORTED, SORTED_AT_RANDOM = "categories by docreview", "categories at random"

COPYLEFT = Question(
    "copyleft",
    ("copyleft", "other"),
    "Does this licence impose copyleft: must derived works be passed on under the same terms?",
    target="copyleft",
)


@dataclass(frozen=True)
class Arm:
    """One way to order the reading, and how many texts it reads to each share of the target, by seed."""

    name: str
    #: seed -> texts read to 80, 95 and 100 % of the target
    reads: tuple[tuple[float, ...], ...]

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean over the seeds."""
        return tuple(sum(values) / len(values) for values in zip(*self.reads, strict=True))


@dataclass(frozen=True)
class DemoResult:
    """Everything the demo measured, and where it wrote it."""

    documents: int
    total: int
    arms: tuple[Arm, ...]
    #: arm -> labels, accuracy and macro-F1 on held-out texts, means over the seeds
    classes: Mapping[str, tuple[tuple[int, float, float], ...]]
    timings: Mapping[str, float]
    summary: str
    picture: Path
    report: Path


def run(folder: Path, seeds: int = 5, progress: Progress = silent) -> DemoResult:
    """Review the licence texts `seeds` times and write what it cost into `folder`.

    The project in `folder` is kept: a second run embeds nothing.
    """
    timings: dict[str, float] = {}
    texts = licences.licences()
    with _timed(timings, "import"):
        project = _project(folder, texts)
        project.add_documents(texts, "licensedcode-data", question=COPYLEFT.name, progress=progress)
    with project:
        with _timed(timings, "embedding"):
            project.embed(progress)
        with _timed(timings, "simulated reviews, two at a time"):
            done = _simulate(project, texts, seeds, progress)
        for arm, simulations in done.items():
            timings[f"one of {seeds}: {arm}"] = float(np.mean([s.seconds for s in simulations]))
        arms, curves = _recall(texts, done)
        classes, learning = _classes(done)
        total = sum(1 for text in texts if _copyleft(text))
        picture = save(gain_curve(curves, documents=len(texts), total=total), folder / "gain.png")
        data = _data(project, arms, curves, total, learning, classes, timings)
        written = report(data, folder / "report.html")
        report(data, folder / "report.json")
    return DemoResult(len(texts), total, arms, classes, timings, data.summary, picture, written)


def _project(folder: Path, texts: Sequence[Document]) -> Project:
    """The demo's project, made on the first run."""
    if not (folder / FILE).exists():
        categories = tuple(sorted({str(text.metadata["category"]) for text in texts}))
        write_config(folder, COPYLEFT, language="en")
        with (folder / FILE).open("a", encoding="utf-8") as file:
            file.write(
                "\n[questions.category]\n"
                'prompt = "Which kind of licence is this?"\n'
                f"labels = {json.dumps(categories)}\n"
            )
    return Project.open(folder)


def _simulate(
    project: Project, texts: Sequence[Document], seeds: int, progress: Progress
) -> dict[str, list[Simulation]]:
    """Run every arm of both questions with every seed, and return the simulations by arm."""
    copyleft = {text.id: "copyleft" if _copyleft(text) else "other" for text in texts}
    category = {text.id: str(text.metadata["category"]) for text in texts}
    # the same texts are held out in every arm and seed
    out = np.random.default_rng(0).choice([t.id for t in texts], round(HELD_OUT * len(texts)), replace=False).tolist()
    find: dict[str, Any] = {"question": "copyleft", "truth": copyleft}
    sort: dict[str, Any] = {"question": "category", "truth": category, "held_out": out, "labels": LABELS}
    arms: tuple[dict[str, Any], ...] = (
        {**find, "arm": OURS},
        {**find, "arm": WORDS, "overrides": {"model": {"name": "late-fusion", "weights": {"semantic": 0.0}}}},
        {**sort, "arm": SORTED, "overrides": {"batch_size": BATCH}},
        {**sort, "arm": SORTED_AT_RANDOM, "overrides": {"batch_size": BATCH, "query_strategy": "random"}},
    )
    runs = [{**arm, "seed": seed} for arm in arms for seed in range(seeds)]
    done: dict[str, list[Simulation]] = {arm["arm"]: [] for arm in arms}
    for simulation in simulate_all(project, runs, step="simulated reviews", progress=progress):
        done[simulation.arm].append(simulation)
    return done


def _recall(
    texts: Sequence[Document], done: Mapping[str, Sequence[Simulation]]
) -> tuple[tuple[Arm, ...], tuple[Curve, ...]]:
    """What was read to find the target, beside random and file order."""
    n, total = len(texts), sum(1 for text in texts if _copyleft(text))
    arms, curves = [], []
    for name in (OURS, WORDS):
        arms.append(Arm(name, tuple(tuple(float(s.read_to(r) or n) for r in RECALLS) for s in done[name])))
        gain = mean_gain([s.hits.cumsum() for s in done[name]])
        x, y, low, high = (tuple(values.tolist()) for values in gain)
        curves.append(Curve(name, x, y, low, high, "main" if name == OURS else "other"))
    hits = np.array([_copyleft(text) for text in texts])
    in_order = [float(read_to_recall(hits, r) or n) for r in RECALLS]
    at_random = [expected_random_reading(needed(r, total), total, n) for r in RECALLS]
    arms += [Arm("random order", (tuple(at_random),)), Arm("file order", (tuple(in_order),))]
    file_order = Curve("file order", tuple(range(n + 1)), (0, *hits.cumsum().tolist()))
    return tuple(arms), (*curves, file_order, random_curve(n, total), ideal_curve(n, total))


def _classes(
    done: Mapping[str, Sequence[Simulation]],
) -> tuple[dict[str, tuple[tuple[int, float, float], ...]], tuple[Curve, ...]]:
    """What labels of the many classes teach, measured on held-out texts."""
    table, curves = {}, []
    for name, arm in (("docreview", SORTED), ("random", SORTED_AT_RANDOM)):
        table[name] = tuple(
            (
                at[0].read,
                float(np.mean([m.accuracy for m in at])),
                float(np.mean([m.macro_f1 for m in at])),
            )
            for at in zip(*(s.rounds for s in done[arm]), strict=True)
            if all(m.accuracy is not None for m in at)
        )
        reads = tuple(row[0] for row in table[name])
        role: Literal["main", "other"] = "main" if name == "docreview" else "other"
        for metric, column in (("accuracy", 1), ("macro-F1", 2)):
            curves.append(Curve(f"{name}, {metric}", reads, tuple(row[column] for row in table[name]), role=role))
    return table, tuple(curves)


def _copyleft(text: Document) -> bool:
    return text.metadata["category"] in licences.COPYLEFT


@contextmanager
def _timed(timings: dict[str, float], step: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    timings[step] = time.perf_counter() - started


def _data(
    project: Project,
    arms: Sequence[Arm],
    curves: tuple[Curve, ...],
    total: int,
    learning: tuple[Curve, ...],
    classes: Mapping[str, tuple[tuple[int, float, float], ...]],
    timings: Mapping[str, float],
) -> ReportData:
    """The demo's report."""
    n = project.corpus.n
    ours, random = arms[0].mean, next(arm for arm in arms if arm.name == "random order").mean
    summary = (
        f"To find 95 % of the {total:,} copyleft licences among {n:,}, docreview reads {ours[1]:,.0f} texts on the "
        f"mean of {len(arms[0].reads)} seeds; in random order {random[1]:,.0f} would have to be read. That saves "
        f"{1 - ours[1] / random[1]:.0%}."
    )
    return ReportData(
        title="Which of these licences impose copyleft?",
        question=COPYLEFT,
        created=now().isoformat(timespec="seconds"),
        documents=n,
        total=total,
        summary=summary,
        gain=curves,
        learning=learning,
        tables=(reading_table(arms, n), classes_table(classes)),
        timings=timings,
        settings={key: str(value) for key, value in asdict(project.settings("copyleft")).items()},
        versions=versions(project.plugins),
        views=plain_views(project.corpus.describe()),
    )


def reading_table(arms: Sequence[Arm], documents: int) -> Table:
    """Texts to be read for each share of the target, and the saving at 95 % against random order."""
    random = next(arm for arm in arms if arm.name == "random order").mean
    return Table(
        f"Texts read, of {documents:,}",
        ("order of reading", "to 80 %", "to 95 %", "to 100 %", "saved at 95 %"),
        tuple(
            (
                arm.name,
                *(round(value) for value in arm.mean),
                1 - arm.mean[1] / random[1] if arm.mean != random else None,
            )
            for arm in arms
        ),
        percent=("saved at 95 %",),
        note="Means over the seeds. Saved: against reading in random order until 95 % are found.",
    )


def classes_table(classes: Mapping[str, tuple[tuple[int, float, float], ...]]) -> Table:
    """Accuracy and macro-F1 on held-out texts after some numbers of labels, for each arm."""
    reads = [row[0] for row in next(iter(classes.values()))]
    at = sorted({reads[round(share * (len(reads) - 1))] for share in (0.1, 0.25, 0.5, 1)})
    rows = []
    for name, measured in classes.items():
        by_read = {read: (accuracy, f1) for read, accuracy, f1 in measured}
        rows += [(read, name, *by_read[read]) for read in at if read in by_read]
    return Table(
        "Eleven categories: quality on held-out texts",
        ("labels", "chosen by", "accuracy", "macro-F1"),
        tuple(sorted(rows)),
        percent=("accuracy", "macro-F1"),
        note=f"{HELD_OUT:.0%} of the texts are held out, the same for every arm and seed.",
    )
