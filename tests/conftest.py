"""Tests run side by side with one thread each: threads that wait for each other spin, and take what others need.

Files that take minutes start first, the longest at once: one that starts last would be waited for by all workers.
"""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are imported, which is after this

# Besides all others of tests/workflow, of which each runs whole studies.
LONGEST = (
    *("slurm/test_study.py", "workflow/test_edit_matrix.py", "workflow/test_crash.py"),
    "unit/dynamics/test_correlation.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts files; within one the order stays. (--no-loadscope-reorder keeps pytest-xdist from sorting them anew.)"""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    path = item.path.as_posix()
    for place, file in enumerate(LONGEST):
        if path.endswith(f"/tests/{file}"):
            return place
    return len(LONGEST) + ("/tests/workflow/" not in path)
