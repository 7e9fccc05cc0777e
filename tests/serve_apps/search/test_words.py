from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.search import words
from serve_apps.search.words import distance, grams, likeness, means, typos

LETTERS = st.text("abcde", max_size=9)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Amélie", ["amelie"]),
        ("AMELIE\u0301", ["amelie"]),
        ("Łódź, Øresund & Straße", ["lodz", "oresund", "and", "strasse"]),
        ("Ocean's  Eleven", ["oceans", "eleven"]),
        ("Ocean’s", ["oceans"]),
        ("Spider-Man: Far_From_Home", ["spider", "man", "far", "from", "home"]),
        ("WALL·E", ["wall", "e"]),
        ("東京物語", ["東", "京", "物", "語"]),
        ("Ёлки", ["елки"]),
        ("हिन्दी फिल्म", ["हिन्दी", "फिल्म"]),
        ("2001", ["2001"]),
        ("¿?", ["¿?"]),
        ("", []),
        (" \t\n", []),
        ("a" * 100, ["a" * words.WORD_LIMIT]),
    ],
)
def test_words_have_no_case_accents_and_punctuation(text, found):
    assert words.words(text) == found


@given(st.text())
def test_no_word_is_empty_or_has_a_space(text):
    assert all(word and word == "".join(word.split()) for word in words.words(text))


@given(st.lists(st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1), min_size=1))
def test_what_has_letters_has_words_and_those_have_nothing_left_to_fold(texts):
    found = words.words(" ".join(texts))
    assert found
    assert words.words(" ".join(found)) == found


# --- letters wrong


@given(LETTERS, LETTERS)
def test_the_distance_is_mutual_and_zero_only_to_itself(one, other):
    assert distance(one, other, begun=False) == distance(other, one, begun=False)
    assert (distance(one, other, begun=False) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other, begun=False) <= max(len(one), len(other))


@given(LETTERS, LETTERS)
def test_the_distance_to_a_beginning_is_that_to_the_nearest(asked, word):
    assert distance(asked, word, begun=True) == min(distance(asked, word[:end], begun=False) for end in range(len(word) + 1))


@given(st.text("abcdefgh", min_size=2, max_size=12), st.data())
def test_one_slip_is_one(word, data):
    at = data.draw(st.integers(0, len(word) - 2))
    letter = data.draw(st.sampled_from("xyz"))
    slips = [word[:at] + word[at + 1 :], word[:at] + letter + word[at:], word[:at] + letter + word[at + 1 :]]
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    assert [distance(slip, word, begun=False) for slip in slips] == [1, 1, 1]
    assert distance(swapped, word, begun=False) == (swapped != word)


@given(LETTERS, LETTERS, st.booleans())
def test_what_somebody_means_is_as_near_as_typos_allow(asked, word, begun):
    near = distance(asked, word, begun=begun) <= typos(asked)
    assert means(asked, word, begun=begun) == near


@pytest.mark.parametrize(("word", "allowed"), [("cat", 0), ("cats", 1), ("seventh", 1), ("eighteen", 2)])
def test_longer_words_may_have_more_letters_wrong(word, allowed):
    assert typos(word) == allowed


# --- what looks alike


@given(st.text(), st.text())
def test_likeness_is_a_share(one, other):
    assert 0 <= likeness(grams(one), grams(other)) == likeness(grams(other), grams(one)) <= 1
    assert likeness(grams(one), grams(one)) == (1 if words.words(one) else 0)


def test_what_is_spelled_nearly_the_same_looks_more_alike():
    asked = grams("shawshenk")
    assert likeness(asked, grams("The Shawshank Redemption")) > likeness(asked, grams("The Shape of Water"))
