"""Which pairs of photographs and paintings a benchmark of some of them takes."""

from collections import Counter

import pytest

from impasto.series.pairs import balanced


@pytest.mark.parametrize(("contents", "styles"), [(4, 6), (20, 18), (5, 5), (3, 7), (1, 4), (4, 1)])
def test_pairs_are_balanced_and_a_larger_number_holds_the_smaller(contents: int, styles: int) -> None:
    everything = list(balanced(contents, styles))
    assert len(set(everything)) == len(everything) == contents * styles
    assert set(everything) == {(row, column) for row in range(contents) for column in range(styles)}
    for count in range(1, contents * styles + 1):
        some = list(balanced(contents, styles, count))
        assert some == everything[:count]
        for side, number in ((0, contents), (1, styles)):
            uses = Counter(pair[side] for pair in some)
            least = min(uses[index] for index in range(number))
            assert max(uses.values()) - least <= 1


def test_more_than_all_is_all() -> None:
    assert len(list(balanced(2, 3, 100))) == 6
