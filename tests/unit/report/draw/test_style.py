"""Looks of runs and their names in figures."""

import pandas as pd

from memdyn.report.draw import style


def test_styles_repeat_only_after_28_runs():
    runs = pd.DataFrame({"run": [f"r{i}" for i in range(28)]})
    assert len({(s.colour, str(s.linestyle)) for s in style.run_styles(runs).values()}) == 28


def test_wrap_label_keeps_numbers_and_ends():
    assert style.wrap_label("cnn-sam", 20) == "cnn-sam"
    assert style.wrap_label("resnet18-wd1e-4-batch64", 16) == "resnet18-wd1e-4-\nbatch64"
    long = style.wrap_label("x" * 100 + "-last", 10)
    assert long.endswith("last") and max(map(len, long.splitlines())) <= 10
