"""One process at a time changes a project, and a killed one leaves nothing locked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from docreview.errors import ProjectError, ProjectLocked
from docreview.locks import project_lock

HOLD = """
import sys
from pathlib import Path
from docreview.locks import project_lock
with project_lock(Path(sys.argv[1]), "adding\\n'documents'"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def take(folder: Path, purpose: str, name: str = "project") -> None:
    with project_lock(folder, purpose, name):
        pass


def test_another_process_is_named(tmp_path: Path) -> None:
    process = holder(tmp_path)
    with pytest.raises(ProjectLocked, match=rf"process {process.pid} \(adding 'documents'\).*try again") as refused:
        take(tmp_path, "embedding")
    assert "\n" not in str(refused.value)
    process.communicate("done\n")
    take(tmp_path, "embedding")


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.kill()
    process.communicate()
    with project_lock(tmp_path, "embedding"):
        with pytest.raises(ProjectLocked, match=rf"process {os.getpid()} \(embedding\)"):
            take(tmp_path, "adding")  # the same process may not hold it twice either
        take(tmp_path, "adding", name="another")
    take(tmp_path, "adding")


def test_the_lock_is_released_where_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), project_lock(tmp_path, "dividing"):
        raise ZeroDivisionError
    with project_lock(tmp_path, "adding"):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}', "\x00"])
def test_a_spoiled_side_file_only_spoils_the_message(tmp_path: Path, content: str) -> None:
    process = holder(tmp_path)
    (tmp_path / "project.lock.json").write_text(content, encoding="utf-8")
    with pytest.raises(ProjectLocked, match="in use by another process"), project_lock(tmp_path, "embedding"):
        raise AssertionError("two processes hold one lock")
    process.communicate("done\n")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "no" / "folder", tmp_path / "file"):
        with pytest.raises(ProjectError, match="cannot be locked"), project_lock(folder, "adding"):
            raise AssertionError("a lock without a folder")
    assert not (tmp_path / "no").exists()
