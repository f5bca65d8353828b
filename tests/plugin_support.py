"""Real distributions for tests: a `.dist-info` folder and a module on a path of their own."""

from __future__ import annotations

from pathlib import Path


def distribution(folder: Path, name: str, code: str, version: str = "1.0", entry_points: str | None = None) -> str:
    """Write a distribution of one module into `folder`, and return the name of the module."""
    module = f"docreview_test_{name}"
    info = folder / f"docreview_{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: docreview-{name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points or f"[docreview]\n{name} = {module}\n")
    return module
