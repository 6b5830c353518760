"""A user's words in figures and on the page: never markup, never boxes in place of letters, never more than one line.

Names of classes, runs, studies and levels of a grid are whatever somebody typed. The page escapes everything; figures
parse no mathematics (`text.parse_math` in `memdyn.report.draw.style`). Letters that the figures' font lacks come from
another installed font; where there is none, a word is written by number, and the caption tells which.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

FONT = "DejaVu Sans"  # ships with matplotlib, so figures look alike everywhere
NAMELESS = "(no name)"
_WIDE = 1.7  # widths of an average letter: East Asian letters, and other letters of another font
_AVERAGE = 0.6  # em
# controls, surrogates, unassigned and private letters, which have no shape; and marks that turn the writing's direction
_SHAPELESS = ("Cc", "Cs", "Cn", "Co")
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def one_line(words: object) -> str:
    """A user's words without line breaks, controls and marks of direction (which would reach beyond them)."""
    text = "".join(" " if unicodedata.category(c) in _SHAPELESS else c for c in _DIRECTIONS.sub("", str(words)))
    return " ".join(text.split()) or NAMELESS


def drawable(words: object, instead: str = "") -> str:
    """`one_line` in letters that figures can draw: otherwise `instead`, or missing letters by number (`\\u65e5`)."""
    text = one_line(words)
    missing = {c for c in text if font_of(c) is None}
    if not missing:
        return text
    return instead or "".join(c.encode("unicode_escape").decode() if c in missing else c for c in text)


def families(words: Iterable[str]) -> list[str]:
    """The figures' font, and the installed ones that have the letters which it lacks."""
    return list(dict.fromkeys([FONT, *(font_of(c) or FONT for word in words for c in sorted(set(word)))]))


@cache
def font_of(letter: str) -> str | None:
    """The family that a letter is drawn in: the figures' own, else the first by name that is installed and has it."""
    return next((name for name, files in _fonts().items() if any(ord(letter) in _letters(f) for f in files)), None)


def _fonts() -> dict[str, list[str]]:
    """Upright regular fonts by family, the figures' own first; the one that draws boxes for every letter is none."""
    found: dict[str, list[str]] = {FONT: [font_manager.findfont(FONT)]}
    for font in sorted(font_manager.fontManager.ttflist, key=lambda font: (font.name, font.fname)):
        plain = font.style == "normal" and font.weight in (400, "normal", "regular") and font.name != FONT
        if plain and not font.name.startswith("Last Resort"):
            found.setdefault(font.name, []).append(font.fname)
    return found


@cache
def _letters(file: str) -> frozenset[int]:
    """Code points of a font; none of one that cannot be scaled, as fonts of coloured pictures."""
    with suppress(OSError, RuntimeError):
        font = FT2Font(file)
        if font.scalable:
            return frozenset(font.get_charmap())
    return frozenset()


def width(text: str) -> float:
    """About how many average letters wide a text is drawn."""
    return sum(map(_advance, text))


@cache
def _advance(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    font = FT2Font(font_manager.findfont(FONT))
    if unicodedata.east_asian_width(letter) in "WF" or not font.get_char_index(ord(letter)):
        return _WIDE
    font.set_size(100, 72)
    return font.load_char(ord(letter)).linearHoriAdvance / 65536 / 100 / _AVERAGE


def words_in(figure: Figure) -> list[str]:
    """Everything that is written in a figure, as it was last drawn."""
    return list(dict.fromkeys(text.get_text() for text in figure.findobj(Text) if _shown(text) and text.get_text()))


def _shown(text: Text) -> bool:
    axes: Axes | None = text.axes
    return text.get_visible() and (axes is None or axes.get_visible())


def numbered(written: Iterable[str], names: Mapping[str, str]) -> str:
    """A sentence on what a figure writes by number, empty where it does not.

    Args:
        written: the words of the figure.
        names: what is drawn instead -> the user's words.
    """
    lines = "\n".join(written)
    found = [f"{drawn}: {own}" for drawn, own in names.items() if re.search(rf"(?<!\w){re.escape(drawn)}(?!\w)", lines)]
    return f"Written by number, since no installed font has all letters: {'; '.join(found)}." if found else ""
