import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from docreview.cache import Cache, TextSource
from docreview.embedders import SentenceTransformers
from docreview.errors import EmbeddingError
from docreview.views import Semantic, make_semantic

ADDS = ((0, 10), (10, 22), (22, 30))


def texts() -> list[str]:
    """30 texts, some of them longer than the model can see at once."""
    topics = [
        "a cat sat on the mat",
        "the court dismissed the appeal",
        "interest rates rose again",
        "rain in the hills",
    ]
    long = "The parties agree to the terms. Each party may end this agreement in writing. "
    return [f"Note {i}: {topics[i % 4]}." + (" " + long * 25 if i % 15 == 7 else "") for i in range(30)]


@pytest.fixture(scope="module")
def packaged() -> SentenceTransformers:
    return SentenceTransformers(device="cpu", dtype="float32")


def test_nothing_heavy_is_loaded_to_find_fingerprint_and_count() -> None:
    program = """
import sys
from docreview.embedders import SentenceTransformers
embedder = SentenceTransformers(device="cpu", dtype="float32")
assert len(embedder.fingerprint) == 40
print(embedder.measure(["hello world", "አማርኛ ቋንቋ"])[1].tolist())
print([m for m in ("torch", "transformers", "sentence_transformers") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["[0, 2]", "[]"]


def test_embedding_needs_no_network_and_prints_nothing() -> None:
    program = """
import socket
def refused(*a, **k): raise AssertionError("network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refused
from docreview.embedders import SentenceTransformers
SentenceTransformers(device="cpu", dtype="bfloat16").embed(["hello"])
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_near_texts_get_near_vectors(packaged: SentenceTransformers) -> None:
    vectors = packaged.embed(["A cat sat on the mat.", "A kitten rests on a rug.", "Interest rates rose again."])
    assert vectors.shape == (3, packaged.dim) == (3, 384)
    assert vectors.dtype == np.float32
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2] + 0.2
    np.testing.assert_allclose(packaged.embed(["A cat sat on the mat."], query=True)[0], vectors[0], atol=1e-5)
    assert packaged.embed([]).shape == (0, 384)


def test_tokens_are_counted_as_the_model_counts_them(packaged: SentenceTransformers) -> None:
    several = ["Hello, world!", "Ünïcödé naïveté", "ቋንቋ ነው", "", "a\x00b\u200bc 😀", "word " * 400, "हिन्दी में"]
    model = packaged._loaded
    wanted = [len(model.tokenizer(text, add_special_tokens=False, truncation=False)["input_ids"]) for text in several]
    assert packaged.count_tokens(several).tolist() == wanted
    fits = ["x " * packaged.max_tokens, "x " * (packaged.max_tokens + 1)]
    assert packaged.count_tokens(fits).tolist() == [packaged.max_tokens, packaged.max_tokens + 1]
    # one token more than fits is not seen, one that fits is
    ends = [fits[0][:-2] + "cat", fits[0][:-2] + "law", fits[0] + "cat", fits[0] + "law"]
    vectors = packaged.embed(ends)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-4)
    np.testing.assert_allclose(vectors[2], vectors[3], atol=1e-5)


