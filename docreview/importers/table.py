"""Columns and their roles: what every table of documents has in common, whatever file it stands in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docreview.errors import ImportFailed, did_you_mean
from docreview.types import Document, Scalar

ROLES: tuple[str, ...] = ("id", "text", "title", "label")
#: names by which a column is known where nobody says which it is, likeliest first. Labels are taken from a column
#: `label` alone: a wrong guess there would put answers into a review that nobody gave.
NAMES: Mapping[str, tuple[str, ...]] = {
    "text": (
        *("text", "abstract", "abstract note", "body", "content", "contents", "full text", "fulltext", "document"),
        *("document text", "message", "sentence", "review", "tweet", "comment", "description", "abstracts", "texts"),
    ),
    "title": ("title", "article title", "primary title", "document title", "subject", "headline", "titles"),
    "id": ("id", "record id", "document id", "doc id", "docid", "documentid", "recordid", "uid", "control number"),
    "label": ("label",),
}
#: look like labels, and are named in a warning
_LABELS = ("labels", "included", "label included", "final included", "class", "category", "decision", "relevant")
#: rows of a file in which the header may be: some exports begin with the query
HEAD = 20
_SHOWN = 5


def plain(name: str) -> str:
    """A column name without what people write in many ways: case, spaces, underscores, hyphens."""
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def check_roles(columns: Mapping[str, str]) -> None:
    """Raise `ImportFailed` for a role that does not exist."""
    for role in columns:
        if role not in ROLES:
            raise ImportFailed(
                f"there is no column role '{role}'.{did_you_mean(role, ROLES)} Roles: {', '.join(ROLES)}."
            )


def find_header(rows: Sequence[Sequence[str]], columns: Mapping[str, str]) -> int:
    """Which of the first rows is the header: the first, unless it names no text and a fuller row below it does."""

    def filled(row: Sequence[str]) -> int:
        return sum(bool(cell.strip()) for cell in row)

    for i, row in enumerate(rows):
        if names_text(row, columns) and (i == 0 or filled(row) > max(1, filled(rows[0]))):
            return i
    return 0


def names_text(row: Iterable[str], columns: Mapping[str, str]) -> bool:
    """Whether a row names a column of texts, or of titles."""
    wanted = {plain(columns["text"])} if columns.get("text") else {*NAMES["text"], *NAMES["title"]}
    return not wanted.isdisjoint(map(plain, row))


def unique(header: Iterable[str]) -> list[str]:
    """Column names, stripped: a blank one becomes "column 3", a second "note" becomes "note (2)"."""
    names: list[str] = []
    for i, cell in enumerate(header, 1):
        name = base = cell.strip() or f"column {i}"
        n = 1
        while name in names:
            n += 1
            name = f"{base} ({n})"
        names.append(name)
    return names


def find_roles(
    path: Path, names: Sequence[str], columns: Mapping[str, str], warn: Callable[[str], None]
) -> dict[str, str]:
    """The column of each role that has one: as mapped, or guessed from its name.

    Raises `ImportFailed` for a mapped column that is missing, and where no column has texts or titles.
    """
    there = f" Columns there are: {', '.join(names)}."
    roles: dict[str, str] = {}
    for role, wanted in columns.items():
        if wanted == "":
            continue
        same = [name for name in names if name == wanted] or [n for n in names if plain(n) == plain(wanted)]
        if not same:
            near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ImportFailed(f"{path} has no column '{wanted}' to take the {role} from.{hint}{there}")
        roles[role] = same[0]
    for role in ROLES:
        if role in columns:
            continue
        by_plain = {plain(name): name for name in reversed(names) if name not in roles.values()}
        guess = next((by_plain[known] for known in NAMES[role] if known in by_plain), None)
        if guess is not None:
            roles[role] = guess
    if "text" not in roles:
        if "title" not in roles:
            raise ImportFailed(f"{path} has no column of texts: say which it is (--text NAME).{there}")
        warn(f"{path}: no column of texts, the titles ('{roles['title']}') are all there is to read.{there}")
    if "label" not in roles and "label" not in columns:
        like = next((name for name in names if plain(name) in _LABELS and name not in roles.values()), None)
        if like is not None:
            warn(f"{path}: column '{like}' may hold labels; give it (--label {like}) to take them as priors.")
    return roles


@dataclass
class Builder:
    """Makes the documents of one file: missing ids, ids that come twice, documents without text."""

    path: Path
    #: names of the roles' columns, where there are any
    id_column: str | None
    #: what a place in the file is called: "line" or "row"
    unit: str
    warn: Callable[[str], None]
    stem: str
    _seen: dict[str, int] = field(default_factory=dict)
    _empty: list[int] = field(default_factory=list)
    _rows: int = 0

    def build(self, line: int, cells: tuple[str, ...], metadata: Mapping[str, Scalar]) -> Document | None:
        """Return the document of the next row, or None where it has neither text nor title. `cells` are as `ROLES`."""
        id, text, title, label = cells
        self._rows += 1
        if not (text and not text.isspace()) and not title.strip():
            self._empty.append(line)
            return None
        id = id.strip() or f"{self.stem}:{self._rows}"
        first = self._seen.setdefault(id, line)
        if first != line:
            where = (
                f" Ids come from column '{self.id_column}'; to number the rows instead, give none (--id '')."
                if self.id_column
                else ""
            )
            raise ImportFailed(
                f"{self.path}, {self.unit} {line}: id '{id}' is that of {self.unit} {first} already.{where}"
            )
        return Document(id, text, title.strip(), metadata, label.strip() or None)

    def finish(self) -> None:
        """Say what was left out; raise `ImportFailed` where nothing was left in."""
        if self._empty:
            n = len(self._empty)
            s = "s" * (n > 1)
            lines = f"{self.unit}{s} " + ", ".join(map(str, self._empty[:_SHOWN])) + " ..." * (n > _SHOWN)
            self.warn(f"{self.path}: {n} document{s} without text or title left out ({lines}).")
        if not self._seen:
            raise ImportFailed(
                f"{self.path} has {'no document with text' if self._rows else 'a header and no documents'}."
            )


def spell(value: Scalar) -> str:
    """A cell as text, for a role: whole numbers without a point, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
