"""Small corpora made from a seed, for several tests."""

from __future__ import annotations

import numpy as np

from docreview import Document

TOPICS = {
    "copyleft": "copyleft share alike derivative source derived works same terms license distribute modifications",
    "permissive": "permission granted free charge without restriction merge publish sublicense warranty notice",
}
FILLER = "the of and to in that is for it as with be by on are this an or from which software may shall any"


def make_documents(n: int, seed: int = 0, share: float = 0.2, start: int = 0) -> tuple[list[Document], dict[str, str]]:
    """`n` short documents, a `share` of which is about copyleft ("yes"), and the truth by id."""
    rng = np.random.default_rng([seed, start])
    documents, truth = [], {}
    for i in range(start, start + n):
        relevant = rng.random() < share
        topic = TOPICS["copyleft" if relevant else "permissive"].split()
        other = TOPICS["permissive" if relevant else "copyleft"].split()
        words = [*rng.choice(topic, 5), *rng.choice(other, 2), *rng.choice(FILLER.split(), 12)]
        rng.shuffle(words)
        documents.append(Document(f"doc-{i:05}", " ".join(map(str, words)) + f" number {i}.", f"Title {i}"))
        truth[f"doc-{i:05}"] = "yes" if relevant else "no"
    return documents, truth


#: a project file over the lexical view alone: no encoder, so that a test takes milliseconds
LEXICAL = """
[views.lexical]
[questions.copyleft]
prompt = "Does it impose copyleft?"
labels = ["yes", "no"]
target = "yes"
batch_size = 20
"""
