"""Every term of the page is explained where it first stands, in text or in a figure."""

from html.parser import HTMLParser

import pytest

from memdyn.attacks import REGISTRY as ATTACKS
from memdyn.report.figures import draw_all
from memdyn.report.page.glossary import Glossary
from memdyn.report.page.render import render_page
from memdyn.report.record import read_index
from memdyn.report.words import DIFFICULTY_LABELS, METRIC_LABELS, ZONE_LABELS
from quick_figures import without_layout
from report_study import CONTEXT
from synthetic_dynamics import analysis_tables
from synthetic_tables import OPTIONS, RUNS, fake_pool, study_tables

NEWCOMERS = (
    *("lr1", "d′", "sham members", "HV", "LT-IQR", "AUC", "TPR at 1 % FPR", "onset", "jackknife", "EL2N", "C-score"),
    *("IN, OUT", "margin", "pooled", "null control", "tail check", "centre of mass", "advantage", "severity", "lira"),
    *("rmia", "loss", "TPR", "FPR", "ROC", "checkpoint", "member", "forgetting events", "area under the margin"),
)


def glossary():
    return Glossary.of(OPTIONS)


def test_the_words_that_newcomers_asked_for_have_a_meaning():
    meanings = glossary().meanings
    assert set(NEWCOMERS) <= set(meanings)
    assert all(10 < len(meaning) < 130 and not meaning.endswith(".") for meaning in meanings.values())
    assert meanings["HV"].endswith("TPR ≥ 0.9 and FPR ≤ 0.1")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("TPR at 0.1 % FPR", ["TPR at 1 % FPR"]),
        ("lira at lr1", ["lira", "lr1"]),
        ("lira-offline and rmia-offline-a0.5", ["lira-offline", "rmia-offline"]),
        ("lira-per-sample", ["lira"]),
        ("a pooled FPR of 5 %", ["pooled FPR"]),
        ("AUCs, outline, margin-like, INside", ["margin"]),
        ("sham: no leakage", ["sham members"]),
        ("d′ reached", ["d′"]),
    ],
)
def test_terms_are_found_as_words_and_the_longest_wins(text, terms):
    assert glossary().used_in(text) == terms


def test_every_attack_measure_and_zone_has_a_meaning():
    words = [
        *(ATTACKS.keys() - {"custom"}),
        *DIFFICULTY_LABELS.values(),
        *ZONE_LABELS.values(),
        *METRIC_LABELS.values(),
    ]
    assert [word for word in words if not glossary().used_in(word)] == ["vulnerable"], "explained beside leaning"


def test_a_term_is_marked_once_and_defined_with_what_its_meaning_needs():
    words = glossary()
    assert str(words.mark("AUC <b> & AUC")) == (f'<dfn title="{words.meanings["AUC"]}">AUC</dfn> &lt;b&gt; &amp; AUC')
    given = [name for name, _ in words.definitions()]
    assert given == ["member", "TPR", "FPR", "ROC", "AUC"], "in the glossary's order, the meaning's own terms included"
    assert str(words.mark("AUC of a member")) == "AUC of a member" and words.definitions() == []
    assert words.note(["HV", "HV"]) == "" and [name for name, _ in words.definitions()] == ["HV"]


class Blocks(HTMLParser):
    """What is written, in order: ("text", words), ("figure", its id), ("defined", term)."""

    SKIPPED = ("nav", "style", "title", "pre", "h1")

    def __init__(self):
        super().__init__()
        self.found, self.open = [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in ("img", "meta", "link", "input", "source", "br"):
            self.open.append((tag, attrs.get("class", "")))
        if tag == "dfn":
            self.found.append(("tooltip", attrs["title"]))
        if tag == "figure":
            self.found.append(("figure", attrs["id"].removeprefix("figure-")))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass
        if tag in ("figure", "table", "ul", "p", "dl"):
            self.found.append(("end", tag))

    def handle_data(self, data):
        tags = [tag for tag, _ in self.open]
        if any(tag in self.SKIPPED for tag in tags) or any("kicker" in kind for _, kind in self.open):
            return
        self.found.append(("term" if "dt" in tags else "meaning" if "dd" in tags else "text", data.strip()))


def check_terms(tables, folder_):
    """What is explained, once no block of the page has a term that was not explained before or right behind it."""
    with without_layout():
        draw_all(tables, dict.fromkeys(RUNS, fake_pool()), folder_, OPTIONS)
    written = {record.name: record.written for record in read_index(folder_)}
    words, parser = glossary(), Blocks()
    parser.feed(render_page(tables, folder_, CONTEXT))
    waiting, explained, needed = set(), set(), set()
    for kind, value in parser.found:
        if kind == "term":
            assert value in words.meanings and value not in explained, f"{value} is explained twice"
            explained.add(value)
        elif kind == "meaning":
            needed |= set(words.used_in(value))
        elif kind == "end" and value == "dl":
            assert waiting | needed <= explained, "the terms of a block are explained behind it"
            waiting.clear()
        elif kind in ("text", "figure") and not value.startswith("Terms:"):
            texts = [value] if kind == "text" else written[value]
            waiting |= {term for text in texts for term in words.used_in(text)} - explained
    assert not waiting
    tooltips = [value for kind, value in parser.found if kind == "tooltip"]
    assert len(tooltips) == len(set(tooltips)) >= 10
    return explained


@pytest.mark.slow
def test_every_term_is_explained_where_it_first_stands(tmp_path):
    plain = study_tables(fake_pool(), n_scored=60, models=8)
    explained = check_terms(plain | analysis_tables(plain["samples"]), tmp_path)
    assert {"lr1", "d′", "sham members", "HV", "LT-IQR", "AUC", "TPR at 1 % FPR", "onset", "jackknife"} <= explained


def test_a_page_with_little_explains_the_methods_words(tmp_path):
    plain = study_tables(fake_pool(), n_scored=20, models=8)
    explained = check_terms({name: plain[name] for name in ("runs", "accuracy", "attack_metrics")}, tmp_path)
    assert "d′" in explained and "LT-IQR" not in explained
