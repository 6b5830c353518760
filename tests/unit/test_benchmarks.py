"""Benchmarks are not timed here; but they must start, and the check of GPUs must be able to fail."""

import runpy
from math import isnan
from pathlib import Path

import bench_widths
import gpu_check
import pytest
import torch

BENCHMARKS = sorted(Path(gpu_check.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_each_finds_what_it_imports(path):
    assert runpy.run_path(str(path), run_name="imported")["__doc__"]


def test_foretold_widths_are_judged(monkeypatch, capsys):
    """Of 8 x 60 / 2 non-members .1 % is no false positive, so that nothing is told of it."""
    asked = "strong --attack loss --samples 60 --models 16 --replicates 2"
    monkeypatch.setattr("sys.argv", ["bench_widths.py", *asked.split()])
    bench_widths.main()
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith("loss   from   8 for  16 models,    4 times: ")
    shares = [list(map(float, words.split())) for words in told.rpartition(": ")[2].split("; ")]
    for auc, least, most in shares:
        assert 0 <= auc <= 1 and isnan(least) and 0 <= most <= 1
    assert max(auc for auc, *_ in shares) > 0


def test_the_checks_of_a_gpu_hold_on_the_cpu():
    held = gpu_check.checks(torch.device("cpu"))
    assert len(held) == 2 and all(held.values())


def test_they_fail_where_bits_or_numbers_differ(monkeypatch):
    margins = iter([torch.zeros(3), torch.full((3,), 1e-7), torch.zeros(3), torch.ones(3)])
    monkeypatch.setattr(gpu_check, "trained_margins", lambda device: next(margins))
    assert not any(gpu_check.checks(torch.device("cpu")).values())


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu_check.py"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main() == 1 and "torch sees no GPU here" in capsys.readouterr().err
