"""A terminal, one key at a time: raw input, size, and a screen that is cleared and written anew. POSIX only.

No full-screen library and no alternate screen: what was last shown stays readable after quitting, and any terminal will
do, over ssh as well.
"""

from __future__ import annotations

import codecs
import os
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any

from rich.console import Console
from rich.text import Text

from docreview.errors import DocreviewError

EOF = "eof"
BACK = "back"
#: what the cursor keys and their like send, and the key that they stand for
_SEQUENCES = dict.fromkeys(("[A", "[D", "[5~", "OA", "OD"), BACK) | dict.fromkeys(("[B", "[C", "[6~", "OB", "OC"), " ")
REDRAW = "redraw"
TICK = "tick"
ESCAPE = "escape"


class Hangup(BaseException):
    """The person pressed Ctrl-C, or the terminal is going away. Not an error: the review ends in good order."""


class Terminal:
    """A terminal taken over while the ``with`` block runs, and given back as it was however the block ends."""

    def __init__(self) -> None:
        try:
            import termios
        except ImportError:
            raise DocreviewError(
                "the terminal reviewer needs a POSIX terminal; use 'next' and 'record' here."
            ) from None
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise DocreviewError("'review' needs a terminal to read keys from; scripts use 'next' and 'record'.")
        self._termios = termios
        self._in, self._out = sys.stdin.fileno(), sys.stdout.fileno()
        self._keys: deque[str] = deque()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._wake_read, self._wake_write = -1, -1
        self._handlers: dict[int, Any] = {}
        self._patient = 0
        self._hung_up = False
        # a terminal that cannot show a character shows a question mark: no document may stop the review
        encoding = sys.stdout.encoding or "utf-8"
        self._file = os.fdopen(os.dup(self._out), "w", encoding=encoding, errors="replace", newline="")
        try:
            "─".encode(encoding)
            self.dash = "─"
        except UnicodeEncodeError:
            self.dash = "-"
        self.plain = os.environ.get("TERM", "dumb") in ("dumb", "")
        self._console = Console(
            file=self._file, force_terminal=True, color_system=None if self.plain else "auto", highlight=False,
            markup=False, emoji=False, soft_wrap=True, width=10_000,
        )  # fmt: skip

    def __enter__(self) -> Terminal:
        self._saved = self._termios.tcgetattr(self._in)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._hang_up)
        for number in (signal.SIGWINCH, signal.SIGCONT):
            self._handlers[number] = signal.signal(number, self._wake)
        self._raw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        try:
            self._termios.tcsetattr(self._in, self._termios.TCSADRAIN, self._saved)
            self._file.close()
        except (OSError, self._termios.error):
            pass  # the terminal is gone, and with it what there was to give back
        os.close(self._wake_read)
        os.close(self._wake_write)

    # ------------------------------------------------------------------------------------------------------------ in

    def key(self, timeout: float | None = None) -> str:
        """Wait for a key: a character, `BACK`, `ESCAPE`, `EOF`, `REDRAW` (the window changed) or `TICK` (time over)."""
        while not self._keys:
            ready, _, _ = select.select([self._in, self._wake_read], [], [], timeout)
            if not ready:
                return TICK
            if self._wake_read in ready:
                os.read(self._wake_read, 1024)
                return REDRAW
            self._read()
        return self._keys.popleft()

    def flush_input(self) -> None:
        """Forget keys pressed before now: they were not meant for a document that nobody had seen yet."""
        self._keys.clear()
        self._termios.tcflush(self._in, self._termios.TCIFLUSH)

    def line(self, prompt: str) -> str | None:
        """Read a line; None where the person thought better of it (Esc). `Hangup` and end of input pass through."""
        from docreview.cli.screen import cells

        typed = ""
        while True:
            shown = prompt + typed
            width = self.size[0] - 2
            while cells(shown) > width and len(shown) > 1:
                shown = shown[1:]
            self.write(f"\r\x1b[K{shown}" if not self.plain else f"\n{shown}")
            key = self.key()
            if key in ("\r", "\n"):
                return " ".join(typed.split())
            if key in (ESCAPE, EOF, "\x04"):
                return None
            if key in ("\x7f", "\b"):
                typed = typed[:-1]
            elif key == "\x15":  # Ctrl-U, as in any line
                typed = ""
            elif len(key) == 1 and key.isprintable():
                typed += key

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Put Ctrl-C off until the block is through: an answer is written down whole."""
        self._patient += 1
        try:
            yield
        finally:
            self._patient -= 1
        if self._hung_up and not self._patient:
            raise Hangup

    # ----------------------------------------------------------------------------------------------------------- out

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines; what makes no sense is taken for 80 by 24, what is tiny for a little more."""
        try:
            columns, lines = os.get_terminal_size(self._out)
        except OSError:
            columns, lines = 80, 24
        return max(12, columns or 80), max(4, lines or 24)

    def show(self, lines: Sequence[Text]) -> None:
        """Clear the screen and write lines, each known to fit."""
        with self._console.capture() as captured:
            self._console.print(Text("\n").join(lines), end="")
        self.write(("\n" if self.plain else "\x1b[H\x1b[2J") + captured.get() + "\n")

    def write(self, text: str) -> None:
        """Write as it is; `Hangup` where the terminal is gone."""
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise Hangup from error

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show that something is going on, and for how long, while the block runs; forget keys pressed meanwhile."""
        stop = threading.Event()

        def turn() -> None:
            seconds = 0.0
            while not stop.wait(0.1 if seconds else 0.25):
                seconds += 0.1
                sign = "|/-\\"[int(seconds * 10) % 4]
                try:
                    self._file.write(f"\r{sign} {text} {seconds:.0f} s "[: self.size[0] - 1])
                    self._file.flush()
                except OSError:
                    return

        thread = threading.Thread(target=turn, daemon=True)
        if not self.plain:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            if thread.ident is not None:
                thread.join()
        self.flush_input()

    # -------------------------------------------------------------------------------------------------------- inside

    def _raw(self) -> None:
        termios = self._termios
        mode = termios.tcgetattr(self._in)
        mode[0] &= ~(termios.ICRNL | termios.INLCR)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._in, termios.TCSADRAIN, mode)

    def _read(self) -> None:
        data = self._take()
        if data is None:
            self._keys.append(EOF)
            return
        # a cursor key sends several bytes; over a slow line they may come apart
        while data.endswith((b"\x1b", b"\x1b[", b"\x1bO")) and select.select([self._in], [], [], 0.05)[0]:
            more = self._take()
            if more is None:
                break
            data += more
        self._keys.extend(_parse(self._decoder.decode(data)))

    def _take(self) -> bytes | None:
        try:
            return os.read(self._in, 1024) or None
        except OSError:
            return None

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        self._hung_up = True
        if not self._patient:
            raise Hangup

    def _wake(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGCONT:  # back from Ctrl-Z: the shell has set the terminal for itself
            self._raw()
        with suppress(BlockingIOError):  # full: then it is awake already
            os.write(self._wake_write, b"!")


def _parse(text: str) -> Iterator[str]:
    """Yield keys: characters, with the sequences of cursor and function keys taken whole."""
    i = 0
    while i < len(text):
        if text[i] != "\x1b":
            yield text[i]
            i += 1
            continue
        end = i + 1
        if end < len(text) and text[end] in "[O":
            end += 1
            while end < len(text) and not "\x40" <= text[end] <= "\x7e":
                end += 1
            key = _SEQUENCES.get(text[i + 1 : end + 1])
            if key is not None:
                yield key
            i = end + 1
        elif end < len(text):
            i = end + 1  # Alt and a key: means nothing here
        else:
            yield ESCAPE
            i = end
