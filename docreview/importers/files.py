"""Files as text: compression, encoding, damage, and what must not get into a document."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from docreview.errors import ImportFailed
from docreview.types import Progress, silent

_BLOCK = 1 << 20
#: how much is shown to charset-normalizer
_SAMPLE = 1 << 18
#: share of control characters from which a file that is not UTF-8 is no text; share of NUL from which none is
_BINARY, _EMPTY = 0.02, 0.3
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b\b"))
#: what is seen in files, commonest first; charset-normalizer tries many more, and then takes French for Baltic
_ENCODINGS = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "koi8_r"),
    *("cp932", "euc_jp", "cp949", "gb18030", "big5"),
)
#: UTF-32 first: its mark begins with that of UTF-16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive or an office document",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "compressed with gzip: give it the ending .gz",
    b"\xd0\xcf\x11\xe0": "an old office document or a mail store",
    b"\x89PNG": "a picture",
    b"GIF8": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format 3": "a database",
}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong with the file itself into `ImportFailed`."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ImportFailed(f"{path}: the gzip file is damaged or cut short ({error}); get it again.") from error
    except OSError as error:
        raise ImportFailed(f"{path} cannot be read: {error.strerror or error}.") from error


def open_bytes(path: Path) -> tuple[BinaryIO, BinaryIO]:
    """Open a file, decompressing ``.gz`` on the way: (the bytes, the file itself, whose position is the progress)."""
    raw = path.open("rb")
    if path.suffix.lower() != ".gz":
        return raw, raw
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw, mode="rb")), raw


def stem(path: Path) -> str:
    """Name of a file without its endings: ``report`` of ``report.csv.gz``."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return name.rpartition(".")[0] or name


@dataclass
class TextFile:
    """A text file that was read through once: its encoding is known and every byte of it decodes.

    NUL, which no database takes, becomes U+FFFD; `nuls` counts them. Every other character is kept, line ends too.
    """

    path: Path
    encoding: str
    #: how the encoding was found out, where the file does not say it and it is not UTF-8; otherwise empty
    note: str = ""
    nuls: int = field(default=0)

    def lines(self, progress: Progress = silent, newline: str = "") -> Iterator[str]:
        """Yield the lines with their ends; `newline` as in `open`."""
        size = self.path.stat().st_size
        data, raw = open_bytes(self.path)
        with reading(self.path), raw, data, io.TextIOWrapper(data, self.encoding, newline=newline) as text:
            for number, line in enumerate(text):
                if number == 0:
                    line = line.removeprefix("\ufeff")
                if "\0" in line:
                    self.nuls += line.count("\0")
                    line = line.replace("\0", "\ufffd")
                yield line
                if number % 2000 == 0:
                    progress("import", raw.tell(), size)
        progress("import", size, size)

    def text(self) -> str:
        """The whole text."""
        return "".join(self.lines())


def open_text(path: Path, encoding: str | None = None) -> TextFile:
    """Find out the encoding, and read the file once to be sure that all of it decodes.

    A byte order mark counts, then UTF-8 where the whole file is UTF-8, then charset-normalizer's best guess. Raises
    `ImportFailed` for a file that is empty, binary, damaged, or wrong from some line on.
    """
    with reading(path):
        data, raw = open_bytes(path)
        with raw, data:
            head = data.read(1 << 16)
    if not head:
        raise ImportFailed(f"{path} is empty.")
    for signature, what in _SIGNATURES.items():
        if head.startswith(signature):
            raise ImportFailed(f"{path} is not text: it is {what}.")
    if encoding is not None:
        _verify(path, encoding)
        return TextFile(path, encoding)
    for mark, name in _MARKS:
        if head.startswith(mark):
            _verify(path, name)
            return TextFile(path, name)
    wide = _wide(head)
    if wide:
        _verify(path, wide)
        return TextFile(path, wide, f"read as {wide.upper()}, judging by its zero bytes")
    bad = _first_error(path, "utf-8")
    # what is UTF-8 throughout is text, whatever characters it holds, unless it is mostly nothing
    controls = head.count(0) if bad is None else len(head) - len(head.translate(None, _CONTROLS))
    if controls > (_EMPTY if bad is None else _BINARY) * len(head):
        raise ImportFailed(f"{path} is not text: it is full of control characters.")
    if bad is None:
        return TextFile(path, "utf-8")
    line, byte, around = bad
    loose = around.decode("utf-8", "replace")
    wrong = loose.count("\ufffd")
    if sum(not c.isascii() for c in loose) - wrong >= wrong:
        raise ImportFailed(
            f"{path}, line {line}: byte 0x{byte:02x} is not UTF-8, though the rest is; save the file anew as UTF-8."
        )
    guess = _guess(around)
    if guess is None:
        raise ImportFailed(
            f"{path}, line {line}: byte 0x{byte:02x} is not UTF-8, and no other encoding fits; is it text?"
        )
    _verify(path, guess)
    return TextFile(path, guess, f"not UTF-8, read as {guess}; if letters look wrong, save it as UTF-8")


