"""The study that a command is asked about, said in either way."""

from argparse import ArgumentParser

import pytest

from memdyn.operations.asked import study_arguments


def asked(*words):
    parser = ArgumentParser()
    study_arguments(parser)
    return parser.parse_args(words).configfile


def test_a_file_is_given_by_itself_or_as_snakemake_has_it():
    assert asked("a.yaml") == asked("--configfile", "a.yaml") == asked("a.yaml", "--results", "here") == "a.yaml"
    assert asked() == asked("--results", "here") == "config/config.yaml"


@pytest.mark.parametrize("words", [("a.yaml", "--configfile", "b.yaml"), ("--configfile", "b.yaml", "a.yaml")])
def test_two_files_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        asked(*words)
    assert "not allowed with argument" in capsys.readouterr().err
