"""The page: its numbers, its verdict, and that it stands alone in a browser."""

import math
import re
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from scipy import stats

from memdyn.compare import nulls
from memdyn.report.draw import formatting
from memdyn.report.draw.style import run_styles
from memdyn.report.figures import draw_all
from memdyn.report.page import tables as page_tables
from memdyn.report.page.render import PageContext, render_page
from synthetic_tables import OPTIONS, RUNS, fake_pool, folder, study_tables

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
    draw_all(tables, {folder(name): pool for name in RUNS}, figures, OPTIONS)
    return tables, figures, render_page(tables, figures, CONTEXT)


def cells(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_numbers():
    assert formatting.interval(0.70312, 0.69812, 0.70809) == "0.703 [0.698, 0.708]"
    assert formatting.interval(0.5, math.nan, math.nan) == "0.500"
    assert formatting.signed_interval(-0.0213, -0.0351, 0.0004) == "−0.021 [−0.035, +0.000]"
    assert formatting.signed_interval(math.nan, 0, 0) == formatting.number(None) == "–"
    assert formatting.percent(0.1234) == "12.3 %"
    assert formatting.p_value(0.0004) == "< 0.001" and formatting.p_value(0.3123) == "0.31"
    assert [formatting.duration(s) for s in (1.714, 192, 7500)] == ["1.71 s", "3 min 12 s", "2 h 5 min"]


def test_results_table_is_the_last_checkpoint_with_failed_runs_marked(study):
    tables, _, _ = study
    failed = {folder("cnn-sam")}
    table = page_tables.results(tables["attack_metrics"], run_styles(tables["runs"]), failed)
    last = tables["attack_metrics"].query("epoch == 20")
    assert len(table.rows) == len(last) / 2 == 9
    pooled, own = (
        last.query("attack == 'lira' and run == @folder('mlp-sgd') and aggregation == @aggregation").iloc[0]
        for aggregation in ("pooled", "per_model")
    )
    row = cells(table)[0]
    limits = formatting.interval(pooled["auc"], pooled["auc_low"], pooled["auc_high"])
    assert row[:3] == ["mlp-sgd", "lira", f"{limits} ± {0.002 * stats.t(15).ppf(0.975):.3f}"]
    small = "tpr_at_fpr_0.001"
    assert row[-3] == f"{own['auc']:.3f}" and row[-1] == f"{own[small]:.4f}"
    assert "on noise, by the draws of the null control, these are AUC 0.500, TPR at 1 % FPR 0.010, " in table.caption
    assert [row[0].kind for row in table.rows] == [""] * 6 + ["failed"] * 3
    assert "understates" not in table.caption


def test_results_table_says_where_pooled_figures_understate(study):
    tables, _, _ = study
    metrics = tables["attack_metrics"].copy()
    named = (metrics["attack"] == "rmia") & (metrics["run"] == folder("cnn-sgd")) & (metrics["aggregation"] == "pooled")
    columns = ["target_spread", "pooling_loss", "pooling_loss_at_least"]
    metrics.loc[named & (metrics["epoch"] == 20), columns] = [0.72, 0.036, 0.031]
    metrics.loc[named & (metrics["epoch"] < 20), columns] = [0.9, 0.09, 0.08]  # not the last checkpoint
    caption = page_tables.results(metrics, run_styles(tables["runs"]), set()).caption
    assert "understates rmia on cnn-sgd by 0.036 (targets differ by 0.72 SD)" in caption and "0.09" not in caption
    metrics.loc[named, "pooling_loss_at_least"] = 0.004
    assert "understates" not in page_tables.results(metrics, run_styles(tables["runs"]), set()).caption


def test_null_table_says_what_it_could_have_seen(study):
    tables, _, _ = study
    table = page_tables.null_control(tables["null"], run_styles(tables["runs"]))
    assert cells(table)[0][3:] == ["0.5003", "± 0.0021", "20", "passed"] and cells(table)[-1][-1] == "FAILED"


def test_null_table_tells_the_level_that_the_test_has(study):
    tables, _, _ = study
    caption = page_tables.null_control(tables["null"], run_styles(tables["runs"])).caption
    assert f"fails where p is at most {nulls._ALPHA:g}." in caption


def test_centre_table_has_the_limits_of_the_curves(study):
    tables, _, _ = study
    last = tables["centre"]["epoch"].max()
    rows = [(epoch, name, 9 + epoch) for epoch in (0, last) for name in ("displacement", "path_length")]
    curves = pd.DataFrame(rows, columns=["epoch", "figure", "low"])
    curves = curves.assign(high=curves["low"] + 1, null_low=0.0, null_high=0.5, group="all", threshold="lr1")
    curves = curves.assign(run=folder("mlp-sgd"), attack="lira")
    table = page_tables.centres(tables["centre"], curves, run_styles(tables["runs"]), "lr1")
    (row,) = (row for row in table.rows if (row[0].text, row[1].text) == ("mlp-sgd", "lira"))
    assert row[2].text.endswith(f"[{9 + last:.1f}, {10 + last:.1f}]") and row[4].text.endswith("[0.0, 0.5]")
    assert not any("[" in cell.text for other in table.rows if other is not row for cell in other)


def test_centre_table_measures_displacement_in_percentage_points(study):
    tables, _, _ = study
    table = page_tables.centres(tables["centre"], None, run_styles(tables["runs"]), "lr1")
    path = tables["centre"].query("run == @folder('mlp-sgd') and part == 'scored' and threshold == 'lr1'")
    first, last = path.iloc[0], path.iloc[-1]
    expected = 100 * math.hypot(last["fpr"] - first["fpr"], last["tpr"] - first["tpr"])
    assert float(cells(table)[0][2]) == pytest.approx(expected, abs=0.051)


def test_differences_are_bold_where_the_interval_excludes_zero(study):
    tables, _, _ = study
    table = page_tables.differences(tables["differences"], run_styles(tables["runs"]))
    assert len(table.rows) == 9
    for row in table.rows:
        for cell in row[3:]:
            low, high = re.search(r"\[(\S+), (\S+)\]", cell.text).groups()
            same_sign = low[0] == high[0]
            assert same_sign == (cell.kind == "strong") or "0.000" in cell.text


def test_page_stands_alone(study):
    _, _, page = study
    assert "A &lt;made-up&gt; study" in page
    assert "FAILED for cnn-sam" in page
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page), "nothing may be loaded from elsewhere"
    assert "<script" not in page and "url(" not in page
    assert page.count("<figure") == page.count("<figcaption") == 13
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', page))
    assert len(page.encode()) < 5e6


def test_page_without_optional_tables(study, tmp_path):
    tables, _, _ = study
    few = {"runs": tables["runs"]}
    draw_all(few, {}, tmp_path, OPTIONS)
    page = render_page(few, tmp_path, replace(CONTEXT, folders={}))
    assert "What was run" in page and "Comparison of runs" not in page


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
