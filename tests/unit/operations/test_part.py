"""Which part of a study is asked for."""

from types import SimpleNamespace

import pytest

from memdyn.operations.part import part


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, ""),
        ({"targets": ["all"]}, ""),
        ({"until": {"probe_block", "build_pool"}}, "--until build_pool probe_block"),
        ({"omit_from": {"draw_figures"}, "targets": ["compare_runs"]}, "--omit-from draw_figures compare_runs"),
    ],
)
def test_a_part_is_told_in_the_words_of_the_command_line(asked, told):
    # as Snakemake's command line gives them: targets are a list
    settings = {"until": frozenset(), "omit_from": frozenset(), "targets": []} | asked
    assert part(SimpleNamespace(**settings)) == told


def test_nothing_is_told_before_it_is_known():
    assert part(None) == ""
