"""ASReview 3's half, by ASReview's own code: what its server does from import to the next record, in one process.

    python asreview_side.py documents.csv plan.json folder result.json

Run by run.py, in an environment that has asreview.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

from measure import Stages


def main(documents: str, plan_file: str, folder: str, result: str) -> None:
    """Measure, and write the result."""
    import asreview as asr
    from asreview.models.models import AI_MODEL_CONFIGURATIONS

    plan = json.loads(Path(plan_file).read_text("utf-8"))
    u4 = next(entry for entry in AI_MODEL_CONFIGURATIONS if entry["name"] == "elas_u4")["value"]
    stages = Stages()
    project = asr.Project.create(Path(folder) / "asreview")
    with stages.stage("import"):
        project.add_dataset(documents)

    # the lines of `asreview.webapp._tasks.run_model`
    cycle = asr.ActiveLearningCycle.from_meta(u4)
    with stages.stage("features"):
        matrix = cycle.transform(project.db.input.get_df())
    with stages.stage("save features"):
        project.add_feature_matrix(matrix, cycle.feature_extractor.name)
    with stages.stage("load features"):  # once for every retraining there; counted once here, in no round
        matrix = project.get_feature_matrix(cycle.feature_extractor.name)

    record_ids = project.db.input["record_id"].tolist()  # in the order of the file
    wanted = dict(zip(record_ids, plan["wanted"], strict=True))
    with project.db as db:
        for row in plan["first"]:
            db.label_record(record_ids[row], plan["wanted"][row])

    for _ in range(plan["rounds"]):
        with project.db as db:
            labeled = db.get_results_table(columns=["record_id", "label"])
        cycle = asr.ActiveLearningCycle.from_meta(u4, skip_feature_extraction=True)
        with stages.stage("fit"):
            cycle.fit(matrix[labeled["record_id"].values], labeled["label"].values)
        with stages.stage("rank"):
            ranked = cycle.rank(matrix)
        with stages.stage("write ranking"), project.db as db:
            db.add_last_ranking(ranked, u4.classifier, u4.querier, u4.balancer, u4.feature_extractor, len(labeled))
        for _ in range(plan["batch"]):
            # the lines of `api_get_record`; the server opens the database for each request, which is not counted here
            with project.db as db, stages.stage("next document"):
                pending = db.get_pending()
                if pending.empty:
                    pending = db.query_top_ranked()
                record = int(pending["record_id"].iloc[0])
                db.input.get_records(record)
            with project.db as db, stages.stage("take the answer"):
                db.label_record(record, wanted[record])

    stages.write(result, version=importlib.metadata.version("asreview"), features=list(matrix.shape))


if __name__ == "__main__":
    main(*sys.argv[1:])
