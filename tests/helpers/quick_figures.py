"""Figures that nobody looks at: axes stay where they are made; finding room for their labels is 40 % of drawing."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from matplotlib.layout_engine import ConstrainedLayoutEngine


@contextmanager
def without_layout() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConstrainedLayoutEngine, "execute", lambda engine, figure: None)
        yield
