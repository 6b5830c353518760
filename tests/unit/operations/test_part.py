"""Which part of a study is asked for."""

from types import SimpleNamespace

import pytest

from memdyn.operations.part import part


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, ""),
        ({"targets": {"all"}}, ""),
        ({"targets": ["results/report.html"]}, ""),  # a list where there are any, a set else
        ({"until": {"probe_block", "build_pool"}}, "--until build_pool probe_block"),
        ({"omit_from": {"draw_figures"}, "targets": ["compare_runs"]}, "--omit-from draw_figures compare_runs"),
    ],
)
def test_a_part_is_told_in_the_words_of_the_command_line(asked, told):
    settings = {"until": frozenset(), "omit_from": frozenset(), "targets": frozenset()} | asked
    assert part(SimpleNamespace(**settings), "results/report.html") == told


def test_nothing_is_told_before_it_is_known():
    assert part(None, "results/report.html") == ""
