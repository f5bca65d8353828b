"""With the same versions and machine, deleting every cache and replaying gives identical batches."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from support import make_documents

from docreview import Label, Project

TOML = """
[corpus]
language = "en"
[views.lexical]
[views.semantic]
[questions.copyleft]
labels = ["yes", "no"]
target = "yes"
query_strategy = "density-mmr"
batch_size = 20
"""


def test_two_thousand_documents_with_an_add_in_the_middle(tmp_path: Path) -> None:
    """Both views, neighbors and density-mmr: the review starts on words, the encoder joins, documents are added."""
    (tmp_path / "docreview.toml").write_text(TOML)
    documents, truth = make_documents(2000)
    with Project.open(tmp_path) as project:
        review = project.review()

        def answer(rounds: int) -> None:
            for _ in range(rounds):
                batch = review.next_batch()
                review.record(*(Label(i, truth[i], "me", seconds=1.5) for i in batch))

        project.add_documents(documents[:1400], "first")
        answer(3)  # on words alone
        project.embed()
        answer(3)  # the semantic view and its neighbors have joined
        project.add_documents(documents[1400:], "second")
        answer(2)  # the new documents are not embedded yet: on words again
        project.embed()
        answer(2)
        batches = [e.payload for e in project.store.entries(review.chain) if e.kind == "batch"]
        used = [sorted(batch["views"]) for batch in batches]
        assert (
            used
            == [["lexical"]] * 3 + [["lexical", "semantic"]] * 3 + [["lexical"]] * 2 + [["lexical", "semantic"]] * 2
        )
        assert [batch["neighbors"] is not None for batch in batches] == [len(views) == 2 for views in used]
        assert [batch["n"] for batch in batches] == [1400] * 6 + [2000] * 4
        # what the fingerprints in the batches stand for is in the record as well
        built = [e.payload for e in project.store.entries("corpus") if e.kind == "views-built"]
        assert [(then["n"], then["views"]["semantic"]["remaining"]) for then in built] == [
            (1400, 1400), (1400, 0), (2000, 600), (2000, 0)
        ]  # fmt: skip
        known = {name: {then["views"][name]["fingerprint"] for then in built} for name in ("lexical", "semantic")}
        assert all(mark in known[name] for batch in batches for name, mark in batch["views"].items())
        assert built[-1]["views"]["semantic"]["dtype"] in ("float32", "bfloat16")
        assert (built[-1]["language"], built[-1]["text_processors"]) == ("en", ["Nfc()"])
        assert "threads=1" in built[-1]["index"]
        assert built[-1]["neighbors"]["recall"] == 1
    shutil.rmtree(tmp_path / ".docreview" / "cache")
    with Project.open(tmp_path) as project:
        assert project.replay() == []
        for chain in project.store.chains:
            project.store.verify(chain)


def test_a_second_add_of_the_same_files_embeds_nothing(tmp_path: Path) -> None:
    (tmp_path / "docreview.toml").write_text(TOML)
    source = tmp_path / "documents.jsonl"
    documents, _ = make_documents(12)
    source.write_text("".join(json.dumps({"id": d.id, "text": d.text}) + "\n" for d in documents), "utf-8")
    with Project.open(tmp_path) as project:
        assert project.add(source).added == 12
        project.embed()
        steps: list[str] = []
        again = project.add(source, progress=lambda step, done, total: steps.append(step))
        assert (again.added, again.skipped, project.remaining) == (0, 12, 0)
        project.embed(progress=lambda step, done, total: steps.append(step))
        assert "embedding" not in steps
