import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from embedding_support import Toy
from test_views import make_texts, same

from docreview import Document
from docreview.corpus import Corpus, component_name
from docreview.errors import EmbeddingError, UnknownComponent
from docreview.index import ExactIndex, HNSWIndex
from docreview.store import Store
from docreview.text import Nfc
from docreview.types import Neighbors
from docreview.views import Lexical, Semantic


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open("sqlite://", create=True) as opened:
        yield opened


def add(store: Store, n: int, seed: int) -> None:
    texts = make_texts(n, seed)
    store.add_documents((Document(f"{seed}-{i}", text) for i, text in enumerate(texts)), {"file": f"{seed}.csv"})


def make_corpus(store: Store, folder: Path, toy: Toy | None = None, **options: object) -> Corpus:
    views = {"lexical": Lexical(), "semantic": Semantic(toy or Toy())}
    return Corpus(store, folder, views, [Nfc()], language="en", **options)


def same_neighbors(a: Neighbors | None, b: Neighbors | None) -> None:
    assert a is not None
    assert b is not None
    assert a.fingerprint == b.fingerprint
    np.testing.assert_array_equal(a.rows, b.rows)
    np.testing.assert_array_equal(a.similarities, b.similarities)


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_the_corpus_as_it_was_comes_back_bit_for_bit(kind: str, store: Store, tmp_path: Path) -> None:
    index = {"exact": ExactIndex(), "hnsw": HNSWIndex()}[kind]
    add(store, 300, 1)
    first = make_corpus(store, tmp_path / "a", index=index, neighbors=8)
    then = {name: first.vectors(name) for name in first.views}, first.neighbors()
    add(store, 250, 2)
    assert first.n == 550
    now = {name: first.vectors(name) for name in first.views}, first.neighbors()
    assert now[0]["lexical"].matrix.shape[0] == now[1].rows.shape[0] == 550
    for name in first.views:
        assert now[0][name].fingerprint != then[0][name].fingerprint

    def check(corpus: Corpus) -> None:
        for n, (views, neighbors) in ((300, then), (550, now)):
            for name in corpus.views:
                same(corpus.vectors(name, n), views[name])
            same_neighbors(corpus.neighbors(n), neighbors)

    check(first)
    check(make_corpus(store, tmp_path / "a", index=index, neighbors=8))
    shutil.rmtree(tmp_path / "a")
    check(make_corpus(store, tmp_path / "a", index=index, neighbors=8))
    # asked for in the other order, in a folder that never saw the smaller corpus
    other = make_corpus(store, tmp_path / "b", index=index, neighbors=8)
    other.vectors("semantic")
    same_neighbors(other.neighbors(), now[1])
    check(other)


def test_the_same_object_for_the_same_n(store: Store, tmp_path: Path) -> None:
    add(store, 60, 1)
    corpus = make_corpus(store, tmp_path)
    old = corpus.vectors("semantic")
    assert corpus.vectors("semantic", 60) is old
    add(store, 40, 2)
    new = corpus.vectors("semantic")
    assert new is not old
    assert corpus.vectors("semantic", 60) is old
    assert corpus.vectors("semantic") is new
    assert corpus.neighbors() is corpus.neighbors()


def test_a_second_start_embeds_nothing(store: Store, tmp_path: Path) -> None:
    add(store, 60, 1)
    make_corpus(store, tmp_path).vectors("semantic")
    toy = Toy()
    make_corpus(store, tmp_path, toy).vectors("semantic")
    assert toy.seen == []
    add(store, 40, 2)
    make_corpus(store, tmp_path, toy).vectors("semantic")
    assert sum(toy.seen) < 3 * 40


def test_remaining_and_ready_follow_the_work(store: Store, tmp_path: Path) -> None:
    corpus = make_corpus(store, tmp_path)
    assert corpus.remaining("semantic") == 0
    assert corpus.neighbors() is None
    add(store, 60, 1)
    assert corpus.remaining("semantic") == corpus.remaining("lexical") == 60
    assert corpus.ready() == []
    assert corpus.neighbors() is None
    corpus.vectors("lexical")
    assert corpus.ready() == ["lexical"]
    assert corpus.neighbors() is None
    corpus.vectors("semantic")
    assert corpus.ready() == ["lexical", "semantic"]
    assert not corpus.neighbors_ready()
    found = corpus.neighbors()
    assert found is not None
    assert found.view == "semantic"
    assert corpus.neighbors_ready()
    add(store, 40, 2)
    assert corpus.remaining("semantic") == 40
    assert corpus.ready() == []
    assert corpus.ready(60) == ["lexical", "semantic"]
    assert corpus.neighbors_ready(60)
    assert not corpus.neighbors_ready()


def test_a_view_that_stands_aside_is_not_handed_out(store: Store, tmp_path: Path) -> None:
    store.add_documents([Document(str(i), f"?a{i} ?b ?c owl") for i in range(30)], {"file": "a.csv"})
    corpus = make_corpus(store, tmp_path)
    assert "75%" in (corpus.aside("semantic") or "")
    assert corpus.aside("lexical") is None
    corpus.vectors("lexical")
    assert corpus.ready() == ["lexical"]
    assert corpus.remaining("semantic") == 0
    assert corpus.neighbors() is None
    with pytest.raises(EmbeddingError, match="'semantic' stands aside: the model does not know 75%"):
        corpus.vectors("semantic")
    described = corpus.describe()["views"]["semantic"]
    assert "75%" in described["aside"]
    assert described["fingerprint"] is None
    # documents that it understands bring it back
    add(store, 60, 1)
    assert corpus.aside("semantic") is None
    assert corpus.remaining("semantic") == 90
    assert corpus.vectors("semantic").matrix.shape[0] == 90


