import os
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import regex
from embedding_support import Toy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from script_support import SAMPLES, mixed, samples

from docreview.cache import Cache, TextSource
from docreview.errors import ContractViolation, EmbeddingError
from docreview.text import tokens, words
from docreview.types import Vectors
from docreview.views import Characters, Lexical, Semantic
from docreview.views import semantic as semantic_module
from docreview.views import tfidf as tfidf_module
from docreview.views.characters import normalized

WORDS = [f"{a}{b}" for a in "bcdfghjklm" for b in ["ar", "el", "in", "or", "ut", "ass", "end"]]


def make_texts(n: int, seed: int = 0, longest: int = 50) -> list[str]:
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(WORDS) + 1)
    lengths = rng.integers(0, longest, n)
    return [" ".join(rng.choice(WORDS, k, p=weights / weights.sum()).tolist()) + "." for k in lengths]


def same(a: Vectors, b: Vectors) -> None:
    assert a.fingerprint == b.fingerprint
    if a.dense:
        np.testing.assert_array_equal(a.matrix, b.matrix)
        assert (a.chunks is None) == (b.chunks is None)
        if a.chunks is not None:
            np.testing.assert_array_equal(a.chunks, b.chunks)
            np.testing.assert_array_equal(a.chunk_rows, b.chunk_rows)
    else:
        assert a.matrix.shape == b.matrix.shape
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(a.matrix, part), getattr(b.matrix, part))


# -------------------------------------------------------------------------------------------------------------- lexical


@pytest.mark.parametrize(("ngrams", "max_df", "min_df"), [(1, 1.0, 1), (2, 0.95, 1), (3, 0.4, 2), (2, 0.5, 5)])
def test_the_weights_are_those_of_scikit_learn(
    ngrams: int, max_df: float, min_df: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    monkeypatch.setattr(tfidf_module, "_BLOCK", 37)
    texts = make_texts(200)
    built = Lexical(ngrams, max_df, min_df).build(TextSource(texts), Cache(tmp_path)).matrix
    vectorizer = TfidfVectorizer(
        analyzer="word", tokenizer=words, token_pattern=None, lowercase=False, ngram_range=(1, ngrams),
        sublinear_tf=True, max_df=max_df, min_df=min_df,
    )  # fmt: skip
    wanted = vectorizer.fit_transform(texts)
    assert built.shape == wanted.shape
    assert built.data.dtype == np.float32
    assert built.has_sorted_indices
    # columns come in another order: compare what rows have in common, and the columns as a set
    np.testing.assert_allclose((built @ built.T).toarray(), (wanted @ wanted.T).toarray(), atol=1e-5)
    by_column = [sorted(map(tuple, np.round(m.toarray().T, 4).tolist())) for m in (built, wanted)]
    np.testing.assert_allclose(by_column[0], by_column[1], atol=2e-4)


def test_rows_are_of_unit_length_and_empty_texts_are_empty_rows(tmp_path: Path) -> None:
    matrix = Lexical().build(TextSource(["a bird sings", "", "  \n", "an owl, a bird"]), Cache(tmp_path)).matrix
    lengths = np.sqrt((matrix.toarray() ** 2).sum(axis=1))
    np.testing.assert_allclose(lengths, [1, 0, 0, 1], atol=1e-6)


@pytest.mark.parametrize("texts", [[], [""], ["one"], ["same words", "same words"], ["", ""]])
def test_tiny_corpora(texts: list[str], tmp_path: Path) -> None:
    matrix = Lexical().build(TextSource(texts), Cache(tmp_path)).matrix
    assert matrix.shape[0] == len(texts)
    assert matrix.shape[1] >= 1
    if texts == ["one"]:
        assert matrix.toarray().tolist() == [[1]]


def test_adding_documents_counts_those_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf_module, "_BLOCK", 50)
    texts = make_texts(230)
    cache, view = Cache(tmp_path), Lexical()
    before = TextSource(texts[:130], adds=((0, 130),))
    after = TextSource(texts, adds=((0, 130), (130, 230)))
    assert view.remaining(before, cache) == 130
    old = view.build(before, cache)
    assert view.remaining(before, cache) == 0
    assert view.remaining(after, cache) == 100
    counted: list[int] = []
    real = Lexical.count
    monkeypatch.setattr(Lexical, "count", lambda self, t: counted.append(len(t)) or real(self, t))
    new = view.build(after, cache)
    assert counted == [50, 50]
    assert new.fingerprint != old.fingerprint
    fresh = Cache(tmp_path / "fresh")
    same(new, view.build(after, fresh))
    same(old, view.build(before, fresh))


