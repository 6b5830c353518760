"""A user's words in figures: as they were typed, never as markup or boxes, and never out of the frame."""

import warnings
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from memdyn.report.draw import style, text
from memdyn.report.draw.pools import DrawnPool
from memdyn.report.figures import draw_all, drawings
from memdyn.report.page.context import PageContext
from memdyn.report.page.render import render_page
from synthetic_dynamics import analysis_tables
from synthetic_tables import OPTIONS, RUNS, fake_pool, study_tables

CLASSES = [
    "$x^{$",
    "日本",
    "<b>&amp;",
    "a_b%c\\d",
    "",
    "two\nlines\t",
    "שלום",
    "😀 \U0001f3f3\ufe0f\u200d\U0001f308",
    "W" * 80,
    "\u202edrow",
]
# two with letters of all kinds, and the longest of a two by two grid
NAMES = [
    "$\\frac{$ <i>&lt;",
    "日本語" * 30,
    "model=mlp-[128],optimizer={'name': 'sgd', \"lr\": 0.05}_^%#&~",
    "model=mlp-[128],optimizer=sam-0.05-0.05",
]


@pytest.fixture
def only_own_font(monkeypatch):
    """No font but the one that ships with matplotlib, whatever is installed here."""
    own = {text.FONT: [font_manager.findfont(text.FONT)]}
    monkeypatch.setattr(text, "_fonts", lambda: own)
    text.font_of.cache_clear()
    yield
    text.font_of.cache_clear()


def study(names, **options):
    """A study with all figures whose runs have these names."""
    runs = {name: (0.8 + 0.02 * k, "mlp", "sgd") for k, name in enumerate(names)}
    plain = study_tables(fake_pool(), runs=runs, **options)
    tables = plain | analysis_tables(plain["samples"], tuple(names))
    tables.pop("claims")
    return tables, {name: replace(fake_pool(), class_names=CLASSES) for name in names}


def drawn(tables, pools):
    """Every figure, laid out as it is saved; a warning is an error."""
    words = [*tables["runs"]["run"], *CLASSES]
    with style.report_style(words), warnings.catch_warnings():
        warnings.simplefilter("error")
        for drawing in drawings(tables, pools, OPTIONS):
            FigureCanvasAgg(drawing.figure).draw()
            yield drawing
            plt.close(drawing.figure)


def outside(figure):
    """Texts and legends that reach over the edge of the canvas."""
    renderer, (width, height) = figure.canvas.get_renderer(), figure.bbox.size
    found, unseen = [], ticks_out_of_view(figure)
    for artist in [a for a in figure.findobj(Text) if a.get_text() and a not in unseen] + figure.legends:
        axes = getattr(artist, "axes", None)
        if not artist.get_visible() or (axes is not None and not axes.get_visible()):
            continue
        box = artist.get_window_extent(renderer)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
            found.append((artist.get_text() if isinstance(artist, Text) else "legend", box.bounds))
    return found


