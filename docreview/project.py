"""A folder with a `docreview.toml`: reads it and wires the parts together. The only place that does.

Ten lines of Python::

    from docreview import Label, Project, Question

    project = Project.create("licences", Question("copyleft", ("yes", "no"), "Does it impose copyleft?", target="yes"))
    project.add("licences.csv")
    project.embed()
    review = project.review()
    while not review.should_stop().stop and (batch := review.next_batch()):
        for document_id in batch:
            answer = ask(review.document(document_id).text)
            review.record(Label(document_id, answer, reviewer="me"))
    project.report("report.html")
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from docreview.config import Config, QuestionConfig, read_config, write_config
from docreview.contracts import Component, check_preset, guarded, write_rows
from docreview.corpus import Corpus
from docreview.datasheet import datasheet
from docreview.errors import (
    BadSetting,
    ComponentError,
    ExportFailed,
    ImportFailed,
    ProjectError,
    UnknownLabel,
    did_you_mean,
    ended,
)
from docreview.exporters import exporter_for
from docreview.history import label_history
from docreview.importers import importer_for, read_documents
from docreview.ledger import Ledger
from docreview.locks import project_lock
from docreview.plugins import Plugins, load_plugins
from docreview.registry import Registry, other_versions
from docreview.replay import replay
from docreview.report import report
from docreview.review import Review
from docreview.rounds import Components, Settings, chain_of, plain, settings_from
from docreview.saved_model import save_model
from docreview.simulation import Simulation, simulate
from docreview.status import Status, report_of, rows_of, status_of, versions
from docreview.stopping_replay import RuleReplay, replay_rules
from docreview.store import Store
from docreview.text import check_language
from docreview.types import Document, Label, Progress, Question, Scalar, silent

log = logging.getLogger(__name__)

FOLDER = ".docreview"
PRIOR = "prior"
_ROLES = {
    "model": "models",
    "query_strategy": "query_strategies",
    "cold_start": "query_strategies",
    "stopping_rule": "stopping_rules",
}


@dataclass(frozen=True)
class AddSummary:
    """What an `add` did: documents added, those there already, priors taken, and what to know about the file."""

    added: int
    skipped: int
    priors: int
    warnings: tuple[str, ...]
    seconds: float


class Project:
    """Documents, questions and everything answered about them."""

    def __init__(self, config: Config, plugins: Plugins, store: Store) -> None:
        self.config, self.plugins, self.store = config, plugins, store
        self.folder = config.folder
        registry = plugins.registry
        check_language(config.language)
        views = {
            name: registry.component("views", {"name": name, **settings}) for name, settings in config.views.items()
        }
        processors = [registry.component("text_processors", spec) for spec in config.text_processors]
        self.corpus = Corpus(
            store,
            self.folder / FOLDER / "cache",
            views,
            processors,
            registry.component("indexes", config.index),
            config.neighbors,
            config.language,
            pinned=self._pinned(),
        )
        for line in other_versions(self._built_by(), self.corpus.made_by()):
            log.warning("%s. 'docreview embed' builds what that changes.", line)
        self._reviews: dict[str, Review] = {}

    # ------------------------------------------------------------------------------------------------ open and create

    @classmethod
    def create(
        cls, folder: str | Path, question: Question, *, language: str = "xx", model: str = "packaged"
    ) -> Project:
        """Make a new project in `folder`, which may exist but must not be a project."""
        write_config(Path(folder), question, language, model)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path = ".") -> Project:
        """Open the project in `folder`; raise `ProjectError` where there is none, or its file is wrong."""
        config = read_config(Path(folder))
        plugins = load_plugins(files=config.plugin_files, time_limit=config.time_limit)
        for left_out in plugins.quarantined:
            if left_out.origin in map(str, config.plugin_files):  # the project asks for it by name
                log.warning("the plugin '%s' was not let in: %s", left_out.name, ended(left_out.cause))
        try:
            inner = config.folder / FOLDER
            inner.mkdir(exist_ok=True)
            # what docreview keeps is never meant for version control
            ignore = inner / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise ProjectError(f"{config.folder / FOLDER}: cannot be written: {error}.") from error
        return cls(config, plugins, Store.open(config.store, create=True))

    def close(self) -> None:
        """Close the record."""
        self.store.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------------ documents

    @property
    def n(self) -> int:
        """Number of documents."""
        return self.store.n

    def add(
        self,
        path: str | Path,
        columns: Mapping[str, str] | None = None,
        *,
        question: str | None = None,
        settings: Mapping[str, Any] | None = None,
        progress: Progress = silent,
    ) -> AddSummary:
        """Add the documents of a file or folder: all of them, or none where one is wrong.

        `columns` maps the roles ``text``, ``title``, ``id``, ``label`` to columns, or to ``""`` where no column has
        that role; the importer finds by name what is not mapped. `settings` are the importer's, such as ``encoding``.
        Documents already there, unchanged, are skipped. Labels in the file's label column become priors of `question`.
        The lexical view is built, so that a review can start at once.
        """
        warnings: list[str] = []
        importers = self.components("importers")
        try:
            name = importer_for(Path(path), importers)
        except ImportFailed as error:
            raise ImportFailed(" ".join([str(error), *self.plugins.registry.absent])) from error
        if settings:
            importers = {name: self.plugins.registry.create("importers", name, settings)}
        documents = read_documents(Path(path), importers, columns or {}, warn=warnings.append, progress=progress)
        try:
            summary = self.add_documents(documents, str(path), question=question, progress=progress)
        except ImportFailed as error:
            if str(path) in str(error):
                raise
            raise ImportFailed(f"{path}: {error}") from error  # the store does not know the file
        return replace(summary, warnings=tuple(warnings))

    def add_documents(
        self,
        documents: Iterable[Document],
        source: str = "python",
        *,
        question: str | None = None,
        progress: Progress = silent,
    ) -> AddSummary:
        """Add documents from Python, on the same terms as `add`; `source` says in the record where they came from."""
        started = time.perf_counter()
        asked = self._question(question).question if question or len(self.questions) == 1 else None
        priors: list[Label] = []

        def checked() -> Iterator[Document]:
            for document in documents:
                if document.label is not None:
                    priors.append(_prior(document, asked, source))
                yield document

        with project_lock(self.folder / FOLDER, f"add {source}"):
            added = self.store.add_documents(checked(), {"source": source}, progress)
            taken = self._take_priors(asked, priors)
            self._build(self.corpus.quick, progress)
            self.corpus.writing(progress)  # for `status`
            self._describe()
        return AddSummary(added.stop - added.start, added.skipped, taken, (), time.perf_counter() - started)

    def _take_priors(self, question: Question | None, priors: Sequence[Label]) -> int:
        """Record the labels that the file brought, except those recorded before."""
        if question is None or not priors:
            return 0
        review = self.review(question.name)
        ledger = review.ledger
        rows = self.store.rows([label.document_id for label in priors])
        new = [
            label
            for label, row in zip(priors, rows, strict=True)
            if ledger.answers.get(row, {}).get(PRIOR) != label.value
        ]
        review.record(*new)
        return len(new)

    def embed(self, progress: Progress = silent) -> None:
        """Build every view and the neighbors. Resumable: what was embedded before is not embedded again."""
        with project_lock(self.folder / FOLDER, "embed", name="embed"):
            self._build(list(self.corpus.views), progress)
            while self.remaining:  # documents were added meanwhile
                self._build(list(self.corpus.views), progress)
            self.corpus.neighbors(progress=progress)
            self._describe()

    def _built_by(self) -> Mapping[str, str]:
        """Which plugins the record says the corpus was last seen through."""
        built = [e.payload for e in self.store.entries("corpus") if e.kind == "views-built"]
        made: Mapping[str, str] = built[-1].get("made_by", {}) if built else {}
        return made

    def _describe(self) -> None:
        """Enter into the record how the corpus is seen now, where that is new."""
        described = self.corpus.describe()
        entries = [e for e in self.store.entries("corpus") if e.kind == "views-built"]
        if not entries or entries[-1].payload != described:
            self.store.append("corpus", ("views-built", described))

    @property
    def remaining(self) -> int:
        """How many documents the slowest view has still to read; 0 once `embed` is done."""
        return max(self.corpus.remaining(name) for name in self.corpus.views)

    def _build(self, names: Sequence[str], progress: Progress) -> None:
        for name in names:
            if not self.corpus.n or self.corpus.aside(name):
                continue
            resolved = self.corpus.resolve(name)
            if resolved and self._pinned().get(name) != resolved:
                self.store.append("corpus", ("view-resolved", {"view": name, "resolved": resolved}))
            # a view that finds, while reading, that it does not know the script stands aside: `status` says so
            if self.corpus.aside(name) is None:
                self.corpus.vectors(name, progress=progress)

    def _pinned(self) -> dict[str, Mapping[str, Scalar]]:
        """What settings left to be found by trial (device, precision) came to when a view was first built."""
        return {
            e.payload["view"]: e.payload["resolved"] for e in self.store.entries("corpus") if e.kind == "view-resolved"
        }

    # ------------------------------------------------------------------------------------------------------ questions

    @property
    def forgotten(self) -> list[str]:
        """Questions in the record that the project file no longer names: renamed by mistake, perhaps."""
        chains = [chain.removeprefix(chain_of("")) for chain in self.store.chains if chain.startswith(chain_of(""))]
        return [name for name in chains if name not in self.config.questions]

    @property
    def questions(self) -> dict[str, Question]:
        """The questions by name."""
        return {name: entry.question for name, entry in self.config.questions.items()}

    def question(self, name: str | None = None) -> Question:
        """The question of that name, or the only one."""
        return self._question(name).question

    def labels(self, question: str | None = None) -> dict[str, str | None]:
        """Consensus label of every answered document by id, in order of answers. Writes nothing."""
        ledger = Ledger(self.store.rows)
        ledger.apply(self.store.entries(chain_of(self.question(question).name)))
        return ledger.labels_by_id(self.store.ids_of)

    def _question(self, name: str | None) -> QuestionConfig:
        known = self.config.questions
        if name is None:
            if len(known) > 1:
                raise ProjectError(f"the project has several questions ({', '.join(known)}): say which.")
            return next(iter(known.values()))
        if name not in known:
            raise ProjectError(f"the project has no question '{name}'.{did_you_mean(name, known)}")
        return known[name]

    def review(self, question: str | None = None) -> Review:
        """The review of a question (the only one, where it is not named)."""
        entry = self._question(question)
        name = entry.question.name
        if name not in self._reviews:
            self._reviews[name] = Review(
                self.store,
                self.corpus,
                entry.question,
                self.settings(name),
                self.assemble,
                versions=versions(),
                recorded=self._tell,
            )
        return self._reviews[name]

    def _tell(self, review: Review, labels: Sequence[Label]) -> None:
        """Call the hook `labels_recorded`: a plugin's bug must not look as if the labels were not recorded."""
        for _ in self.plugins.tell("labels_recorded", review=review, labels=labels):
            pass

    def settings(self, question: str | None = None) -> Settings:
        """How a question is reviewed: its preset, with what the project file says over it.

        A review that has begun keeps what its preset said then, until the project file changes.
        """
        entry = self._question(question)
        stated = dict(entry.review)
        preset = stated.get("preset") or ("high-recall" if entry.question.target is not None else "classification")
        begun = [e.payload for e in self.store.entries(chain_of(entry.question.name)) if e.kind == "settings"]
        if begun and begun[-1]["stated"] == plain(stated) and begun[-1]["preset"] == preset:
            return settings_from(begun[-1])
        registry = self.plugins.registry
        defaults = check_preset(registry.get("presets", preset), registry.create("presets", preset))
        return settings_from({**defaults, **stated, "preset": preset, "stated": stated})

    def assemble(self, settings: Settings) -> Components:
        """Make the components that the settings name."""
        stated = settings.stated.get("model", {})
        for key in ("weights", "classifiers") if isinstance(stated, Mapping) else ():
            # the preset names views that a project may lack; the project file must not
            for view in stated.get(key, {}):
                if view not in self.corpus.views:
                    hint = did_you_mean(view, self.corpus.views)
                    raise BadSetting(
                        f"docreview.toml: the model's '{key}' name the view '{view}', which is none.{hint}"
                    )
        return Components(**{role: self._component(kind, getattr(settings, role)) for role, kind in _ROLES.items()})

    def _component(self, kind: str, spec: Any) -> Component:
        registry = self.plugins.registry
        value = registry.component(kind, spec)
        return Component(value, registry.get(kind, spec if isinstance(spec, str) else spec["name"]))

    def components(self, kind: str) -> dict[str, Any]:
        """Every component of the kind that needs no setting, by name; of a plugin's that cannot be made, a warning."""
        return ready_components(self.plugins.registry, kind)

    def status(self, question: str | None = None, rates: Mapping[str, float] | None = None) -> Status:
        """Where the review of a question stands. `rates` are prices of an hour, by reviewer (`docreview.cost`)."""
        return status_of(self.review(question), self.corpus, self.plugins, rates)

    # ------------------------------------------------------------------------------------------------------------ out

    def export(
        self,
        path: str | Path,
        question: str | None = None,
        *,
        everything: bool = True,
        history: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> int:
        """Write one row a document with its label to a file; return how many. The ending says the format.

        `everything` includes documents nobody has answered, with an empty label and, once there is a model, its
        probability for each label. With `history` it is one row an answer (`history`). `settings` are the exporter's.
        """
        exporters = self.components("exporters")
        try:
            name = exporter_for(Path(path), exporters)
        except ExportFailed as error:
            raise ExportFailed(" ".join([str(error), *self.plugins.registry.absent])) from error
        exporter = self.plugins.registry.create("exporters", name, settings) if settings else exporters[name]
        rows = self.history(question) if history else self.rows(question, everything=everything)
        return write_rows(exporter, Path(path), rows)

    def rows(self, question: str | None = None, *, everything: bool = True) -> Iterator[dict[str, Scalar]]:
        """One row a document, in the order of the corpus, with the same keys in each: what `export` writes.

        Its id, title, text, label, who answered, how it was chosen and, once there is a model, how likely each label
        is; then its metadata. `everything` includes documents nobody has answered.
        """
        return rows_of(self.review(question), self.store, everything)

    def history(self, question: str | None = None) -> Iterator[dict[str, Scalar]]:
        """One row for each answer ever given and each taken back, in the order of the record."""
        return label_history(self.store.entries(chain_of(self.question(question).name)))

    def datasheet(self, question: str | None = None) -> str:
        """A page of Markdown for whoever uses the labels: languages, counts, agreement, how documents were chosen."""
        review = self.review(question)
        return datasheet(review, self.corpus, self.store.entries(review.chain))

    def save_model(self, path: str | Path, question: str | None = None) -> int:
        """Write the trained model to one file, to predict without the project; return how many labels it learned from.

        `ProjectError` before labels of two classes were given; `BadSetting` where the model cannot be written down.
        """
        return save_model(self.review(question), self.config, Path(path))

    def report(self, path: str | Path, question: str | None = None, progress: Progress = silent) -> Path:
        """Write the report of a review as one self-contained HTML file, or as JSON, by the ending; return the path."""
        return report(report_of(self.review(question), self.corpus, self.store, self.plugins, progress), path)

    def replay(
        self, question: str | None = None, progress: Progress = silent, *, other_versions: bool = False
    ) -> list[str]:
        """Draw every batch again from the record and return what differs; nothing where the record replays.

        Raises `OtherVersions` where another version of a plugin made the record, unless `other_versions`.
        """
        chain = chain_of(self._question(question).question.name)
        now = versions()
        return replay(self.store, self.corpus, chain, self.assemble, now, progress, other_versions=other_versions)

    def replay_rules(
        self,
        rules: Mapping[str, Any],
        question: str | None = None,
        progress: Progress = silent,
        *,
        other_versions: bool = False,
    ) -> list[RuleReplay]:
        """Ask stopping rules what they would have said after each round (`stopping_replay.replay_rules` says how).

        `rules` are names of registered rules, or tables of a ``name`` and settings, by what each is to be called.
        """
        chain = chain_of(self._question(question).question.name)
        made = {name: self._component("stopping_rules", spec) for name, spec in rules.items()}
        return replay_rules(
            self.store, self.corpus, chain, self.assemble, made, progress, other_versions=other_versions
        )

    def simulate(
        self,
        truth: Mapping[str, str],
        question: str | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        arm: str = "docreview",
        seed: int = 0,
        oracle: Any = None,
        **options: Any,
    ) -> Simulation:
        """Review the corpus with known answers (`simulation.simulate` says how); nothing is written to the project.

        `overrides` replace single settings, such as ``{"query_strategy": "random"}``. `oracle` answers instead of the
        truth: a registered name, a table of a ``name`` and settings, or a `Component`.
        """
        entry = self._question(question)
        settings = self.settings(question)
        unknown = set(overrides or {}) - {f.name for f in fields(Settings)}
        if unknown:
            raise BadSetting(f"a review has no setting '{min(unknown)}'.{did_you_mean(min(unknown), _ROLES)}")
        changed = settings_from({**asdict(settings), **(overrides or {})})
        if oracle is not None:
            ready = isinstance(oracle, Component)
            options["oracle"] = oracle if ready else self._component("oracles", oracle)
        return simulate(self.corpus, entry.question, changed, self.assemble, truth, arm=arm, seed=seed, **options)


def ready_components(registry: Registry, kind: str) -> dict[str, Any]:
    """Every component of the kind that needs no setting, by name; of a plugin's that cannot be made, a warning."""
    made = {}
    for entry in registry.entries(kind):
        if any(setting.default is setting.empty for setting in entry.settings.values()):
            continue
        try:
            made[entry.name] = registry.create(kind, entry.name)
            with guarded(entry, "naming its file endings"):
                _ = getattr(made[entry.name], "suffixes", ())
        except ComponentError as error:
            if entry.built_in:
                raise
            made.pop(entry.name, None)
            log.warning("%s", error)
    return made


def _prior(document: Document, question: Question | None, source: str) -> Label:
    """The label a document came with, as a prior of the question."""
    if question is None:
        raise UnknownLabel(f"{source} has labels, but the project has several questions: say which with 'question'.")
    if document.label not in question.labels:
        raise UnknownLabel(
            f"{source}: document '{document.id}' has the label '{document.label}', "
            f"which question '{question.name}' does not know.{did_you_mean(str(document.label), question.labels)}"
        )
    return Label(document.id, document.label, PRIOR, prior=True)
