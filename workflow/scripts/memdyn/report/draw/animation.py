"""A figure as a moving picture."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

_FRAME_MS, _LAST_MS = 500, 2500
_DPI = 90
_COLOURS = 128  # of the palette


def write_gif(figure: Figure, draw: Callable[[int], None], frames: Iterable[int], path: Path) -> None:
    """A GIF that repeats; the last frame stays longer. One palette, so that colours do not flicker.

    Args:
        draw: draws a frame into the figure.
    """
    pictures, canvas = [], FigureCanvasAgg(figure)
    figure.set_dpi(_DPI)
    for frame in frames:
        draw(frame)
        canvas.draw()
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
    palette = pictures[-1].quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    durations = [_FRAME_MS] * (len(indexed) - 1) + [_LAST_MS]
    indexed[0].save(path, save_all=True, append_images=indexed[1:], duration=durations, loop=0, optimize=False)
