"""Figures that nobody looks at: finding room for their labels is 40 % of drawing."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image


@contextmanager
def without_layout() -> Iterator[None]:
    """Axes stay where they are made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConstrainedLayoutEngine, "execute", lambda engine, figure: None)
        yield


@contextmanager
def not_drawn() -> Iterator[None]:
    """They are made, and laid aside as an empty picture."""
    with pytest.MonkeyPatch.context() as patch:
        empty = Image.new("L", (16, 9))
        patch.setattr(FigureCanvasAgg, "print_png", lambda canvas, path, metadata=None: empty.save(path))
        yield
