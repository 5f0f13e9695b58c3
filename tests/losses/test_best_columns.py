"""The largest values of rows whose columns come table by table: the same as of all columns at once."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from impasto.losses.bounded_matching import FEW, GROUP, SHORTLIST, best_columns


def pieces(whole: Tensor, width: int) -> Iterator[tuple[slice, int, Tensor]]:
    """Cut (P, S) into tables of two bands of rows and so many columns."""
    for rows in (slice(0, len(whole) // 2), slice(len(whole) // 2, len(whole))):
        for begin in range(0, whole.shape[1], width):
            yield rows, begin, whole[rows, begin : begin + width].contiguous()


def found(whole: Tensor, width: int, most: int) -> tuple[Tensor, Tensor]:
    return best_columns(pieces(whole, width), len(whole), most, whole.dtype, whole.device)


@pytest.mark.parametrize("most", [1, 5, SHORTLIST])
@pytest.mark.parametrize("width", [1, GROUP - 1, GROUP, 3 * GROUP + 5, 200, 1000])
def test_largest_of_tables_are_those_of_all_columns(most: int, width: int) -> None:
    whole = torch.randn(14, 700, generator=torch.Generator().manual_seed(width), dtype=torch.float64)
    expected = whole.topk(most, 1)

    values, numbers = found(whole, width, most)

    assert torch.equal(values, expected.values)
    assert torch.equal(numbers, expected.indices)


@pytest.mark.parametrize("new", [0, 1, FEW, FEW + 1, SHORTLIST, SHORTLIST + 1, 300])
def test_a_late_table_may_bring_none_few_or_all_of_the_largest(new: int) -> None:
    whole = torch.rand(6, 600, generator=torch.Generator().manual_seed(new), dtype=torch.float64)
    # The rows differ, so that every number of new values meets every other in one table.
    for row in range(6):
        whole[row, 300 : 300 + (new * row) // 5] += 1 + row

    values, numbers = found(whole, 300, SHORTLIST)

    assert torch.equal(values, whole.topk(SHORTLIST, 1).values)
    assert torch.equal(whole.gather(1, numbers), values)


def test_columns_that_are_ruled_out_come_after_all_others() -> None:
    whole = torch.rand(4, 90, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    whole[:, 10:] = -torch.inf

    values, numbers = found(whole, 40, 12)

    assert torch.equal(values, whole.topk(12, 1).values)
    assert torch.equal(numbers[:, :10].sort(1).values, torch.arange(10).expand(4, 10))


def test_of_fewer_columns_than_are_asked_for_the_rest_is_nothing() -> None:
    values, _ = found(torch.rand(4, 7, dtype=torch.float64), 3, 9)

    assert bool((values[:, 7:] == -torch.inf).all())
    assert bool((values[:, :7] >= 0).all())