def test_the_fingerprint_follows_content_not_place(packaged: SentenceTransformers, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for path in packaged.folder.rglob("*"):
        target = copy / path.relative_to(packaged.folder)
        if path.is_dir():
            target.mkdir()
        else:
            os.link(path, target) if path.suffix == ".safetensors" else shutil.copy(path, target)
    moved = SentenceTransformers(str(copy), "cpu", "float32")
    assert moved.fingerprint == packaged.fingerprint
    (copy / "README.md").write_text("another readme")
    assert SentenceTransformers(str(copy), "cpu", "float32").fingerprint == packaged.fingerprint
    config = json.loads((copy / "sentence_bert_config.json").read_text())
    (copy / "sentence_bert_config.json").write_text(json.dumps({**config, "max_seq_length": 128}))
    assert SentenceTransformers(str(copy), "cpu", "float32").fingerprint != packaged.fingerprint
    others = [SentenceTransformers(dtype="bfloat16"), SentenceTransformers(dtype="float32", max_length=64)]
    assert len({packaged.fingerprint, *(other.fingerprint for other in others)}) == 3


def test_max_length_is_kept_to(packaged: SentenceTransformers) -> None:
    short = SentenceTransformers(device="cpu", dtype="float32", max_length=32)
    assert short.max_tokens == 30
    assert packaged.max_tokens == 254


def test_precision_is_tried_once_and_can_be_pinned(tmp_path: Path) -> None:
    view, cache = make_semantic(), Cache(tmp_path)
    source = TextSource(texts()[:8])
    assert view.remaining(source, cache) == 8
    with pytest.raises(EmbeddingError, match="not settled"):
        _ = view.embedder.fingerprint
    found = view.resolve(cache)
    assert found["device"] in ("cpu", "cuda")
    assert found["dtype"] in ("float32", "bfloat16")
    assert make_semantic().resolve(Cache(tmp_path)) == found
    forced = view.pin({"device": "cpu", "dtype": "float32"})
    assert forced.embedder == SentenceTransformers(device="cpu", dtype="float32")
    assert forced.pin(found) is forced
    assert make_semantic(dtype="bfloat16", device="cpu").pin(
        {"device": "cuda", "dtype": "float32"}
    ).embedder.resolve() == {
        "device": "cpu",
        "dtype": "bfloat16",
    }


PROGRAM = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_embedders import ADDS, texts
from docreview.cache import Cache, TextSource
from docreview.embedders import SentenceTransformers
from docreview.views import Semantic
def killed(step, done, total):
    if done > 10:
        os.kill(os.getpid(), signal.SIGKILL)
view = Semantic(SentenceTransformers(device="cpu", dtype="float32"))
view.build(TextSource(texts(), adds=ADDS), Cache(sys.argv[1]), killed)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_killed_while_embedding_the_packaged_model_resumes_with_the_same_bits(
    packaged: SentenceTransformers, tmp_path: Path
) -> None:
    program = PROGRAM.format(tests=str(Path(__file__).parent))
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "killed")], capture_output=True, timeout=120)
    assert ended.returncode < 0, ended.stderr.decode()
    source, view, cache = TextSource(texts(), adds=ADDS), Semantic(packaged), Cache(tmp_path / "killed")
    assert view.remaining(source, cache) == 20
    resumed = view.build(source, cache)
    fresh = view.build(source, Cache(tmp_path / "fresh"))
    np.testing.assert_array_equal(resumed.matrix, fresh.matrix)
    np.testing.assert_array_equal(resumed.chunks, fresh.chunks)
    assert resumed.fingerprint == fresh.fingerprint
    assert np.bincount(fresh.chunk_rows)[[7, 22]].min() > 1
    # a document's vector is the plain one where nothing was cut
    np.testing.assert_allclose(fresh.matrix[:5], packaged.embed(texts()[:5]), atol=1e-4)


def test_amharic_sets_the_packaged_model_aside(packaged: SentenceTransformers, tmp_path: Path) -> None:
    amharic = TextSource(["ሰላም ለዓለም ነው", "ይህ መጽሐፍ ጥሩ ነው"] * 4, language="am")
    reason = Semantic(packaged).aside(amharic, Cache(tmp_path))
    assert reason is not None
    assert "100%" in reason
    assert Semantic(packaged).aside(TextSource(texts()), Cache(tmp_path)) is None


@pytest.mark.parametrize(
    ("model", "message"),
    [("no/such/folder", "there is no folder"), ("./nowhere", "there is no folder"), ("{empty}", "holds no model")],
)
def test_a_folder_without_a_model(model: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=message):
        _ = SentenceTransformers(model.format(empty=tmp_path)).folder


def test_a_broken_model_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EmbeddingError, match="cannot be loaded") as caught:
        SentenceTransformers(str(tmp_path), "cpu", "float32").embed(["hello"])
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(EmbeddingError, match="on device 'cuda:99'") as caught:
        SentenceTransformers(device="cuda:99", dtype="float32").embed(["hello"])
    assert "\n" not in str(caught.value)


def in_hub(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program whose hub is a port where nobody listens."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_CACHE": str(folder),
        "HF_HOME": str(folder),
    }
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, env=environment)


def test_a_hub_that_cannot_be_reached_is_one_clear_line(tmp_path: Path) -> None:
    done = in_hub(
        """
from docreview.embedders import SentenceTransformers
from docreview.errors import EmbeddingError
try:
    SentenceTransformers("some-team/some-model").folder
except EmbeddingError as error:
    print(error)
""",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert "'some-team/some-model' is not on this machine and cannot be fetched" in done.stdout
    assert 'or to "packaged"' in done.stdout
    assert done.stderr == ""


def test_a_hub_model_fetched_before_is_used_without_a_network(packaged: SentenceTransformers, tmp_path: Path) -> None:
    repository, commit = tmp_path / "models--some-team--some-model", "0123456789abcdef0123456789abcdef01234567"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots").mkdir()
    (repository / "snapshots" / commit).symlink_to(packaged.folder)
    program = """
from docreview.embedders import SentenceTransformers
print(SentenceTransformers("some-team/some-model", "cpu", "float32").fingerprint)
"""
    done = in_hub(program, tmp_path)
    assert done.stdout.strip() == packaged.fingerprint, done.stderr


@pytest.mark.parametrize("wrong", [{"dtype": "int8"}, {"backend": "jax"}, {"batch_size": 0}, {"max_length": 1}])
def test_settings_out_of_range(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SentenceTransformers(**wrong)


def test_another_embedder_takes_no_settings_of_the_built_in(packaged: SentenceTransformers) -> None:
    assert make_semantic(embedder=packaged).embedder is packaged
    with pytest.raises(ValueError, match="belong in the table of 'embedder'"):
        make_semantic(model="other", embedder=packaged)
