"""Killed at a random moment, a project loses nothing that was acknowledged, and the next start goes on."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import LEXICAL, make_documents

from docreview import Label, Project

Make = Callable[..., Project]

ADD = """
import sys
from docreview import Project
project = Project.open(sys.argv[1])
print("opened", flush=True)
print(project.add(sys.argv[2]).added, flush=True)
"""

REVIEW = """
import sys
from docreview import Label, Project
review = Project.open(sys.argv[1]).review()
while batch := review.next_batch():
    for document_id in batch:
        review.record(Label(document_id, "no" if int(document_id[-5:]) % 3 else "yes", "me"))
        print(document_id, flush=True)
"""


TWO = """
import sys
from docreview import Label, Project
project = Project.open(sys.argv[1])
review = project.review()
for step in range(12):
    for document_id in review.next_batch().document_ids[:3]:
        review.record(Label(document_id, "no" if int(document_id[-5:]) % 3 else "yes", sys.argv[2]))
    if sys.argv[2] == "ann" and step % 4 == 0:
        project.add(f"{sys.argv[3]}/{step}.jsonl")
"""


def run_and_kill(code: str, after: float, *arguments: str, wait_for: int = 1) -> list[str]:
    """Run Python, wait for some lines of output and then some seconds, kill it, and return its whole lines."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(wait_for)]
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    process.wait()
    return [line.strip() for line in lines if line.endswith("\n")]


def test_killed_while_adding_nothing_is_half_there(lexical_project: Make, tmp_path: Path) -> None:
    documents, _ = make_documents(4000)
    source = tmp_path / "documents.jsonl"
    source.write_text("".join(json.dumps({"id": d.id, "text": d.text}) + "\n" for d in documents), "utf-8")
    rng = np.random.default_rng(11)
    for attempt in range(4):
        project = lexical_project(0, folder=f"project-{attempt}")
        said = run_and_kill(ADD, rng.uniform(0, 0.6), str(project.folder), str(source))
        with Project.open(project.folder) as again:
            there = again.corpus.n
            assert there in (0, 4000)
            if said[-1] == "4000":
                assert there == 4000
            again.store.verify("corpus")
            summary = again.add(source)
            assert summary.added + there == 4000
            assert again.store.ids() == [d.id for d in documents]
            assert again.review().next_batch()


def test_killed_while_reviewing_every_acknowledged_label_is_there(lexical_project: Make) -> None:
    project = lexical_project(600)
    project.close()
    acknowledged: list[str] = []
    rng = np.random.default_rng(12)
    for _ in range(3):
        acknowledged += run_and_kill(REVIEW, rng.uniform(0.05, 0.4), str(project.folder))
        with Project.open(project.folder) as again:
            labels = again.review().labels()
            assert set(acknowledged) <= set(labels)
            # at most the one that was being written when the process died
            assert len(labels) <= len(acknowledged) + 1
            acknowledged = list(labels)
            again.store.verify("review:copyleft")
            assert again.replay() == []
    assert len(acknowledged) > 5


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_while_embedding_goes_on_to_the_same_bits(tmp_path: Path, seed: int) -> None:
    """The real encoder, killed in the middle; what it had done is not done again, and the vectors are the same."""
    documents, _ = make_documents(400)
    # settled: left to a trial, a busy machine may find another precision for the second project than for the first
    settled = 'device = "cpu"\ndtype = "float32"\n'
    text = f'[views.lexical]\n[views.semantic]\n{settled}[questions.q]\nlabels = ["a", "b"]\n'
    vectors = []
    for name in ("killed", "whole"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "docreview.toml").write_text(text)
        with Project.open(folder) as project:
            project.add_documents(documents)
        if name == "killed":
            code = (
                "import sys; from docreview import Project\n"
                "def progress(step, done, total):\n    print(step, done, flush=True)\n"
                "Project.open(sys.argv[1]).embed(progress)"
            )
            run_and_kill(code, np.random.default_rng(seed).uniform(0, 0.8), str(folder), wait_for=2)
        with Project.open(folder) as project:
            project.embed()
            assert project.remaining == 0
            vectors.append(np.array(project.corpus.vectors("semantic").matrix))
    np.testing.assert_array_equal(*vectors)


def test_two_processes_cannot_change_a_project_at_once(lexical_project: Make, tmp_path: Path) -> None:
    from docreview.errors import ProjectLocked
    from docreview.locks import project_lock

    project = lexical_project(10)
    with (
        project_lock(project.folder / ".docreview", "add something"),
        pytest.raises(ProjectLocked, match="add somethi"),
    ):
        project.add_documents(make_documents(5, start=10)[0])
    assert project.corpus.n == 10
    review = project.review()
    review.record(Label(review.next_batch().document_ids[0], "yes"))


def test_two_processes_review_at_once_while_one_of_them_adds(lexical_project: Make, tmp_path: Path) -> None:
    """Both answer the same batches; each batch stands in the record once, and it all replays without any cache."""
    for step in (0, 4, 8):
        more = make_documents(30, start=100 + 10 * step)[0]
        lines = "".join(json.dumps({"id": d.id, "text": d.text}) + "\n" for d in more)
        (tmp_path / f"{step}.jsonl").write_text(lines, "utf-8")
    project = lexical_project(100, "validation = 10\n", text=LEXICAL.replace("batch_size = 20", "batch_size = 5"))
    project.close()
    running = [
        subprocess.Popen([sys.executable, "-c", TWO, str(project.folder), name, str(tmp_path)])
        for name in ("ann", "bob")
    ]
    assert [process.wait() for process in running] == [0, 0]
    shutil.rmtree(project.folder / ".docreview" / "cache")
    with Project.open(project.folder) as again:
        entries = again.store.entries("review:copyleft")
        assert {e.payload["reviewer"] for e in entries if e.kind == "label"} == {"ann", "bob"}
        rounds = [e.payload["round"] for e in entries if e.kind == "batch"]
        assert rounds == list(range(1, len(rounds) + 1))
        assert len({e.payload["n"] for e in entries if e.kind == "batch"}) > 1
        assert again.corpus.n == 190
        assert again.replay() == []
        for chain in again.store.chains:
            again.store.verify(chain)