def test_the_order_of_words_matters_only_to_runs(tmp_path: Path) -> None:
    source = TextSource(["red fox", "fox red", "blue owl"])
    one = Lexical(ngrams=1).build(source, Cache(tmp_path)).matrix
    two = Lexical(ngrams=2).build(source, Cache(tmp_path)).matrix
    assert (one[[0]] @ one[[1]].T).toarray().item() == pytest.approx(1)
    assert 0 < (two[[0]] @ two[[1]].T).toarray().item() < 0.9


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=8), st.integers(1, 3))
def test_what_words_add_sums_to_the_row(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], ngrams: int
) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache"))
    view = Lexical(ngrams, max_df=1.0).build(TextSource(texts), cache)
    assert view.explain is not None
    for row, text in enumerate(texts):
        spans, weights = view.explain(text)
        assert weights.shape == (len(spans), view.matrix.shape[1])
        assert all(0 <= a < b <= len(text) for a, b in spans)
        np.testing.assert_allclose(weights.sum(axis=0), view.matrix[[row]].toarray()[0], atol=1e-5)


def test_explaining_names_the_words(tmp_path: Path) -> None:
    view = Lexical().build(TextSource(["the owl sings", "the fox barks", "the owl sleeps"]), Cache(tmp_path))
    assert view.explain is not None
    text = "An OWL, unheard of, barks"
    spans, weights = view.explain(text)
    assert [text[a:b] for a, b in spans] == ["An", "OWL", "unheard", "of", "barks"]
    told = np.asarray(weights.sum(axis=1)).ravel()
    assert told[[0, 2, 3]].tolist() == [0, 0, 0]
    assert told[4] > told[1] > 0  # the rarer word weighs more
    assert view.explain("")[0] == []


@pytest.mark.parametrize("wrong", [{"ngrams": 0}, {"max_df": 0.0}, {"max_df": 1.5}, {"min_df": 0}])
def test_lexical_settings_out_of_range(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Lexical(**wrong)


# ------------------------------------------------------------------------------------------------------------- semantic


def test_every_chunk_takes_part(tmp_path: Path) -> None:
    first, second = "bar bar bar bar.", "zut zut zut zut."
    long = " ".join([first] * 8 + [second] * 4)
    toy = Toy(max_tokens=20)
    built = Semantic(toy, pooling="mean").build(TextSource([first, long, "", second]), Cache(tmp_path))
    assert built.chunks is not None
    assert built.chunk_rows is not None
    assert built.chunk_rows.tolist() == sorted(built.chunk_rows.tolist())
    cut = int((built.chunk_rows == 1).sum())
    assert cut >= 3
    assert (built.chunk_rows != 2).all()
    np.testing.assert_allclose(np.linalg.norm(built.matrix, axis=1), [1, 1, 0, 1], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(built.chunks, axis=1), 1, atol=1e-6)
    mean = built.chunks[built.chunk_rows == 1].mean(axis=0)
    np.testing.assert_allclose(built.matrix[1], mean / np.linalg.norm(mean), atol=1e-6)
    likeness = built.matrix @ built.matrix.T
    assert likeness[0, 1] > likeness[1, 3] > 0.2


def test_poolings_differ_and_share_what_was_embedded(tmp_path: Path) -> None:
    source, cache = TextSource(make_texts(40, longest=90)), Cache(tmp_path)
    mean = Semantic(Toy(), "mean").build(source, cache)
    other = Toy()
    weighted, first = (
        Semantic(other, "weighted-mean").build(source, cache),
        Semantic(other, "first").build(source, cache),
    )
    assert other.seen == []
    assert len({v.fingerprint for v in (mean, weighted, first)}) == 3
    assert not np.allclose(mean.matrix, weighted.matrix)
    starts = np.unique(first.chunk_rows, return_index=True)
    np.testing.assert_allclose(first.matrix[starts[0]], first.chunks[starts[1]], atol=1e-6)


def test_texts_that_fit_have_no_chunks(tmp_path: Path) -> None:
    built = Semantic(Toy()).build(TextSource(["owl", "fox fox", ""]), Cache(tmp_path))
    assert built.chunks is None
    assert built.chunk_rows is None


def test_progress_is_in_documents_and_ends_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic_module, "_BLOCK", 50)
    monkeypatch.setattr(semantic_module, "_GROUP", 8)
    told: list[tuple[str, int, int]] = []
    Semantic(Toy()).build(TextSource(make_texts(120)), Cache(tmp_path), lambda *a: told.append(a))
    done = [at for step, at, total in told if step == "embedding" and total == 120]
    assert len(done) == len(told) > 20
    assert done == sorted(done)
    assert done[-1] == 120