def test_describe_is_plain_and_computes_nothing(store: Store, tmp_path: Path) -> None:
    import json

    add(store, 60, 1)
    toy = Toy()
    corpus = make_corpus(store, tmp_path, toy)
    empty = corpus.describe()
    assert empty["views"]["semantic"]["remaining"] == 60
    assert empty["views"]["semantic"]["fingerprint"] is None
    assert toy.seen == []
    for name in corpus.views:
        corpus.vectors(name)
    assert corpus.describe()["neighbors"] is None
    corpus.neighbors()
    full = corpus.describe()
    assert json.loads(json.dumps(full)) == full
    assert full["views"]["lexical"]["fingerprint"] == corpus.vectors("lexical").fingerprint
    assert full["neighbors"]["recall"] == 1
    assert full["views"]["semantic"]["unknown_share"] == 0
    assert full["versions"]["numpy"] == np.__version__
    assert make_corpus(store, tmp_path).describe() == full


def test_text_processors_and_language_are_part_of_the_fingerprint(store: Store, tmp_path: Path) -> None:
    add(store, 30, 1)
    views = {"lexical": Lexical()}
    corpora = [
        Corpus(store, tmp_path, views, [Nfc()], language="en"),
        Corpus(store, tmp_path, views, [], language="en"),
        Corpus(store, tmp_path, views, [str.upper], language="en"),
        Corpus(store, tmp_path, views, [Nfc()], language="yo"),
    ]
    assert len({corpus.vectors("lexical").fingerprint for corpus in corpora}) == 4


def test_text_processors_come_before_views(store: Store, tmp_path: Path) -> None:
    store.add_documents([Document("a", "owl secret"), Document("b", "owl")], {"file": "a.csv"})
    corpus = Corpus(store, tmp_path, {"lexical": Lexical(max_df=1.0)}, [lambda text: text.replace("secret", "")])
    matrix = corpus.vectors("lexical").matrix
    assert (matrix[[0]] @ matrix[[1]].T).toarray().item() == pytest.approx(1)


def test_pinned_settings_take_the_place_of_a_trial(store: Store, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Trying(Toy):
        dtype: str = "auto"

        @property
        def fingerprint(self) -> str:
            assert self.dtype != "auto"
            return self.dtype

        @property
        def resolved(self) -> bool:
            return self.dtype != "auto"

        def resolve(self) -> dict[str, str]:
            return {"dtype": "fast" if self.dtype == "auto" else self.dtype}

        def pin(self, resolved: dict[str, str]) -> "Trying":
            return Trying(dtype=resolved["dtype"])

    add(store, 30, 1)
    tried = make_corpus(store, tmp_path / "a", Trying())
    assert tried.remaining("semantic") == 30
    assert tried.resolve("semantic") == {"dtype": "fast"}
    assert tried.resolve("lexical") == {}
    pinned = make_corpus(store, tmp_path / "a", Trying(), pinned={"semantic": {"dtype": "slow"}})
    assert pinned.resolve("semantic") == {"dtype": "slow"}
    assert tried.vectors("semantic").fingerprint != pinned.vectors("semantic").fingerprint
    view = pinned.views["semantic"]
    pinned.vectors("semantic", 20)
    assert pinned.views["semantic"] is view


def test_lexical_answers_while_semantic_is_being_embedded(store: Store, tmp_path: Path) -> None:
    started, go_on = threading.Event(), threading.Event()

    class Slow(Toy):
        def embed(self, texts, *, query: bool = False) -> np.ndarray:
            started.set()
            assert go_on.wait(20)
            return super().embed(texts)

    add(store, 30, 1)
    corpus = make_corpus(store, tmp_path, Slow())
    worker = threading.Thread(target=corpus.vectors, args=("semantic",))
    worker.start()
    try:
        assert started.wait(20)
        assert corpus.vectors("lexical").matrix.shape[0] == 30
        assert corpus.ready() == ["lexical"]
        assert corpus.remaining("semantic") == 30
        assert corpus.neighbors() is None
    finally:
        go_on.set()
        worker.join()
    assert corpus.ready() == ["lexical", "semantic"]


def test_an_unknown_view_says_which_there_are(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownComponent, match=r"no view 'semantics'\. Did you mean 'semantic'"):
        make_corpus(store, tmp_path).vectors("semantics")


def test_components_are_named_without_addresses() -> None:
    class Plain:
        pass

    assert component_name(Nfc()) == "Nfc()"
    assert "0x" not in component_name(Plain()) + component_name(lambda text: text) + component_name(make_texts)
    assert component_name(make_texts).endswith("make_texts")


def without_dashes(text: str) -> str:
    return text.replace("-", "")


def test_a_query_is_processed_as_the_documents_were(store: Store, tmp_path: Path) -> None:
    store.add_documents([Document("a", "Schrei"), Document("b", "flüstern")], {"source": "test"})
    corpus = Corpus(store, tmp_path, {"lexical": Lexical()}, [without_dashes], language="de")
    vectors = corpus.vectors("lexical")
    assert vectors.embed is not None
    near = (vectors.matrix @ vectors.embed(["Sch-r-ei"]).T).toarray().ravel()
    assert near[0] > 0.9 > 0.1 > near[1]