def ticks_out_of_view(figure):
    """Labels of ticks that are kept but not drawn."""
    found = set()
    for axes, axis in ((one, axis) for one in figure.axes for axis in (one.xaxis, one.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        gone = [tick for tick in ticks if not (axes.axison and low <= tick.get_loc() <= high)]
        found |= {label for tick in gone for label in (tick.label1, tick.label2)}
    return found


def overlapping_titles(figure):
    """Titles of neighbouring panels that are written over each other."""
    renderer = figure.canvas.get_renderer()
    titles = [axes.title for axes in figure.axes if axes.get_visible() and axes.get_title()]
    boxes = [title.get_window_extent(renderer) for title in titles]
    pairs = [(a, b) for k, a in enumerate(boxes) for b in boxes[:k] if a.overlaps(b) and a.width * b.width > 0]
    return [(a.bounds, b.bounds) for a, b in pairs]


def check_figures(tables, pools):
    names = []
    for drawing in drawn(tables, pools):
        figure, names = drawing.figure, [*names, drawing.record.name]
        assert not outside(figure), drawing.record.name
        assert not overlapping_titles(figure), drawing.record.name
        words = text.words_in(figure)
        assert not any(artist.get_parse_math() for artist in figure.findobj(Text)), drawing.record.name
        assert not any("mathdefault" in word or "\n\n" in word for word in words), drawing.record.name
        for legend in figure.legends:
            assert not any(legend.get_window_extent().overlaps(axes.bbox) for axes in figure.axes if axes.get_visible())
    return names


@pytest.mark.slow
def test_hostile_words_are_drawn_as_they_are(only_own_font):
    names = check_figures(*study(NAMES, n_scored=60, models=8))
    assert {"classes-lira", "samples-lira-1-frac-i-lt", "samples-lira-2-", "utility", "factors-lira"} <= set(names)


@pytest.mark.slow
def test_twelve_runs_with_long_names_are_not_cut_off():
    """In figures that show all of them at once; the others have a few runs a page, as those above."""
    names = [f"resnet18-width64-weight-decay-5e-4-{k}-batch-size-128-schedule-cosine-augment" for k in range(12)]
    tables, pools = study(names, n_scored=20, models=8)
    for name in ("samples", "transitions", "early", "difficulty", "tails"):
        tables.pop(name)
    for name in ("differences", "factor_differences"):
        first = tables[name]["run_a"] == names[0]
        tables[name] = tables[name].assign(factor=np.where(first, "optimizer", ""))
    assert {"leakage", "utility", "comparison", "factors-lira-2"} <= set(check_figures(tables, pools))


def test_names_that_are_shortened_alike_are_numbered():
    tables, _ = study(["a" * 50 + str(k) + "b" * 50 for k in range(3)] + ["c"], n_scored=20, models=8)
    names = [one.name for one in style.in_figures(style.run_styles(tables["runs"])).values()]
    assert [name[-3:] for name in names[:3]] == [" #1", " #2", " #3"] and names[3] == "c"
    assert all(text.width(name) <= style.LONGEST_NAME for name in names)


def test_a_file_whose_name_cannot_be_drawn_is_told_by_its_number(only_own_font):
    pool = fake_pool(2)
    files = ("ward/日.png", "ward/scan 1.png")
    shown = DrawnPool.of(replace(pool, files=files), show_images=True)
    assert [shown.called(40, 0), shown.called(41, 1)] == ["#40", "scan 1.png"]
    assert set("scan 1.日") <= set(shown.words[-1]), "fonts are looked for"
    hidden = DrawnPool.of(replace(pool, files=files), show_images=False)
    assert hidden.called(41, 1) == "#41" and not hidden.files and hidden.words[-1] == ""


def test_one_line():
    assert text.one_line("two\nlines\t") == "two lines" and text.one_line(" \n ") == text.NAMELESS
    assert text.one_line("\u202edrow") == "drow" and text.one_line("a\ud800b\x00") == "a b"
    assert text.one_line("$x^{$ <b>") == "$x^{$ <b>"


def test_letters_without_a_font_are_written_by_number(only_own_font):
    assert text.drawable("日本") == "\\u65e5\\u672c" and text.drawable("日本", "class 3") == "class 3"
    assert text.drawable("a_$é′✗😀") == "a_$é′✗😀" and text.families(["日本", "abc"]) == [text.FONT]
    pool = DrawnPool.of(replace(fake_pool(), class_names=CLASSES), show_images=True)
    assert pool.class_names[1] == "class 1" and pool.class_names[7] == "class 7", "the flag is of letters that lack"
    assert pool.by_number == {"class 1": "日本", "class 7": CLASSES[7]}
    words = "Written by number, since no installed font has all letters: class 1: 日本."
    assert text.numbered(["class 1, #17\nd′ 2"], pool.by_number) == words
    assert text.numbered(["class 10"], pool.by_number) == ""


@pytest.fixture
def cjk_font(tmp_path):
    """An installed font with two letters, each a square."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "sun", "book"])
    builder.setupCharacterMap({ord("日"): "sun", ord("本"): "book"})
    pen = TTGlyphPen(None)
    for move, point in ((pen.moveTo, (0, 0)), (pen.lineTo, (0, 700)), (pen.lineTo, (700, 700)), (pen.lineTo, (700, 0))):
        move(point)
    pen.closePath()
    square = pen.glyph()
    builder.setupGlyf({".notdef": square, "sun": square, "book": square})
    builder.setupHorizontalMetrics(dict.fromkeys((".notdef", "sun", "book"), (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Two Letters", "styleName": "Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    path = tmp_path / "two.ttf"
    builder.save(path)
    before = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(path)
    text.font_of.cache_clear()
    yield
    font_manager.fontManager.ttflist[:] = before
    text.font_of.cache_clear()


def test_letters_of_an_installed_font_are_used(cjk_font, tmp_path):
    assert text.drawable("日本", "class 0") == "日本" and "Two Letters" in text.families(["日本"])
    with style.report_style(["日本"]), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plt.figure()
        drawn_text = figure.text(0.1, 0.5, "日本 b")
        figure.savefig(tmp_path / "a.png")
        figure.savefig(tmp_path / "a.pdf")
        assert drawn_text.get_window_extent().width > 0
        plt.close(figure)


def test_widths_are_about_those_of_the_font():
    """In average letters; wide ones count as such."""
    with style.report_style():
        figure = plt.figure()
        renderer = FigureCanvasAgg(figure).get_renderer()
        for word in ("resnet18-wd5e-4", "WWWWWW", "iiiiiiii", "a_b %", "0.05"):
            shown = figure.text(0, 0, word, fontsize=10)
            em = 10 / 72 * figure.dpi
            assert text.width(word) * 0.6 * em == pytest.approx(shown.get_window_extent(renderer).width, rel=0.08)
        plt.close(figure)


def test_wrapped_labels_fit_and_are_whole_where_they_can_be():
    rng = np.random.default_rng(0)
    letters = list("abWi-_=,/ 0日")
    for _ in range(300):
        word = "".join(rng.choice(letters, size=rng.integers(1, 90))).strip() or "a"
        lines = style.wrap_label(word, 20).splitlines()
        assert len(lines) <= 2 and all(text.width(line) <= 20 for line in lines)
        if text.width(word) <= 20:
            assert lines == [word]


def test_words_are_no_markup_on_the_page_either(tmp_path, only_own_font):
    tables, pools = study(NAMES, n_scored=40, models=8)
    few = {
        name: tables[name] for name in ("runs", "attack_metrics", "null", "pools", "summary", "curves", "differences")
    }
    draw_all({name: few[name] for name in ("runs", "curves", "summary")}, pools, tmp_path, OPTIONS)
    hostile = "<script>alert(1)</script>"
    context = PageContext(hostile, hostile, f"title: {hostile}\n", {hostile: hostile}, {hostile: hostile}, OPTIONS)
    page = render_page(few, tmp_path, context)
    assert "<script" not in page and "<i>" not in page and "&lt;i&gt;&amp;lt;" in page
    assert "日本" in page, "the page itself has the letters"
    assert "no installed font has all letters" in page and RUNS