def test_the_same_bits_however_often_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic_module, "_BLOCK", 40)
    source = TextSource(make_texts(150), adds=((0, 100), (100, 150)))
    whole = Semantic(Toy()).build(source, Cache(tmp_path / "whole"))
    broken = Cache(tmp_path / "broken")
    for at in (20, 40, 90, 140):

        def stop(step: str, done: int, total: int, at: int = at) -> None:
            if done >= at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Semantic(Toy()).build(source, broken, stop)
    same(Semantic(Toy()).build(source, broken), whole)


PROGRAM = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from embedding_support import Toy
from test_views import make_texts
from docreview.cache import Cache, TextSource
from docreview.views import Semantic
def killed(step, done, total):
    if done >= 600:
        os.kill(os.getpid(), signal.SIGKILL)
Semantic(Toy()).build(TextSource(make_texts(1400)), Cache(sys.argv[1]), killed)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_killed_while_embedding_it_goes_on_from_the_finished_blocks(tmp_path: Path) -> None:
    program = PROGRAM.format(tests=str(Path(__file__).parent))
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "killed")], capture_output=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    source, cache, toy = TextSource(make_texts(1400)), Cache(tmp_path / "killed"), Toy()
    assert Semantic(toy).remaining(source, cache) == 1400 - 512
    resumed = Semantic(toy).build(source, cache)
    fresh = Toy()
    same(resumed, Semantic(fresh).build(source, Cache(tmp_path / "fresh")))
    assert 0 < sum(toy.seen) < 0.7 * sum(fresh.seen)


def test_a_damaged_block_alone_is_embedded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic_module, "_BLOCK", 40)
    source = TextSource(make_texts(120))
    whole = Semantic(Toy()).build(source, Cache(tmp_path))
    damaged = min(tmp_path.glob("chunks/*")) / "vectors.npy"
    damaged.write_bytes(damaged.read_bytes()[:-4])
    for pooled in tmp_path.glob("semantic-*/*/matrix.npy"):
        pooled.write_bytes(b"scribble")
    toy = Toy()
    same(Semantic(toy).build(source, Cache(tmp_path)), whole)
    assert toy.seen
    assert sum(toy.seen) <= 100


def test_text_that_the_model_does_not_know_sets_the_view_aside(tmp_path: Path) -> None:
    known, foreign = ["owl fox hen"] * 20, ["?a ?b owl"] * 20
    cache, toy = Cache(tmp_path), Toy()
    assert Semantic(toy).aside(TextSource(known), cache) is None
    assert Semantic(toy).aside(TextSource(known + foreign), cache) is not None  # 2 of 6 tokens
    reason = Semantic(toy).aside(TextSource(foreign), cache)
    assert reason is not None
    assert "67%" in reason
    assert Semantic(toy, unknown_limit=0.7).aside(TextSource(foreign), cache) is None
    assert Semantic(toy).aside(TextSource([]), cache) is None
    Semantic(toy, unknown_limit=0.7).build(TextSource(foreign), cache)
    told = Semantic(toy, unknown_limit=0.7).describe(TextSource(foreign), cache)
    assert told["unknown_share"] == pytest.approx(2 / 3, abs=1e-3)
    assert told["tokens"] == 60


def test_vectors_that_are_not_finite_are_an_error(tmp_path: Path) -> None:
    class Broken(Toy):
        def embed(self, texts, *, query: bool = False) -> np.ndarray:
            vectors = super().embed(texts)
            vectors[["owl" in text for text in texts]] = np.nan
            return vectors

    with pytest.raises(EmbeddingError, match="document 2 holds NaN"):
        Semantic(Broken()).build(TextSource(["fox", "hen", "owl"]), Cache(tmp_path))


def test_vectors_of_the_wrong_shape_are_an_error(tmp_path: Path) -> None:
    class Broken(Toy):
        def embed(self, texts, *, query: bool = False) -> np.ndarray:
            return super().embed(texts)[:, 1:]

    with pytest.raises(ContractViolation, match="shape"):
        Semantic(Broken()).build(TextSource(["fox"]), Cache(tmp_path))


