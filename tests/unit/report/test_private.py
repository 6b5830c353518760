"""With `report.show_images: false` nothing of the data is on the page and in the figures."""

from dataclasses import replace

import pytest

from memdyn.report.figures import draw_all
from memdyn.report.page.context import PageContext, config_text
from memdyn.report.page.render import render_page
from quick_figures import without_layout
from synthetic_dynamics import analysis_tables
from synthetic_tables import OPTIONS, RUNS, fake_pool, study_tables

RUN = "cnn-sgd"


@pytest.fixture(scope="module")
def tables():
    """Of one run at two checkpoints."""
    plain = study_tables(fake_pool(), n_scored=60, models=8, runs={RUN: RUNS[RUN]})
    tables = plain | analysis_tables(plain["samples"], (RUN,))
    two = ("samples", "curves")
    return tables | {name: tables[name][tables[name]["epoch"].isin([0, 20])] for name in two}


def other_people(pool):
    """The same study of other images, whose classes and files have other names."""
    names = {"class_names": [f"Person {k}" for k in range(10)], "files": files("person", pool)}
    return replace(pool, images=255 - pool.images, **names)


def files(name, pool):
    """A file a sample."""
    return tuple(f"ward/{name}-{k}.png" for k in range(len(pool.labels)))


def deposited(tables, pool, folder_, options):
    """Every file of the study's figures and its page, by name."""
    folder_.mkdir()
    needed = ("runs", "samples", "summary", "curves")
    some = {name: tables[name] for name in needed}
    with without_layout():
        draw_all(some, {RUN: pool}, folder_, options)
    context = PageContext(study="s", title="t", config_yaml="a: 1", versions={}, folders={}, options=options)
    page = render_page({n: t for n, t in some.items() if n != "samples"}, folder_, context)
    return {path.name: path.read_bytes() for path in sorted(folder_.iterdir())} | {"page": page.encode()}


@pytest.mark.parametrize("show_images", [False, True])
def test_what_is_deposited_does_not_depend_on_images_and_names_of_classes(tables, tmp_path, show_images):
    pool, options = fake_pool(), replace(OPTIONS, show_images=show_images, pdf=True)
    pool = replace(pool, files=files("scan", pool))
    one = deposited(tables, pool, tmp_path / "one", options)
    two = deposited(tables, other_people(pool), tmp_path / "two", options)
    assert one.keys() == two.keys()
    differing = {name for name in one if one[name] != two[name]}
    if show_images:
        assert {"page", "classes-lira.png", f"samples-lira-{RUN}.pdf"} <= differing
    else:
        assert differing == set()
        assert b"class 3" in one["figures.json"] and b"Person" not in one["figures.json"]
        assert not any(word in content for word in (b"scan-", b"ward/") for content in one.values())


def test_the_config_on_the_page_tells_no_path_of_the_data():
    secret = "/home/alice/patients"
    sets = {"name": "image_folder", "path": secret}
    config = {
        "report": {"show_images": False},
        "pool": {"dataset": sets | {"size": 8}},
        "runs": [{"name": "a", "pool": {"dataset": {"name": "custom", "target": "x.py:f", "files": [secret]}}}],
        "grid": {
            "pool.dataset": {"first": dict(sets), "second": dict(sets)},
            "pool.dataset.path": [secret],
            "pool.dataset.options": {"some": {"list": secret}},
        },
        "base": {"model": {"name": "custom", "options": {"width": 3}}},
    }
    text = config_text(config)
    assert secret not in text and text.count("(not shown)") == 6
    assert "x.py:f" in text and "width: 3" in text and "size: 8" in text
    assert config_text(config | {"report": {"show_images": True}}).count(secret) == 6
