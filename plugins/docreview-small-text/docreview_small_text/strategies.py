"""The strategies as docreview sees them: frozen dataclasses whose fields are the settings.

All need labels of two classes at least, unless their docstring says otherwise. `candidates` is the number of
documents, drawn at random from the pool, that a strategy looks at: its cost grows faster than the pool or has a large
constant. `view` names the view whose vectors are used; without it, the first dense one is, and while there is none, the
first sparse one, projected at random to 256 dimensions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

if TYPE_CHECKING:
    import numpy as np

    from docreview import Selection
    from docreview.types import ReviewState

#: strategies that may choose from what another one left
Base = Literal[
    "breaking-ties",
    "least-confidence",
    "prediction-entropy",
    "random-sampling",
    "embedding-kmeans",
    "greedy-coreset",
    "lightweight-coreset",
    "contrastive-active-learning",
    "discriminative-active-learning",
]
#: those that need no label
_FREE = frozenset({"random-sampling", "embedding-kmeans", "lightweight-coreset"})


@dataclass(frozen=True)
class _SmallText:
    name: ClassVar[str]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int) and value < 1:
                raise ValueError(f"setting '{field.name}' must be at least 1, got {value}")
            if field.name == "base" and value not in get_args(Base):
                raise ValueError(f"setting 'base' must be one of {', '.join(get_args(Base))}, got '{value}'")

    @property
    def needs(self) -> frozenset[str]:
        """A model, or nothing."""
        return frozenset() if getattr(self, "base", self.name) in _FREE else frozenset({"model"})

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Ask small-text; raise `BadSetting` where the view it is to use cannot be."""
        from docreview_small_text.adapter import ask

        settings = asdict(self)
        view, candidates = settings.pop("view", None), settings.pop("candidates", None)
        return ask(self.name, state, n, rng, settings, view=view, candidates=candidates)


@dataclass(frozen=True)
class RandomSampling(_SmallText):
    """Any document, each as likely. Needs no labels."""

    name = "random-sampling"

    def select(self, state: ReviewState, n: int, rng: np.random.Generator) -> Selection:
        """Draw without replacement; every document's draw probability is n / pool."""
        import numpy as np

        chosen = super().select(state, n, rng)
        drawn = np.full(chosen.rows.size, chosen.rows.size / max(state.candidates.size, 1), dtype=np.float32)
        return replace(chosen, probabilities=drawn)


@dataclass(frozen=True)
class BreakingTies(_SmallText):
    """The documents whose two likeliest labels are nearest to each other; the score is 1 - the difference.

    Paper: Luo, Kramer, Goldgof, Hall and others 2005, Active Learning to Recognize Multiple Types of Plankton.
    """

    name = "breaking-ties"


@dataclass(frozen=True)
class LeastConfidence(_SmallText):
    """The documents whose likeliest label is least likely; the score is 1 - its probability.

    Paper: Lewis and Gale 1994, A Sequential Algorithm for Training Text Classifiers.
    """

    name = "least-confidence"


@dataclass(frozen=True)
class PredictionEntropy(_SmallText):
    """The documents whose probabilities are spread most evenly; the score is their entropy in nats.

    Paper: Holub, Perona and Burl 2008, Entropy-Based Active Learning for Object Recognition.
    """

    name = "prediction-entropy"


@dataclass(frozen=True)
class EmbeddingKMeans(_SmallText):
    """The documents nearest to the centers of n clusters (k-means) of the candidates. Needs no labels.

    Paper: Yuan, Lin and Boyd-Graber 2020, Cold-start Active Learning through Self-supervised Language Modeling.
    """

    name = "embedding-kmeans"
    candidates: int = 10_000
    view: str | None = None


@dataclass(frozen=True)
class ContrastiveActiveLearning(_SmallText):
    """The documents whose `k` nearest documents, itself among them, are given the most different probabilities.

    small-text takes the neighbors from candidates and labeled documents; the paper takes labeled ones only.

    Paper: Margatina, Vernikos, Barrault and Aletras 2021, Active Learning by Acquiring Contrastive Examples.
    """

    name = "contrastive-active-learning"
    k: int = 10
    candidates: int = 5_000
    view: str | None = None


