"""docreview's half: the same work on the same file, through the public interface, in one process.

python docreview_side.py documents.csv plan.json folder result.json
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from measure import Stages, cpu_seconds

SETTINGS = """
format = 1
[corpus]
language = "en"
[views.lexical]
[questions.wanted]
labels = ["yes", "no"]
target = "yes"
batch_size = BATCH
"""


def main(documents: str, plan_file: str, folder: str, result: str) -> None:
    """Measure, and write the result."""
    import docreview
    from docreview import Label, Project

    plan = json.loads(Path(plan_file).read_text("utf-8"))
    place = Path(folder) / "docreview"
    place.mkdir()
    # the lexical view alone, as ELAS u4 has it
    (place / "docreview.toml").write_text(SETTINGS.replace("BATCH", str(plan["batch"])), "utf-8")
    stages = Stages()

    project = Project.open(place)
    began: dict[str, tuple[float, float]] = {}

    def progress(step: str, done: int, total: int) -> None:
        began.setdefault(step, (time.perf_counter(), cpu_seconds()))

    with stages.stage("add to first document"):
        start, cpu = time.perf_counter(), cpu_seconds()
        project.add(documents, columns={"id": "id", "title": "title", "text": "abstract"}, progress=progress)
        # `add` builds the lexical view as well, and tells so once its first block is done: that block counts as import
        clock, processor = began["words"]
        stages.add("import", clock - start, processor - cpu)
        stages.add("features", time.perf_counter() - clock, cpu_seconds() - processor)
        review = project.review()
        first = review.next_batch()
        review.document(first.document_ids[0])

    ids = project.store.ids()
    wanted = dict(zip(ids, ("yes" if value else "no" for value in plan["wanted"]), strict=True))
    review.record(*(Label(ids[row], wanted[ids[row]], "bench") for row in plan["first"]))
    review.record(*(Label(name, wanted[name], "bench") for name in review.pending))

    for _ in range(plan["rounds"]):
        with stages.stage("round"):  # fit, score every document, select, write the batch into the record
            batch = review.next_batch()
        for _ in range(len(batch)):
            with stages.stage("next document"):
                name = review.next_batch().document_ids[0]
                review.document(name)
            with stages.stage("take the answer"):
                review.record(Label(name, wanted[name], "bench"))

    matrix = project.corpus.vectors("lexical").matrix
    stages.write(result, version=docreview.__version__, features=list(matrix.shape))


if __name__ == "__main__":
    main(*sys.argv[1:])
