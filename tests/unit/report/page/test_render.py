"""The page: its numbers, its verdict, and that it stands alone in a browser."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from memdyn.report.figures import draw_all
from memdyn.report.page.context import PageContext
from memdyn.report.page.render import render_page
from synthetic_tables import OPTIONS, RUNS, fake_pool, study_tables

OPTIONS = replace(OPTIONS, top_samples=6)
CONTEXT = PageContext(
    study="default",
    title="A <made-up> study",
    config_yaml="study: default\nruns:\n- name: " + "x" * 300 + "\n",
    versions={"memdyn": "0.1.0", "torch": "2.14.1"},
    folders={"cnn-sgd": "results/fashion_mnist_10k-1a2b3c4d/cnn-sgd-5c86d8/scores-123456/lira-m032-abcdef"},
    options=OPTIONS,
)
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """(tables, figures folder, page) of a study whose last run failed its null control."""
    pool = fake_pool()
    tables = study_tables(pool, n_scored=150, models=16, failed_null=True)
    figures = tmp_path_factory.mktemp("figures")
    draw_all(tables, dict.fromkeys(RUNS, pool), figures, OPTIONS)
    return tables, figures, render_page(tables, figures, CONTEXT)


def test_page_stands_alone(study):
    _, _, page = study
    assert "A &lt;made-up&gt; study" in page
    assert "FAILED for cnn-sam" in page
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page), "nothing may be loaded from elsewhere"
    assert "<script" not in page and "url(" not in page
    assert page.count("<figure") == page.count("<figcaption") == 13
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', page))
    heads = "".join(re.findall(r"<th scope.*?</th>", page))
    assert "1\u00a0%" in heads and " %" not in heads, "a number and its unit stand in one line"
    assert len(page.encode()) < 5e6


def test_the_title_of_a_figure_ends_with_one_mark(study, tmp_path):
    tables, figures, _ = study
    copied = Path(shutil.copytree(figures, tmp_path / "figures"))
    records = json.loads((copied / "figures.json").read_text())
    records[0]["title"] += "?"
    (copied / "figures.json").write_text(json.dumps(records))
    titles = re.findall(r"<figcaption><b>(.*?)</b>", render_page(tables, copied, CONTEXT))
    assert titles[0].endswith("?") and all(title.endswith(".") for title in titles[1:])


def test_page_without_optional_tables(study, tmp_path):
    tables, _, _ = study
    few = {"runs": tables["runs"]}
    draw_all(few, {}, tmp_path, OPTIONS)
    page = render_page(few, tmp_path, replace(CONTEXT, folders={}))
    assert "What was run" in page and "Comparison of runs" not in page


def test_of_the_finished_part_of_a_study_the_page_begins_with_what_is_missing(study):
    tables, figures, page = study
    assert "Interim report" not in page
    runs = [
        {"name": "cnn-sgd", "shown": True, "models": 16, "checkpoints": 4, "missing": ""},
        {"name": "<cnn-late>", "shown": False, "models": 8, "checkpoints": 5, "missing": "models 8 to 23: <not begun>"},
    ]
    interim = {"study": "sweep", "models": 24, "runs": runs, "left_out": ["Runs are not compared"]}
    part = render_page(tables, figures, replace(CONTEXT, interim=interim, models=16))
    told = part[part.index("Interim report") : part.index("<b>Checks</b>")]
    assert "the study sweep, which has not ended: 1 of its 2 runs, with 16 of 24 models each" in told
    assert "Runs are not compared." in told
    cells = re.findall(r"<td[^>]*>(.*?)</td>", told)
    assert cells == ["cnn-sgd", "yes", "4 of 4", "16 of 24", "–"] + [
        "&lt;cnn-late&gt;", "no", "0 of 5", "8 of 24", "models 8 to 23: &lt;not begun&gt;",
    ]  # fmt: skip


def test_rendering_again_gives_the_same_page(study):
    tables, figures, page = study
    assert render_page(tables, figures, CONTEXT) == page


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: the page is not opened in a browser")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "light"), (1280, "dark")])
def test_page_in_a_browser(study, tmp_path, width, scheme):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    path = tmp_path / "report.html"
    path.write_text(study[2], encoding="utf-8")
    complaints, requests = [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth") <= width, "the page scrolls sideways"
        broken = "[...document.images].filter(i => !i.complete || i.naturalWidth === 0).length"
        assert page.evaluate(broken) == 0
        widest = page.evaluate("Math.max(...[...document.images].map(i => i.getBoundingClientRect().width))")
        assert widest <= width
        page.locator("label[for=zoom-leakage]").click()
        natural, shown = page.evaluate(
            "(i => [i.naturalWidth, i.getBoundingClientRect().width])(document.querySelector('#figure-leakage img'))"
        )
        assert shown == pytest.approx(natural, abs=1), "a click shows the figure in full size"
        assert page.evaluate(f"{root}.scrollWidth") <= width, "an enlarged figure scrolls inside its frame"
        browser.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
