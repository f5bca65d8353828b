"""Times docreview's embedding against bare `SentenceTransformer.encode`: same model, device, precision and texts.

    python benchmarks/embedding.py [--corpus FILE.jsonl[.gz]] [--texts 512] [--rounds 3] [--dtype bfloat16]

Each round embeds another slice of texts both ways, taking turns at going first, so that a busy moment of the machine
meets both; texts that the model would cut are left out, since the peer would not read them whole. Prints a row for
docs/benchmarks.md, with the processor time too, and exits with 1 where docreview takes over 5 % more wall time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

GOAL = 1.05  # times the peer's seconds


def read(path: Path) -> list[str]:
    """Texts of a JSON-lines file, titles before them."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        return ["\n".join(filter(None, (d.get("title"), d["text"]))) for d in map(json.loads, lines)]


def made(count: int) -> list[str]:
    """Sentences of made-up prose, 20 to 200 words long."""
    prose = "the court of appeal found that party had no right to claim damages under this agreement because notice"
    words = prose.split()
    rng = random.Random(0)
    return [" ".join(rng.choices(words, k=rng.randint(20, 200))).capitalize() + "." for _ in range(count)]


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> int:
    """Take turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--texts", type=int, default=512, help="texts a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="packaged")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
    options = parser.parse_args()

    import torch
    from sentence_transformers import SentenceTransformer

    from docreview.cache import Cache, TextSource
    from docreview.embedders import SentenceTransformers
    from docreview.views import Semantic

    embedder = SentenceTransformers(options.model, options.device, options.dtype)
    bare = SentenceTransformer(
        str(embedder.folder), device=options.device, model_kwargs={"dtype": getattr(torch, options.dtype)}
    )
    wanted = options.texts * options.rounds
    texts = read(options.corpus) if options.corpus else made(2 * wanted)
    fitting = [t for t, n in zip(texts, embedder.count_tokens(texts), strict=True) if 0 < n <= embedder.max_tokens]
    tokens = embedder.count_tokens(fitting[:wanted])
    bare.encode(fitting[:32], show_progress_bar=False)  # what loads late is loaded
    with tempfile.TemporaryDirectory() as folder:
        Semantic(embedder).build(TextSource([*fitting[:32], "A sentence. " * 400]), Cache(folder))

    peer: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    for turn in range(options.rounds):
        part = fitting[turn * options.texts : (turn + 1) * options.texts]

        def run_peer(part: list[str] = part) -> None:
            bare.encode(part, batch_size=embedder.batch_size, show_progress_bar=False)

        def run_ours(part: list[str] = part) -> None:
            with tempfile.TemporaryDirectory() as folder:
                Semantic(embedder).build(TextSource(part), Cache(folder))

        for run, times in [(run_peer, peer), (run_ours, ours)][:: 1 if turn % 2 == 0 else -1]:
            times.append(timed(run))
    ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, peer, strict=True))
    of_processor = sum(a[1] for a in ours) / sum(b[1] for b in peer)
    speeds = [options.texts * options.rounds / sum(wall for wall, _ in times) for times in (peer, ours)]
    print(f"{len(tokens)} texts, {tokens.mean():.0f} tokens in the mean, {options.dtype}, {os.cpu_count()} cores")
    print("| bare encode | docreview | wall time, median of rounds | processor time |\n|---|---|---|---|")
    print(f"| {speeds[0]:.1f} texts/s | {speeds[1]:.1f} texts/s | {ratio:.3f} x | {of_processor:.3f} x |")
    return int(ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())
