"""Writes the list of conformance checks in docs/plugins/testing.md from the checks' own docstrings.

With --check, only says whether it is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parent / "plugins" / "testing.md"
MARK = "<!-- From here on written by docs/checks.py. -->\n"


def sections() -> Iterator[str]:
    """One section a kind: the name of each check, and its rule."""
    from docreview.testing import CHECKS, name_of, rule_of

    total = sum(map(len, CHECKS.values()))
    yield f"\n## All {total} checks\n"
    for kind, checks in CHECKS.items():
        yield f"\n### {kind.replace('_', ' ').capitalize()}\n\n`{kind}`\n\n"
        for check in checks:
            # docstrings mark code as reStructuredText does
            yield f"- `{name_of(check)}`: {rule_of(check).replace('``', '`')}\n"


def main() -> int:
    """Write the list, or check it."""
    text = PAGE.read_text("utf-8")
    if text.count(MARK) != 1:
        print(f"{PAGE} must hold the line {MARK.strip()!r} once.", file=sys.stderr)
        return 1
    page = text[: text.index(MARK) + len(MARK)] + "".join(sections())
    if "--check" in sys.argv[1:]:
        if text == page:
            return 0
        print("docs/plugins/testing.md is stale: run `make docs`.", file=sys.stderr)
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
