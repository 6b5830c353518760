"""Tests run side by side with one thread each: threads that wait for each other spin, and take what others need.

Files that take minutes start first, the longest at once: one that starts last would be waited for by all workers.
"""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are imported, which is after this

# By seconds measured, but for files of tests/slurm, which lie apart: they wait more than they work, and side by side
# they would leave a core idle. Then come all others of tests/workflow, of which each runs whole studies, and of
# tests/slurm, then LONG_UNITS.
LONGEST = (
    *("slurm/test_outages.py", "workflow/test_crash.py", "workflow/test_mechanisms.py", "workflow/test_edit_matrix.py"),
    *("workflow/test_archive.py", "workflow/test_own_code.py", "slurm/test_study.py", "workflow/test_interim.py"),
    *("workflow/test_measures.py", "workflow/test_failed.py", "workflow/test_kills.py"),
    *("workflow/test_every_attack.py", "slurm/test_faults.py"),
)
LONG_UNITS = (
    *("report/test_figures.py", "dynamics/test_population.py", "attacks/test_null.py", "report/draw/test_text.py"),
    *("models/test_layout.py", "attacks/test_crossfit.py", "dynamics/test_correlation.py"),
)
ORDER = (*LONGEST, "workflow/", "slurm/", *(f"unit/{file}" for file in LONG_UNITS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts files; within one the order stays. (--no-loadscope-reorder keeps pytest-xdist from sorting them anew.)"""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    """Where its file is in ORDER; behind all of it where it is not there."""
    path = item.path.as_posix()
    return next((place for place, start in enumerate(ORDER) if f"/tests/{start}" in path), len(ORDER))
