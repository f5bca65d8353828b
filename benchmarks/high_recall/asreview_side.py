"""ASReview 3's half, by its own code: its cycle, its model by name, its `Simulate`.

    python asreview_side.py MODEL TARGET SEED [SEED ...]

Run by run.py, in an environment that has asreview. Writes for each seed which documents were read, in order.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time

import targets


def main(model: str, name: str, *seeds: str) -> None:
    """Simulate, and write the results."""
    import asreview as asr
    import pandas as pd
    from asreview.models.models import AI_MODEL_CONFIGURATIONS

    target, version = targets.BY_NAME[name], importlib.metadata.version("asreview")
    known = targets.wanted(target)
    ids, labels = list(known), [int(value) for value in known.values()]
    # the text begins with the title, so that all the words it would join are there once
    frame = pd.DataFrame({"title": "", "abstract": [targets.texts(target.path)[i][0] for i in ids]})
    meta = next(entry for entry in AI_MODEL_CONFIGURATIONS if entry["name"] == model)["value"]
    cycle = asr.ActiveLearningCycle.from_meta(meta)
    features = cycle.transform(frame)
    steps = targets.batches(len(ids))
    for seed in map(int, seeds):
        began, cpu = time.perf_counter(), time.process_time()
        cycle = asr.ActiveLearningCycle.from_meta(meta, skip_feature_extraction=True)
        cycle.n_query = lambda results: next(size for at, size in reversed(steps) if len(results) >= at)
        simulation = asr.Simulate(features, labels, [cycle], skip_transform=True, print_progress=False)
        simulation.label([ids.index(i) for i in targets.priors(target, seed)])
        simulation.review()
        rows = simulation._results.dropna(axis=0, subset="training_set")["record_id"].tolist()
        rounds = int(simulation._results["training_set"].nunique())
        seconds, spent = time.perf_counter() - began, time.process_time() - cpu
        path = targets.result_of(model, target, seed, version)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".part")
        order = [ids[row] for row in rows]
        half.write_text(
            json.dumps({"order": order, "priors": 2, "rounds": rounds, "seconds": seconds, "cpu": spent}), "utf-8"
        )
        os.replace(half, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