def _wide(head: bytes) -> str:
    """UTF-16 without a mark, seen by its zero bytes: in most scripts every space and line end has one."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    # where the bytes would do as UTF-8, every other one must be zero to make them UTF-16
    try:
        head[: len(head) - 4].decode()
        least = 0.3
    except UnicodeDecodeError:
        least = 0.05
    if max(even, odd) < least * len(head) or min(even, odd) * 20 > max(even, odd):
        return ""
    name = "utf-16-le" if odd > even else "utf-16-be"
    try:
        text = head[: len(head) & ~1].decode(name)
    except UnicodeDecodeError as error:
        # a pair cut in two by the end of the sample
        if error.start < len(head) - 4:
            return ""
        text = head[: error.start].decode(name)
    return name if any(c in text for c in " \n\t,") else ""


def _guess(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    # the lines that are not ASCII tell; the others would drown them
    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())
    if telling.count(0):
        return None
    matches = {match.encoding: match for match in from_bytes(telling, cp_isolation=list(_ENCODINGS))}
    if not matches:
        return None
    if "cp932" in matches:
        # charset-normalizer takes Japanese for Korean; hiragana tells
        text = str(matches["cp932"])
        if sum("\u3041" <= c <= "\u309f" for c in text) > len(text) / 10:
            return "cp932"
    # of those that make about as little mess, the one that reads most like a language, and of equals the commonest
    least = min(match.chaos for match in matches.values())
    near = [name for name in _ENCODINGS if name in matches and matches[name].chaos < least + 0.1]
    return max(near, key=lambda name: matches[name].coherence)


def _verify(path: Path, encoding: str) -> None:
    bad = _first_error(path, encoding)
    if bad is not None:
        line, byte, _ = bad
        raise ImportFailed(
            f"{path}, line {line}: byte 0x{byte:02x} is not {encoding.upper()}; save the file anew as UTF-8."
        )


def _first_error(path: Path, encoding: str) -> tuple[int, int, bytes] | None:
    """The first byte that does not decode: (its line, its value, the bytes from a little before it), or None."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise ImportFailed(f"{path}: there is no encoding '{encoding}'.") from None
    ends = 0
    with reading(path):
        data, raw = open_bytes(path)
        with raw, data:
            previous = b""
            while True:
                block = data.read(_BLOCK)
                try:
                    text = decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    good = error.object[: error.start]
                    line = 1 + ends + _line_ends(good.decode(encoding, "replace"))
                    whole = previous + block + data.read(_SAMPLE)
                    at = max(0, whole.rfind(error.object) + error.start - 1024)
                    return line, error.object[error.start], whole[at : at + _SAMPLE]
                if not block:
                    return None
                ends += _line_ends(text)
                previous = block[-8:]


def _line_ends(text: str) -> int:
    return text.count("\n") if "\n" in text or "\r" not in text else text.count("\r")
