"""The tutorial for plugin authors, run from its first block to its last in a folder and an environment of its own.

A block of the page is one of these, and nothing else:

- ```` ```python longest_first.py ````: the file is written.
- ```` ```diff longest_first.py ````: lines of the file are replaced. With ``try`` behind the name, only until the next
  console block has been run.
- ```` ```console ````: each line after ``$`` is run by a shell. What stands below it must be its output, where ``...``
  stands for anything and runs of blanks and line ends are alike. A command whose output shows an error must fail; any
  other must not.
"""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "plugins" / "tutorial.md"
FAILS = re.compile(r"^(Error:|Traceback|FAILED)", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Wrong(AssertionError):
    """A block of the page that is not one, or that does not come out as shown."""


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    file: str
    tried: bool
    text: str


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page; `Wrong` for anything that looks like code and would not be run."""
    blocks: list[Block] = []
    opened: tuple[int, list[str], list[str]] | None = None
    for number, line in enumerate(page.splitlines(), 1):
        if opened is not None:
            if line == "```":
                blocks.append(_block(*opened))
                opened = None
            else:
                opened[2].append(line)
        elif line.startswith("```"):
            opened = number, line.removeprefix("```").split(), []
        elif re.match(r"\s+```|\s*~~~|\s*<pre|\s{4,}\S", line):
            raise Wrong(f"line {number}: code that is not run: {line!r}")
    if opened is not None:
        raise Wrong(f"line {opened[0]}: a block without an end")
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        if block.tried and (after is None or after.language != "console"):
            raise Wrong(f"line {block.line}: what is tried must be run by the next block")
    return blocks


def _block(line: int, words: list[str], text: list[str]) -> Block:
    language, names = (words[0], words[1:]) if words else ("", [])
    tried = language == "diff" and names[1:] == ["try"]
    known = not names if language == "console" else len(names) - tried == 1 and language != "sh"
    if not known:
        raise Wrong(f"line {line}: a block is written to a file or run: '```{' '.join(words)}' is neither")
    return Block(line, language, names[0] if names else "", tried, "\n".join(text) + "\n")


def commands_of(block: Block) -> list[tuple[str, str]]:
    """Commands and what must come out of each."""
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)
    if parts[0] or len(parts) < 3:
        raise Wrong(f"line {block.line}: a console block begins with a command")
    commands = list(zip(parts[1::2], parts[2::2], strict=True))
    for command, wanted in commands:
        if wanted and not wanted.replace("...", "").strip():
            raise Wrong(f"line {block.line}: '{command}': '...' alone shows nothing")
    return commands


def changed(text: str, block: Block) -> str:
    """`text` after the changes of a diff, which must fit in one place."""
    lines = block.text.splitlines()
    if any(line[:1] not in (" ", "-", "+") for line in lines):
        raise Wrong(f"line {block.line}: lines of a diff begin with a blank, - or +")
    old, new = ("".join(f"{x[1:]}\n" for x in lines if x[0] != other) for other in "+-")
    if f"\n{text}".count(f"\n{old}") != 1:
        raise Wrong(f"line {block.line}: the diff fits in {text.count(old)} places of {block.file}")
    return f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]


def run_page(page: str, folder: Path, environment: dict[str, str]) -> int:
    """Run every block of a page in `folder`; return how many."""
    undo: tuple[Path, str] | None = None
    blocks = blocks_of(page)
    for block in blocks:
        if block.language == "console":
            for command, wanted in commands_of(block):
                _run(block, command, wanted, folder, environment)
            if undo is not None:
                undo[0].write_text(undo[1], encoding="utf-8")
                undo = None
            continue
        path = folder / block.file
        if block.language == "diff":
            before = path.read_text("utf-8")
            undo = (path, before) if block.tried else None
            path.write_text(changed(before, block), encoding="utf-8")
        else:
            path.write_text(block.text, encoding="utf-8")
    return len(blocks)


def _run(block: Block, command: str, wanted: str, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, timeout=200, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    where = f"line {block.line}: $ {command}"
    if not doctest.OutputChecker().check_output(wanted, done.stdout, FLAGS):
        raise Wrong(f"{where}\n--- the page says\n{wanted}--- it says\n{done.stdout}")
    if bool(FAILS.search(wanted)) != bool(done.returncode):
        raise Wrong(f"{where}: it ends with {done.returncode}, and the page shows {wanted!r}")


# -------------------------------------------------------------------------------------------------------- the tutorial


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment that sees what this one sees, other people's plugins apart, and into which pip may install."""
    home = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=120)
    (packages,) = home.glob("lib/python*/site-packages")
    for there in map(Path, dict.fromkeys(path for path in sys.path if path.endswith("site-packages"))):
        for entry in there.iterdir():
            points = entry / "entry_points.txt"
            plugin = points.is_file() and "[docreview]" in points.read_text("utf-8")
            if not plugin and not (packages / entry.name).exists():
                (packages / entry.name).symlink_to(entry)
    for command in ("docreview", "pytest", "pip"):
        script = home / "bin" / command
        script.write_text(f'#!/bin/sh\nexec "{home}/bin/python" -m {command} "$@"\n')
        script.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCREVIEW_", "PYTEST_"))}
    if importlib.util.find_spec("hatchling"):  # else pip fetches it
        kept["PIP_NO_BUILD_ISOLATION"] = "0"
    return {
        **kept,
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(home),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        # a file that is changed twice in a second must not be met as it was compiled before
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.mark.timeout(600)
def test_the_tutorial_does_what_it_says(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    page = PAGE.read_text("utf-8")
    assert run_page(page, folder, environment) == len(re.findall(r"^```\S", page, flags=re.MULTILINE))


# ---------------------------------------------------------------------------------------------- the runner itself


@pytest.mark.parametrize(
    "page",
    [
        "```python\nx = 1\n```",
        "```\nx = 1\n```",
        "```console file\n$ true\n```",
        "```diff a.py later\n+x\n```",
        "```sh\ntrue\n```",
        "```python a.py b.py\n```",
        "text\n\n    x = 1",
        "- text\n  ```python a.py\n  ```",
        "~~~python a.py\n~~~",
        "<pre>x = 1</pre>",
        "```python a.py\nx = 1",
        "```diff a.py try\n+x\n```\n```python b.py\n```",
        "```diff a.py try\n+x\n```",
    ],
)
def test_a_block_that_would_not_be_run_is_refused(page: str) -> None:
    with pytest.raises(Wrong, match=r"^line \d+: "):
        blocks_of(page)


GOOD = """\
```text a.txt
one
two
```

Change it.

```diff a.txt
 one
-two
+three
```

```console
$ cat a.txt
one
...ee
```

```diff a.txt try
-three
+four
```

```console
$ cat a.txt
one four
$ echo Error: no; false
Error: ...
```

```console
$ cat a.txt
one three
```
"""


def test_a_page_is_run(tmp_path: Path) -> None:
    assert run_page(GOOD, tmp_path, dict(os.environ)) == 6
    assert (tmp_path / "a.txt").read_text() == "one\nthree\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("one\n...ee", "one\n...or"),  # another output
        ("...ee\n", "...ee\n$ true\nmore\n"),  # none where some is shown
        ("one\n...ee", ""),  # some where none is shown
        ("one\n...ee", "..."),  # an output that shows nothing
        ("; false", ""),  # an error that is none
        ("$ cat a.txt\none\n", "$ cat a.txt; false\none\n"),  # a failure that is not shown
        ("$ cat a.txt\none\n", "cat a.txt\none\n"),  # no command
        ("-two\n", "-too\n"),  # a change that does not fit
        (" one\n-two\n+three\n", "+three\n"),  # or fits everywhere
        ("+three\n", "three\n"),  # or is none
        ("one three", "one four"),  # what was tried is taken back
    ],
)
def test_what_does_not_come_out_as_shown_is_found(tmp_path: Path, old: str, new: str) -> None:
    assert GOOD.count(old) >= 1
    with pytest.raises(Wrong, match=r"^line \d+: "):
        run_page(GOOD.replace(old, new, 1), tmp_path, dict(os.environ))