@dataclass(frozen=True)
class DiscriminativeActiveLearning(_SmallText):
    """The documents that a classifier tells from the labeled ones most surely, in `num_iterations` parts.

    The classifier is a logistic regression on the vectors, fitted anew for each part to what is labeled or chosen
    and to `unlabeled_factor` times as many candidates. With fewer documents asked for than parts, there are as many
    parts as documents.

    Paper: Gissin and Shalev-Shwartz 2019, Discriminative Active Learning.
    """

    name = "discriminative-active-learning"
    num_iterations: int = 10
    unlabeled_factor: int = 10
    view: str | None = None


@dataclass(frozen=True)
class GreedyCoreset(_SmallText):
    """The documents farthest from all that is labeled or chosen, one by one (k-center, Euclidean distance).

    Vectors have length one, so that cosine distance would order them alike: there is no setting for it.

    Paper: Sener and Savarese 2018, Active Learning for Convolutional Neural Networks: A Core-Set Approach.
    """

    name = "greedy-coreset"
    candidates: int = 1_000
    view: str | None = None


@dataclass(frozen=True)
class LightweightCoreset(_SmallText):
    """A random draw that favors documents far from the mean of the pool. Needs no labels.

    Paper: Bachem, Lucic and Krause 2018, Scalable k-Means Clustering via Lightweight Coresets.
    """

    name = "lightweight-coreset"
    view: str | None = None


@dataclass(frozen=True)
class SubsamplingQueryStrategy(_SmallText):
    """What `base` chooses, with its defaults, from `subsample_size` documents of the pool drawn at random.

    A batch larger than that raises the size to the batch's.
    """

    name = "subsampling"
    base: Base = "breaking-ties"
    subsample_size: int = 4_096
    view: str | None = None


@dataclass(frozen=True)
class SEALS(_SmallText):
    """What `base` chooses, with its defaults, from the `k` nearest pool documents of each labeled one.

    A batch larger than `k` raises it to the batch's size. The search is exact.

    Paper: Coleman, Chou and others 2022, Similarity Search for Efficient Active Learning and Search of Rare Concepts.
    """

    name = "seals"
    base: Base = "breaking-ties"
    k: int = 100
    view: str | None = None

    @property
    def needs(self) -> frozenset[str]:
        """A model: it starts from labeled documents, whatever the base needs."""
        return frozenset({"model"})


@dataclass(frozen=True)
class AnchorSubsampling(_SmallText):
    """What `base` chooses, with its defaults, from up to `subsample_size` documents near to anchors.

    Of each label's documents `num_anchors` spread ones (k-means++) are its anchors; the `k` nearest pool documents of
    each are kept. A batch larger than `k` or `subsample_size` raises them to the batch's size. The search is exact.

    Paper: Lesci and Vlachos 2024, AnchorAL: Efficient Active Learning for Large and Imbalanced Datasets.
    """

    name = "anchor-subsampling"
    base: Base = "breaking-ties"
    subsample_size: int = 500
    num_anchors: int = 10
    k: int = 50
    view: str | None = None

    @property
    def needs(self) -> frozenset[str]:
        """A model: it starts from labeled documents, whatever the base needs."""
        return frozenset({"model"})


#: name without the prefix -> factory
STRATEGIES: dict[str, type[_SmallText]] = {
    strategy.name: strategy
    for strategy in (
        RandomSampling,
        BreakingTies,
        LeastConfidence,
        PredictionEntropy,
        EmbeddingKMeans,
        ContrastiveActiveLearning,
        DiscriminativeActiveLearning,
        GreedyCoreset,
        LightweightCoreset,
        SubsamplingQueryStrategy,
        SEALS,
        AnchorSubsampling,
    )
}