@pytest.mark.parametrize("wrong", [{"pooling": "median"}, {"unknown_limit": 1.5}])
def test_semantic_settings_out_of_range(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Semantic(Toy(), **wrong)


# ---------------------------------------------------------------------------------------------------------- characters


@pytest.mark.parametrize(("shortest", "longest"), [(1, 3), (2, 5), (3, 3), (4, 6)])
def test_character_weights_are_those_of_scikit_learn(shortest: int, longest: int, tmp_path: Path) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [*make_texts(120), "a I x, :-) !!", "OWL owls owl's", "Ọjọ́ dára gan-an", "ፍርድ ቤቱ ውሳኔውን ሰጥቷል።"]
    texts = [unicodedata.normalize("NFC", text.lower()) for text in texts]
    built = Characters(shortest, longest, max_df=1.0).build(TextSource(texts), Cache(tmp_path)).matrix

    def runs(text: str) -> list[str]:
        # as "char_wb" has them, but without the edges as characters of their own
        sizes = range(shortest, longest + 1)
        words = [f" {word} " for word in text.split()]
        grams = [w[i : i + size] for w in words for size in sizes for i in range(len(w) - size + 1)]
        return [g for g in grams if g != " "] + [w for w in words if len(w) < shortest]

    wanted = TfidfVectorizer(analyzer=runs, sublinear_tf=True).fit_transform(texts)
    assert built.shape == wanted.shape
    np.testing.assert_allclose((built @ built.T).toarray(), (wanted @ wanted.T).toarray(), atol=1e-5)


@settings(deadline=None, max_examples=150)
@given(st.one_of(mixed, st.text()), st.integers(1, 4), st.integers(0, 3))
def test_no_character_of_any_script_is_left_out(text: str, shortest: int, more: int) -> None:
    view = Characters(shortest, shortest + more)
    there = view.locate(text)
    reached = {i for start, end in there.spans for i in range(start, end)}
    assert reached == {i for i, character in enumerate(text) if not character.isspace()}
    assert set(there.at.tolist()) == set(range(len(there.spans)))
    counts = view.count([text])
    assert set(there.hashes.tolist()) == set(counts.columns.tolist())
    assert there.shares.sum() == pytest.approx(float(counts.counts.sum()))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_texts_of_any_script_that_differ_in_one_character_get_different_rows(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = data.draw(samples)
    at = data.draw(st.sampled_from([i for i, character in enumerate(text) if regex.match(r"[\p{L}\p{M}]", character)]))
    other = text[:at] + data.draw(st.sampled_from(["ж", "ሰ", "क", "x"])) + text[at + 1 :]
    assume(normalized(other) != normalized(text))
    view = Characters(max_df=1.0).build(TextSource([text, other]), Cache(tmp_path_factory.mktemp("cache")))
    first, second = view.matrix.toarray()
    assert first.any()
    assert float(first @ second) < 1 - 1e-6


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_text_of_each_script_keeps_all_its_characters_and_is_found_by_a_part_of_a_word(
    name: str, tmp_path: Path
) -> None:
    texts = list(SAMPLES.values())
    vectors = Characters().build(TextSource(texts, "xx"), Cache(tmp_path))
    assert vectors.embed is not None
    word = max(SAMPLES[name].split(), key=len)
    folded = normalized(word)
    assert unicodedata.normalize("NFC", "".join(folded)) == "".join(folded)
    part = vectors.embed([word[: max(3, len(word) - 1)]])
    scores = (vectors.matrix @ part.T).toarray().ravel()
    assert list(SAMPLES)[int(scores.argmax())] == name


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(mixed, st.text(max_size=60)), min_size=1, max_size=6))
def test_what_characters_add_sums_to_the_row(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    view = Characters(max_df=1.0).build(TextSource(texts), Cache(tmp_path_factory.mktemp("cache")))
    assert view.explain is not None
    assert view.embed is not None
    np.testing.assert_array_equal(view.embed(texts).toarray(), view.matrix.toarray())
    for row, text in enumerate(texts):
        spans, weights = view.explain(text)
        assert set(tokens(text)) <= set(spans)  # so that what both views say of a word can be added
        assert spans == sorted(spans)
        np.testing.assert_allclose(weights.sum(axis=0), view.matrix[[row]].toarray()[0], atol=1e-5)


def test_the_same_word_in_another_form_looks_alike_to_the_character_view_alone(tmp_path: Path) -> None:
    source = TextSource(["tunafurahi sana", "walifurahi", "kitabu kizuri"])
    for view, near in ((Characters(), True), (Lexical(), False)):
        rows = view.build(source, Cache(tmp_path)).matrix
        assert ((rows[[0]] @ rows[[1]].T).toarray().item() > 0.1) is near


def test_adding_documents_counts_the_characters_of_those_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf_module, "_BLOCK", 50)
    texts = make_texts(130)
    cache, view = Cache(tmp_path), Characters()
    before, after = TextSource(texts[:60]), TextSource(texts, adds=((0, 60), (60, 130)))
    view.build(before, cache)
    assert view.remaining(after, cache) == 70
    same(view.build(after, cache), view.build(after, Cache(tmp_path / "fresh")))
    # another length is counted for itself
    assert Characters(2, 4).remaining(after, cache) == 130
    assert Lexical().remaining(after, cache) == 130


