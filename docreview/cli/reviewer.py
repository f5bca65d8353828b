"""The terminal reviewer: one document after another, one key a label.

Every answer is committed to the record when its key is pressed, so there is nothing to save and quitting loses nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text

from docreview.cli import screen
from docreview.cli.terminal import BACK, EOF, REDRAW, TICK, Hangup, Terminal
from docreview.types import VALIDATION, Label

if TYPE_CHECKING:
    from docreview.review import Review
    from docreview.types import Document, StopDecision

#: documents longer than this (characters) are shown without highlights: finding them would take seconds
LONGEST_HIGHLIGHTED = 200_000


class Reviewer:
    """One sitting of one reviewer at one terminal.

    `notice` says, in a few words or none, what goes on in the background; `render` gives the text to show for a
    document, or None for the document's own.
    """

    def __init__(
        self,
        review: Review,
        terminal: Terminal,
        name: str,
        *,
        notice: Callable[[], str] = lambda: "",
        render: Callable[[Document], str | None] = lambda document: None,
    ) -> None:
        self.review, self.terminal, self.name = review, terminal, name
        self.notice, self.render = notice, render
        self.labels = review.question.labels
        self.keys = screen.assign_keys(self.labels)
        self.answered = 0
        self._queue: deque[str] = deque()
        self._done = self._earlier()
        #: documents that were taken back: asked again even where their batch is long over
        self._back: set[str] = set()
        #: notes on documents that have no answer yet
        self._notes: dict[str, str] = {}
        self.message = ""
        self._decision: StopDecision | None = None
        self._told = False
        self.highlighted = review.question.target

    def run(self) -> str:
        """Review until the person quits or nothing is left; return a sentence that says which."""
        try:
            while self._fill():
                document_id = self._queue.popleft()
                # somebody else, at another terminal, may have answered it meanwhile
                if document_id in self._back or document_id in self.review.pending:
                    self._ask(document_id)
        except _Quit as quit_:
            return str(quit_)
        except Hangup:
            return "Interrupted."
        return "Every document has been answered."

    # ---------------------------------------------------------------------------------------------------------- steps

    def _fill(self) -> bool:
        """Get the next batch, unless documents are waiting; False where there is none, or the person wants to stop."""
        if self._queue:
            return True
        learnt = f"learning from {self._read():,} answers" if self._read() else "choosing the first documents"
        with self.terminal.waiting(learnt):
            decision = self.review.should_stop()
            waiting = self.review.ledger.waiting
            # a sample of what is left is drawn because one has stopped, and is to be read to its end
            sampling = waiting is not None and waiting[0].name != VALIDATION
            go_on = not decision.stop or self._told or sampling
            batch = self.review.next_batch() if go_on else None
        self._decision = decision
        if batch is None:
            self._told = True
            self._confirm(decision)
            with self.terminal.waiting(learnt):
                batch = self.review.next_batch()
        self._queue.extend(batch)
        return bool(self._queue)

    def _confirm(self, decision: StopDecision) -> None:
        """Say that the stopping rule says stop, and ask whether to go on all the same."""
        while True:
            width, height = self.terminal.size
            lines = [
                *screen.fold("The stopping rule says stop.", width, 1, "bold"),
                *screen.fold(decision.reason, width, max(1, height - 5)),
                *screen.fold("y: go on all the same   n: stop here", width, 2, "bold"),
            ]
            self.terminal.show(lines)
            key = self.terminal.key()
            if key in ("y", "Y"):
                return
            if key in ("n", "N", "q", "Q", EOF, "\x04"):
                raise _Quit(f"Stopped: {decision.reason}")

    def _ask(self, document_id: str) -> None:
        """Show a document until it is answered, skipped, or put back for the sake of an earlier one."""
        review, terminal = self.review, self.terminal
        document = review.document(document_id)
        sight = _Sight(self, document)
        started = time.monotonic()
        key = REDRAW
        while True:
            note, notice = self._notes.get(document_id, ""), self.notice()
            if key != TICK or notice != sight.notice:
                sight.show(note, notice)
            key = terminal.key(timeout=5 if notice else None)
            if key in (REDRAW, TICK):
                continue
            if key in (EOF, "\x04"):
                self._leave(note)
            meaning = ("command", "back") if key == BACK else self.keys.meaning(key)
            self.message = "" if meaning else self.message
            if meaning is None:
                continue
            kind, name = meaning
            if kind == "label" or name == "skip":
                value = name if kind == "label" else None
                seconds = round(time.monotonic() - started, 2)
                with terminal.uninterrupted():
                    review.record(Label(document_id, value, self.name, seconds=seconds, note=note))
                    self._done.append(document_id)
                    self.answered += 1
                self._notes.pop(document_id, None)
                self._back.discard(document_id)
                what = screen.one_line(document.title or document_id)
                self.message = f"{'skipped' if value is None else value}: {what[:60]}"
                return
            if name == "undo":
                if not self._done:
                    self.message = "There is nothing to take back."
                    continue
                self._queue.appendleft(document_id)
                self._undo()
                return
            if name == "note":
                text = terminal.line(f"note for this document (Enter keeps it, Esc does not): {note}")
                if text is not None:
                    self._notes[document_id] = f"{note} {text}".strip()
            elif name == "help":
                self._help()
            elif name == "quit":
                self._leave(note)
            else:
                sight.turn(name)

    def _leave(self, note: str) -> None:
        if note:
            raise _Quit(f'You left. The note on the open document goes with an answer only and was not kept: "{note}"')
        raise _Quit("You left.")

    def _undo(self) -> None:
        last = self._done.pop()
        with self.terminal.uninterrupted():
            self.review.withdraw(last, self.name)
            self.answered -= 1
        self._queue.appendleft(last)
        self._back.add(last)
        self.message = "Taken back: this document is asked again."

    def _help(self) -> None:
        question = self.review.question
        width = self.terminal.size[0]
        text = [question.prompt or question.name, ""]
        text += [f"{self.keys.key_of(label)}   {label}" for label in self.labels]
        key = self.keys.command_key
        text += [
            "1-9, 0   the labels in their order" if len(self.labels) > 1 else "",
            "",
            f"{key('skip')}   skip: cannot tell (it is not asked again)",
            f"{key('undo')}   undo the last answer; again for the one before",
            f"{key('note')}   a note, kept with the answer",
            f"space, {key('back')}   more of a long text, back (the cursor keys as well)",
            f"{key('highlight')}   underline the words that speak for another label",
            f"{key('quit')}   quit (Ctrl-C and Ctrl-D as well)",
            "",
            "Each answer is in the record when its key is pressed: nothing to save, nothing to lose.",
        ]
        pages = screen.Pages("\n".join(text), width=width)
        line = 0
        while True:
            room = max(1, self.terminal.size[1] - 2)
            self.terminal.show([*pages.lines(line, room), Text("any key: go on", style="dim")])
            key_pressed = self.terminal.key()
            if key_pressed == REDRAW:
                pages.resize(self.terminal.size[0])
                line = 0
                continue
            line += room
            if pages.ends_before(line) or key_pressed != " ":
                return

    # ---------------------------------------------------------------------------------------------------------- facts

    def _earlier(self) -> list[str]:
        """This reviewer's answers of earlier sittings, the last at the end: they can be undone as well."""
        ledger = self.review.ledger
        rows = [row for row, round_ in ledger.rounds.items() if round_ > 0 and self.name in ledger.answers.get(row, {})]
        return self.review.corpus.store.ids_of(rows)

    def _read(self) -> int:
        return sum(1 for round_ in self.review.ledger.rounds.values() if round_ > 0)

    def progress(self) -> str:
        """Where the review stands, in one line."""
        ledger = self.review.ledger
        found = [f"{screen.one_line(label)} {n:,}" for label, n in zip(self.labels, ledger.found(), strict=True)]
        parts = [f"read {self._read():,} of {self.review.corpus.n:,}", *found, f"round {ledger.round}"]
        return " · ".join(parts)

    def verdict(self) -> str:
        """What the stopping rule said before this batch."""
        if self._decision is None or not self._read():
            return ""
        return f"stopping rule: {'stop. ' if self._decision.stop else ''}{screen.one_line(self._decision.reason)}"


