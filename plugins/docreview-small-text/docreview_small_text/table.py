"""What of small-text 1.4.1 is not served, and why. A test holds it against the classes that small-text has."""

from __future__ import annotations

_BASE = "An abstract base class: it has no way of choosing of its own. Its subclasses are served or listed here."
_GRADIENTS = (
    "It back-propagates through `clf.model`, a PyTorch module, once for each document and class. docreview's model is "
    "a set of classifiers over views and has no such module; `ReviewState` gives probabilities, not gradients."
)

#: class of small-text -> the reason why docreview cannot be given it
NOT_SERVED: dict[str, str] = {
    "ConfidenceBasedQueryStrategy": _BASE,
    "EmbeddingBasedQueryStrategy": _BASE,
    "BALD": (
        "It needs `predict_proba(dataset, dropout_sampling=m)`: m random passes through a network with dropout. "
        "docreview's model gives one probability for each label, and `ReviewState` holds no committee of models."
    ),
    "CategoryVectorInconsistencyAndRanking": (
        "It is for multi-label data only and raises for anything else. A docreview question has one answer a document."
    ),
    "ExpectedGradientLength": _GRADIENTS,
    "ExpectedGradientLengthMaxWord": (
        f"{_GRADIENTS} It wants an embedding layer of words too, and moves its labels to CUDA whatever the device."
    ),
    "ExpectedGradientLengthLayer": _GRADIENTS,
    "BADGE": (
        "It could be asked, but it is not BADGE. With two labels it ignores the model: its gradient embedding is the "
        "document's vector as it is. With more it scales by -p where the paper has 1 - p for the likeliest label, so "
        "that the surest document has the longest vector where it should have the shortest. It also draws from a "
        "generator that cannot be seeded."
    ),
}