@pytest.mark.parametrize("wrong", [{"shortest": 0}, {"shortest": 6}, {"longest": 17}, {"max_df": 0.0}, {"min_df": 0}])
def test_character_settings_out_of_range(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Characters(**wrong)


# -------------------------------------------------------------------------------------------------------------- queries


def test_the_lexical_view_reads_a_query_as_it_reads_a_document(tmp_path: Path) -> None:
    texts = [*make_texts(60), "Ọjọ́ dára gan-an", "法院驳回了原告的请求。", "ፍርድ ቤቱ ውሳኔውን ሰጥቷል", ""]
    vectors = Lexical().build(TextSource(texts), Cache(tmp_path))
    assert vectors.embed is not None
    queries = vectors.embed(texts)
    assert queries.dtype == np.float32
    np.testing.assert_allclose(queries.toarray(), vectors.matrix.toarray(), atol=1e-6)
    # n-grams that no document has count for nothing, and a text of nothing else is a zero row
    mixed = vectors.embed(["xyzzy bar", "xyzzy plugh", ""]).toarray()
    np.testing.assert_allclose(mixed[0], vectors.embed(["bar"]).toarray()[0], atol=1e-6)
    assert not mixed[1:].any()
    assert vectors.embed([]).shape == (0, vectors.matrix.shape[1])


def test_more_queries_than_a_block_holds_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = make_texts(40)
    vectors = Lexical().build(TextSource(texts), Cache(tmp_path))
    assert vectors.embed is not None
    whole = vectors.embed(texts).toarray()
    monkeypatch.setattr(tfidf_module, "_BLOCK", 7)
    np.testing.assert_array_equal(vectors.embed(texts).toarray(), whole)


def test_a_corpus_without_words_knows_no_query(tmp_path: Path) -> None:
    vectors = Lexical().build(TextSource(["", ""]), Cache(tmp_path))
    assert vectors.embed is not None
    assert not vectors.embed(["word"]).toarray().any()


class Asked(Toy):
    """Tells queries from documents: theirs point the other way."""

    def embed(self, texts, *, query: bool = False) -> np.ndarray:
        vectors = super().embed(texts)
        return -vectors if query else vectors


def test_the_semantic_view_asks_its_embedder_for_queries_when_it_is_asked(tmp_path: Path) -> None:
    toy = Asked()
    vectors = Semantic(toy).build(TextSource(["a bird sings", "an owl"]), Cache(tmp_path))
    assert vectors.embed is not None
    before = len(toy.seen)
    long = " ".join(f"w{i}" for i in range(60)) + "."
    rows = vectors.embed(["a bird sings", " ", long])
    assert len(toy.seen) > before, "nothing was embedded before it was asked for"
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows[0], -vectors.matrix[0], atol=1e-3)
    assert not rows[1].any()
    # every word of a text longer than the encoder takes counts: `Toy` itself refuses one
    wanted = Toy(max_tokens=1000).embed([long])[0]
    np.testing.assert_allclose(rows[2], -wanted / np.linalg.norm(wanted), atol=0.05)
    assert vectors.embed([]).shape == (0, 16)


def test_a_query_vector_that_is_not_finite_is_an_error_that_says_so(tmp_path: Path) -> None:
    class Bad(Toy):
        def embed(self, texts, *, query: bool = False) -> np.ndarray:
            return super().embed(texts) * (np.nan if query else 1)

    vectors = Semantic(Bad()).build(TextSource(["a bird"]), Cache(tmp_path))
    assert vectors.embed is not None
    with pytest.raises(EmbeddingError, match="the vector of query 0 holds NaN"):
        vectors.embed(["a bird"])