class _Quit(Exception):
    """The person has had enough; the message says so to the person."""


class _Sight:
    """One document on the screen: its pages, and which words are underlined."""

    def __init__(self, reviewer: Reviewer, document: Document) -> None:
        self.reviewer, self.document = reviewer, document
        self.first = 0
        self.shown = 1
        self.trouble = ""
        self.notice = ""
        self.speaks_for = ""
        text = self._rendered()
        self.own = text is None  # highlights are positions in the document's own text
        self.pages = screen.Pages(document.text if text is None else text, width=reviewer.terminal.size[0])
        self._mark()

    def _rendered(self) -> str | None:
        try:
            return self.reviewer.render(self.document)
        except Exception as error:  # noqa: BLE001 - a plugin's bug must not keep a person from reading; it is shown
            self.trouble = f"a plugin failed to render this document ({type(error).__name__}: {error}); shown as it is"
            return None

    def _mark(self) -> None:
        reviewer, document = self.reviewer, self.document
        self.pages.marks = ()
        if not self.own or len(document.text) > LONGEST_HIGHLIGHTED:
            return
        wanted = reviewer.highlighted
        best: tuple[float, str, list[tuple[int, int]]] = (0.0, "", [])
        for label in (wanted,) if wanted is not None else reviewer.labels:
            spans = reviewer.review.explain(document.id, label)
            weight = sum(max(0.0, weight) for _, _, weight in spans)
            if weight > best[0]:
                best = weight, label, screen.telling(spans, document.text)
        _, self.speaks_for, self.pages.marks = best

    def turn(self, command: str) -> None:
        """More, back, or other words underlined."""
        if command == "more":
            if not self.pages.ends_before(self.first + self.shown):
                self.first += self.shown
        elif command == "back":
            self.first = max(0, self.first - self.shown)
        elif command == "highlight":
            labels: list[str | None] = [*self.reviewer.labels, None]
            wanted = labels[(labels.index(self.reviewer.highlighted) + 1) % len(labels)]
            self.reviewer.highlighted = wanted
            self._mark()

    def show(self, note: str, notice: str) -> None:
        """Write the document to the screen: what is optional gives way where the window is small."""
        self.notice = notice
        reviewer, question = self.reviewer, self.reviewer.review.question
        width, height = reviewer.terminal.size
        if width != self.pages.width:
            place = self.pages.position(self.first)
            self.pages.resize(width)
            self.first = self.pages.line_of(place)
        small, tiny = height < 20, height < 12
        ruler = [] if small else [Text(reviewer.terminal.dash * width, style="dim")]
        head = screen.fold(reviewer.progress(), width, 1 if tiny else 2, "dim")
        for line in (reviewer.verdict(), notice, screen.one_line(self.trouble)):
            if line and not tiny:
                head += screen.fold(line, width, 1 if small else 2, "dim")
        head += ruler
        if not tiny:
            head += screen.fold(screen.one_line(question.prompt or question.name), width, 1 if small else 3, "italic")
        title = screen.one_line(self.document.title) or self.document.id
        head += screen.fold(title, width, 1 if small else 2, "bold")
        if not small:
            head.append(Text())
        keys = screen.key_line(reviewer.keys, question.labels, width)
        notes = screen.fold(f"note: {note}", width, 1) if note else []
        notes += screen.fold(f"({reviewer.message})", width, 1, "dim") if reviewer.message else []
        # the last line stays free: the cursor waits there
        around = len(head) + len(ruler) + 1 + len(notes) + 1
        if height - around - len(keys) < 3:
            keys = keys[:1]
        room = height - around - len(keys)
        if room < 1:  # a window of a few lines: the text, and the keys as far as they fit
            head, ruler, notes, keys = [], [], [], keys[: max(1, height - 3)]
            room = max(1, height - len(keys) - 2)
        self.shown = room
        body = self.pages.lines(self.first, room)
        if not self.document.text.strip() and self.own:
            body = [Text("(this document has no text)", style="dim")]
        empty = [Text()] * (room - len(body))
        where = screen.fold(self._where(room), width, 1, "dim") or [Text()]
        reviewer.terminal.show([*head, *body, *empty, *ruler, *where, *notes, *keys])

    def _where(self, room: int) -> str:
        """Say which part of the text is on the screen, and what the underlined words mean."""
        parts = []
        if self.first or not self.pages.ends_before(room):
            shown = self.pages.share(self.first + room)
            parts.append("end of the text" if shown == 1 else f"{shown:.0%} of the text, space: more")
            if self.first:
                parts[-1] += f", {self.reviewer.keys.command_key('back')}: back"
        if self.pages.marks:
            parts.append(f"underlined: speaks for '{screen.one_line(self.speaks_for)}'")
        return " · ".join(parts)
