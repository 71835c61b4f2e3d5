"""Metric definitions on hand-made input: BLEU and chrF, average precision, token errors, cosines, normalisers."""

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import InputError
from soundwave.evaluate.error_rates import error_rates, normal
from soundwave.evaluate.metrics.ctc import token_errors
from soundwave.evaluate.metrics.retention import mean_band
from soundwave.evaluate.metrics.similarity import compare
from soundwave.evaluate.metrics.sound import accuracy, kinds_too, label_scores
from soundwave.evaluate.metrics.st import translation_scores
from tests.tolerance import rounding

REFERENCES = ["The fish swims under the wreck.", "Where is the key?", "Nobody knows why."]
HYPOTHESES = ["A fish swims under the wreck.", "Where is a key?", "Nobody knew."]


def test_bleu_and_chrf_are_sacrebleus_with_their_signatures():
    found = translation_scores(REFERENCES, HYPOTHESES)
    assert found["bleu"] == sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES]).score
    assert found["chrf"] == sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES]).score
    assert 0 < found["bleu"] < 100
    assert "tok:13a" in found["bleu_signature"] and f"version:{sacrebleu.__version__}" in found["bleu_signature"]
    assert "nc:6" in found["chrf_signature"]
    assert translation_scores(REFERENCES, REFERENCES)["bleu"] == pytest.approx(100)


def test_translations_must_pair():
    with pytest.raises(InputError, match="3 references and 2"):
        translation_scores(REFERENCES, HYPOTHESES[:2])
    with pytest.raises(InputError, match="0 references"):
        translation_scores([], [])


def test_average_precision_by_hand():
    # Ranked: right, wrong, right, wrong -> (1/1 + 2/3) / 2.
    scores, truth = np.array([[0.9, 0.8, 0.7, 0.1]]), np.array([[True, False, True, False]])
    assert label_scores(scores, truth)["label_ranking"] == pytest.approx(5 / 6)
    # Ties count against: the true item shares the last rank of four.
    tied = label_scores(np.zeros((4, 1)), np.array([[True], [False], [False], [False]]))
    assert tied["map"] == pytest.approx(1 / 4)
    tied = label_scores(np.zeros((1, 4)), np.array([[True, False, False, False]]))
    assert tied["label_ranking"] == pytest.approx(1 / 4)


@given(st.permutations(range(9)), st.sets(st.integers(0, 8), min_size=1))
def test_average_precision_against_a_walk_down_the_ranking(scores, right):
    truth = np.array([n in right for n in range(9)])
    hits, precisions = 0, []
    for rank, place in enumerate(sorted(range(9), key=lambda n: -scores[n]), 1):
        if truth[place]:
            hits += 1
            precisions.append(hits / rank)
    wanted = pytest.approx(sum(precisions) / len(right))
    ranked = np.array(scores, float)
    assert label_scores(ranked[:, None], truth[:, None])["map"] == wanted  # nine clips, one label
    assert label_scores(ranked[None, :], truth[None, :])["label_ranking"] == wanted  # one clip, nine labels


def test_label_scores_by_hand():
    #                 dog  cat  bell
    scores = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.6, 0.1, 0.3]])
    truth = np.array([[True, False, False], [False, True, False], [False, False, True]])
    found = label_scores(scores, truth)
    assert found["label_accuracy"] == pytest.approx(1 / 3)
    # dog: clip 0 is first of (0.7, 0.6, 0.5): 1; cat: clip 1 is first: 1; bell: clip 2 is first: 1.
    assert found["map"] == pytest.approx(1.0)
    # Within clips the true label stands at rank 1, 2, 2.
    assert found["label_ranking"] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    # A label that no clip has does not count; a clip with two labels is right with either.
    more = np.c_[truth, np.zeros(3, bool)]
    more[1, 0] = True
    found = label_scores(np.c_[scores, np.full(3, 0.05)], more)
    assert found["label_accuracy"] == pytest.approx(2 / 3)
    # dog is now true of clips 0 and 1, ranked 1 and 3 of 3: (1 + 2/3) / 2.
    assert found["map"] == pytest.approx((5 / 6 + 1 + 1) / 3)


def test_a_kind_of_the_true_label_counts_beside_and_not_in_its_accuracy():
    labels = ["Animal", "Bark", "Dog", "Song"]
    #                  Animal Bark  Dog  Song
    scores = np.array([[0.1, 0.2, 0.6, 0.1], [0.1, 0.6, 0.2, 0.1], [0.7, 0.1, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1]])
    truth = np.array([[label == right for label in labels] for right in ("Bark", "Dog", "Bark", "Song")])
    assert accuracy(scores, truth) == 0.0
    # Dog and Animal of a Bark; Bark of a Dog says more than is known, and a Song is no Animal.
    assert accuracy(scores, kinds_too(truth, labels)) == 0.5
    strange = np.array([[True, False]])
    assert kinds_too(strange, ["Zap", "Dog"]).tolist() == [[True, False]]  # labels of another vocabulary: exact only


def test_token_errors_by_hand():
    found = token_errors([[1, 2, 3, 4], [7, 12]], [[1, 2, 9], [7, 1, 12]])
    assert (found["substitutions"], found["deletions"], found["insertions"]) == (1, 1, 1)
    assert found["tokens"] == 6 and found["token_error_rate"] == pytest.approx(0.5)
    assert token_errors([[1, 2]], [[]])["token_error_rate"] == 1.0


def distance(one, other):
    """Levenshtein's, row by row."""
    row = list(range(len(other) + 1))
    for n, left in enumerate(one, 1):
        row, above = [n], row
        for m, right in enumerate(other, 1):
            row.append(min(row[-1] + 1, above[m] + 1, above[m - 1] + (left != right)))
    return row[-1]


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 12), min_size=1), st.lists(st.integers(0, 12))), min_size=1, max_size=4)
)
def test_token_errors_are_edit_distances(pairs):
    references, found = [list(part) for part in zip(*pairs, strict=True)]
    errors = token_errors(references, found)
    counted = sum(errors[kind] for kind in ("substitutions", "deletions", "insertions"))
    assert counted == sum(distance(wanted, heard) for wanted, heard in pairs)
    assert errors["tokens"] == sum(map(len, references))


def test_cosines_by_hand():
    speech = np.array([[[1.0, 0.0], [1.0, 1.0]], [[0.0, 2.0], [1.0, 1.0]]], np.float32)
    text = np.array([[[3.0, 0.0], [1.0, 1.0]], [[0.0, 1.0], [1.0, 1.0]]], np.float32)
    first, second = compare(speech, text)
    assert (first["matched"], first["mismatched"], first["retrieval"]) == (1.0, 0.0, 1.0)
    # A layer where everything looks alike: cosine 1, and nothing in it.
    assert (second["matched"], second["difference"]) == pytest.approx((1, 0), abs=rounding(8, np.float32))
    assert compare(speech[:1], text[:1])[0]["mismatched"] is None


def test_other_languages_have_a_normaliser_of_their_own():
    assert normal("Příliš žluťoučký, kůň!", "cs") == "příliš žluťoučký kůň"
    assert normal("你好。", "zh") == "你 好"
    rates = error_rates(["Dobrý den."], ["dobrý den"], languages=["cs"])
    assert rates.wer == 0 and rates.words == 2


def test_band_of_a_mean():
    low, high = mean_band(np.array([1.0, 2.0, 3.0, 4.0]))
    assert low < 2.5 < high
    assert mean_band(np.ones(5)) == [1.0, 1.0]
