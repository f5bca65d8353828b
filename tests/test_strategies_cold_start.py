"""The first batch from the question's own words, against brute force, in any script."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from embedding_support import Toy
from scipy.stats import chisquare

from docreview import Document, Project
from docreview.cache import Cache, TextSource
from docreview.errors import BadSetting, ContractViolation
from docreview.plugins import load_plugins
from docreview.query_strategies import FromWords, Random
from docreview.query_strategies.cold_start import reciprocal_ranks
from docreview.types import Question, ReviewState, Vectors
from docreview.views import Lexical, Semantic

SCRIPTS = {
    "latin": ("The parties settle the dispute by arbitration.", "arbitration"),
    "yoruba": ("Ọjọ́ dára gan-an ni ilé ẹjọ́.", "ilé ẹjọ́"),
    "amharic": ("ፍርድ ቤቱ ውሳኔውን ሰጥቷል።", "ውሳኔውን"),
    "hindi": ("अदालत का फैसला हिन्दी में दस्तावेज़ है।", "फैसला"),
    "arabic": ("قررت المحكمة رفض الدعوى.", "المحكمة"),
    "chinese": ("法院驳回了原告的请求。", "原告"),
    "thai": ("ศาลยกฟ้องโจทก์", "โจทก์"),
    "russian": ("Суд отклонил иск.", "ИСК"),
}


def make_state(views, n, prompt="", read=()):
    labels = np.full(n, -1)
    labels[list(read)] = 0
    return ReviewState(
        question=Question("q", ("yes", "no"), prompt, "yes"), round=1, n=n, views=views, labels=labels,
        rounds=np.where(labels >= 0, 1, -1), reviewed=np.array(list(read), dtype=np.int64),
    )  # fmt: skip


def lexical_state(folder, texts, prompt="", read=()):
    return make_state({"lexical": Lexical().build(TextSource(texts), Cache(folder))}, len(texts), prompt, read)


def made_up(rng, n, d, embedded):
    """A dense view that reads any text as one of some rows, by its number."""
    vectors = rng.normal(size=(n, d))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Vectors(vectors, "x", embed=lambda texts: np.array([embedded[text] for text in texts], np.float32))


def generator(seed=0):
    return np.random.default_rng(seed)


# ------------------------------------------------------------------------------------------------------------ ranking


def test_documents_are_ranked_by_their_likeness_to_prompt_and_keywords(tmp_path):
    from sklearn.feature_extraction.text import TfidfVectorizer

    rng = generator()
    words = [f"word{i}" for i in range(60)]
    texts = [" ".join(rng.choice(words, 12)) for _ in range(150)]
    state = lexical_state(tmp_path, texts, "word3 or word7?", read=range(5))
    chosen = FromWords(("word9", "word11 word12")).select(state, 20, generator())
    weigh = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_df=0.95).fit(texts)
    query = weigh.transform(["word3 or word7?", "word9", "word11 word12"]).sum(axis=0)
    likeness = np.asarray(weigh.transform(texts) @ query.T).ravel()[5:]
    order = np.argsort(-likeness)[:20] + 5
    assert chosen.rows.tolist() == order.tolist()
    assert chosen.scores == pytest.approx(1 / (60 + np.arange(1, 21)), abs=1e-6)
    assert chosen.probabilities is None


def test_views_are_fused_by_rank():
    rng = generator(1)
    n = 40
    queries = {"the prompt": rng.normal(size=5), "one": rng.normal(size=5)}
    dense = made_up(rng, n, 5, queries)
    counts = sp.csr_array((rng.random((n, 6)) < 0.3).astype(np.float32))
    word = {"the prompt": np.eye(6)[0], "one": np.eye(6)[1]}
    sparse = Vectors(counts, "y", embed=lambda texts: sp.csr_array(np.array([word[t] for t in texts], np.float32)))
    state = make_state({"lexical": sparse, "semantic": dense}, n, "the prompt", read=[3, 4])
    got = FromWords(("one",)).select(state, n, generator())
    expected = np.zeros(n)
    for likeness in (
        counts.toarray() @ (word["the prompt"] + word["one"]),
        dense.matrix @ (queries["the prompt"] + queries["one"]),
    ):
        likeness = np.delete(likeness, [3, 4]).round(6)
        for i, row in enumerate(state.candidates):
            above, equal = (likeness > likeness[i]).sum(), (likeness == likeness[i]).sum()
            expected[row] += 1 / (60 + above + (equal + 1) / 2)
    assert got.scores == pytest.approx(expected[got.rows], abs=1e-6)
    assert (np.diff(got.scores) <= 0).all()
    assert sorted(got.rows.tolist()) == state.candidates.tolist()


def test_a_part_of_the_pool_is_ranked_like_the_whole():
    rng = generator(2)
    state = make_state({"semantic": made_up(rng, 400, 6, {"the prompt": rng.normal(size=6)})}, 400, "the prompt")
    whole = FromWords().select(state, 400, generator()).rows
    few = np.arange(7, 47)
    part = FromWords().select(state.restricted(few), 40, generator()).rows
    assert part.tolist() == [row for row in whole.tolist() if row in set(few.tolist())]


def test_equal_values_share_their_rank():
    assert 1 / reciprocal_ranks(np.array([0.5, 0.9, 0.5, 0.1])) == pytest.approx(60 + np.array([2.5, 1, 2.5, 4]))


@pytest.mark.parametrize("script", SCRIPTS)
def test_words_are_found_in_any_script(script, tmp_path):
    texts = [text for text, _ in SCRIPTS.values()]
    state = lexical_state(tmp_path, texts)
    chosen = FromWords((SCRIPTS[script][1],)).select(state, 3, generator())
    assert chosen.rows[0] == list(SCRIPTS).index(script)


def test_what_says_nothing_of_the_words_comes_last_by_chance(tmp_path):
    texts = ["a grant of copyright", *[f"number {i}" for i in range(30)]]
    state = lexical_state(tmp_path, texts, "Is it about copyright?")
    seconds = set()
    for seed in range(40):
        chosen = FromWords().select(state, 2, generator(seed))
        assert chosen.rows[0] == 0
        seconds.add(int(chosen.rows[1]))
    assert len(seconds) > 15


def test_where_the_words_are_read_up_rows_are_drawn_and_the_chance_is_recorded(tmp_path):
    texts = ["a grant of copyright", *[f"number {i}" for i in range(20)]]
    state = lexical_state(tmp_path, texts, "copyright", read=[0])
    counts = np.zeros(21)
    for seed in range(1000):
        chosen = FromWords().select(state, 4, generator(seed))
        assert chosen.scores is None
        assert chosen.probabilities == pytest.approx(np.full(4, 4 / 20))
        counts[chosen.rows] += 1
    assert chisquare(counts[1:]).pvalue > 1e-4


def test_from_words_finds_far_more_of_what_is_asked_for_than_chance(lexical_project):
    from support import make_documents

    words = ["share alike", "derivative works", "copyleft", "same terms"]
    project = lexical_project(600, f'\ncold_start = {{name = "from-words", keywords = {words}}}\n')
    _, truth = make_documents(600)
    batch = project.review().next_batch()
    assert batch.strategy == "from-words"
    found = sum(truth[i] == "yes" for i in batch)
    share = sum(label == "yes" for label in truth.values()) / 600
    assert found / len(batch) > 3 * share


def test_the_semantic_view_finds_what_shares_no_word_form(tmp_path):
    # `Toy` sees words without their order; the view is asked through `embed`, with query=True
    texts = [f"matter number {i}" for i in range(20)]
    texts[13] = "a claim for damages"
    view = Semantic(Toy()).build(TextSource(texts), Cache(tmp_path))
    state = make_state({"semantic": view}, 20, "damages claim")
    assert FromWords().select(state, 3, generator()).rows[0] == 13


# ------------------------------------------------------------------------------------------------------------- refusals


def test_a_question_without_words_is_refused(tmp_path):
    state = lexical_state(tmp_path, ["one", "two"], "  ")
    with pytest.raises(BadSetting, match=r"^query strategy 'from-words' has no words: give question 'q' a prompt"):
        FromWords().select(state, 1, generator())
    assert FromWords(("two",)).select(state, 1, generator()).rows.tolist() == [1]


def test_words_that_no_document_has_are_named(tmp_path):
    state = lexical_state(tmp_path, ["one", "two"], "Xyzzy?")
    with pytest.raises(BadSetting, match=r"finds none of its words in the documents: 'Xyzzy\?', 'plugh'; choose"):
        FromWords(("plugh",)).select(state, 1, generator())


def test_views_that_cannot_read_words_are_said_to_be_missing():
    state = make_state({"semantic": Vectors(np.eye(3, dtype=np.float32), "x")}, 3, "a prompt")
    with pytest.raises(BadSetting, match="needs a view that can read words"):
        FromWords().select(state, 1, generator())


@pytest.mark.parametrize(
    ("row", "told"), [(np.ones((1, 2)), r"must have the shape \(1, 3\)"), (np.full((1, 3), np.nan), "must be finite")]
)
def test_a_view_that_reads_words_wrongly_is_blamed(row, told):
    view = Vectors(np.eye(3, dtype=np.float32), "x", embed=lambda texts: row)
    with pytest.raises(ContractViolation, match=f"view 'odd' broke its contract: rows of .*{told}"):
        FromWords().select(make_state({"odd": view}, 3, "a prompt"), 1, generator())


@pytest.mark.parametrize("keywords", ["law", [" "], [3]])
def test_keywords_are_a_list_of_texts(keywords):
    with pytest.raises(BadSetting, match="'keywords' must be a list of"):
        load_plugins().registry.create("query_strategies", "from-words", {"keywords": keywords})
    assert FromWords().needs == Random().needs == frozenset()


def test_keywords_are_read_from_the_project_file(tmp_path: Path):
    (tmp_path / "docreview.toml").write_text(
        '[views.lexical]\n[questions.q]\nlabels = ["yes", "no"]\nbatch_size = 1\n'
        'cold_start = {name = "from-words", keywords = ["ውሳኔውን"]}\n',
        "utf-8",
    )
    with Project.open(tmp_path) as project:
        project.add_documents([Document(name, text) for name, (text, _) in SCRIPTS.items()])
        assert project.review().next_batch().document_ids == ("amharic",)
