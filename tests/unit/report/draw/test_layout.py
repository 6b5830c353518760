"""Grids of panels and what does not fit into one."""

from memdyn.report.draw.layout import pages, shape_for, spread


def test_spread_and_chunks():
    assert spread([0, 1, 2, 3, 5, 7, 10], 4) == [0, 2, 5, 10]
    assert spread([3], 4) == [3] and spread([1, 2, 3], 1) == [3] and spread([1, 2], 8) == [1, 2]
    assert list(pages([1, 2, 3], 2)) == [(0, [1, 2]), (1, [3])]


def test_panels_fill_their_rows():
    assert [shape_for(count, most=3)[1] for count in range(1, 8)] == [1, 2, 3, 2, 3, 3, 3]
