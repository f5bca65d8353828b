import numpy as np
import pytest

from docreview.errors import UnknownDocument, UnknownLabel
from docreview.oracles import KnownLabels, Noisy
from docreview.types import Document, Question

QUESTION = Question("topic", ("law", "art", "sport"))
DOCUMENTS = [Document(str(i), "text") for i in range(3000)]
TRUTH = {d.id: QUESTION.labels[i % 3] for i, d in enumerate(DOCUMENTS)}


def test_known_labels_answer_in_order():
    oracle = KnownLabels({"a": "law", "b": None, "c": "art"})
    asked = [Document("c", ""), Document("a", ""), Document("b", "")]
    assert oracle.label(asked, QUESTION, np.random.default_rng(0)) == ["art", "law", None]


def test_a_missing_label_is_an_error_that_names_the_document_or_a_skip():
    asked = [Document("z", "")]
    with pytest.raises(UnknownDocument, match="'z'"):
        KnownLabels({}).label(asked, QUESTION, np.random.default_rng(0))
    assert KnownLabels({}, missing="skip").label(asked, QUESTION, np.random.default_rng(0)) == [None]


def test_a_label_outside_the_question_is_an_error():
    with pytest.raises(UnknownLabel, match="law"):
        KnownLabels({"a": "laww"}).label([Document("a", "")], QUESTION, np.random.default_rng(0))


def test_flips_are_as_frequent_as_asked_and_fall_on_the_other_labels_alike():
    answers = Noisy(KnownLabels(TRUTH), flip=0.3).label(DOCUMENTS, QUESTION, np.random.default_rng(1))
    wrong = [(TRUTH[d.id], a) for d, a in zip(DOCUMENTS, answers, strict=True) if a != TRUTH[d.id]]
    assert len(wrong) / 3000 == pytest.approx(0.3, abs=0.03)
    assert all(wrong.count((t, a)) > 100 for t in QUESTION.labels for a in QUESTION.labels if a != t)


def test_a_confusion_matrix_is_followed():
    confusion = {"law": {"law": 0.5, "art": 0.5}, "sport": {"art": 1.0}}
    answers = Noisy(KnownLabels(TRUTH), confusion=confusion).label(DOCUMENTS, QUESTION, np.random.default_rng(1))
    pairs = [(TRUTH[d.id], a) for d, a in zip(DOCUMENTS, answers, strict=True)]
    assert pairs.count(("law", "art")) / 1000 == pytest.approx(0.5, abs=0.05)
    assert pairs.count(("art", "art")) == 1000
    assert pairs.count(("sport", "art")) == 1000


def test_noise_is_seeded_and_leaves_a_skip_alone():
    noisy = Noisy(KnownLabels({}, missing="skip"), flip=1.0)
    assert noisy.label(DOCUMENTS[:3], QUESTION, np.random.default_rng(0)) == [None] * 3
    noisy = Noisy(KnownLabels(TRUTH), flip=0.5)
    first, again, other = (noisy.label(DOCUMENTS, QUESTION, np.random.default_rng(s)) for s in (4, 4, 5))
    assert first == again != other


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"flip": 1.5}, "flip"),
        ({"flip": 0.1, "confusion": {"law": {"law": 1.0}}}, "not both"),
        ({"confusion": {"law": {"law": 0.5}}}, "'law' must sum to 1"),
    ],
)
def test_impossible_noise_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Noisy(KnownLabels(TRUTH), **settings)


def test_a_confusion_to_an_unknown_label_is_an_error():
    noisy = Noisy(KnownLabels(TRUTH), confusion={"law": {"golf": 1.0}})
    with pytest.raises(UnknownLabel, match="golf"):
        noisy.label(DOCUMENTS[:1], QUESTION, np.random.default_rng(0))
