"""Queried models: what probes see of a network behind output rules, and what rules draw."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import own_mechanisms
from defended_trainings import section
from memdyn.compute.samples import Samples
from memdyn.design.seeds import derive_seed
from memdyn.probes.answers import Answers
from memdyn.probes.block import build_probe, probe_block
from memdyn.probes.outputs import signals
from memdyn.store.checkpoints import checkpoint_file, save_checkpoint
from small_trainings import make_pool

MODELS, EPOCHS, DEVICE = range(8, 10), (1, 5), torch.device("cpu")
PROBES = {
    "outputs": {"name": "outputs"},
    "logits": {"name": "logits", "dtype": "float32"},
    "views": {"name": "views", "flip": True, "shift": 1},
}


def new_network():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


def own(name, trains=False, **options):
    return {"name": name.lower(), "target": f"{own_mechanisms.__file__}:{name}", "options": options, "trains": trains}


@pytest.fixture(scope="module")
def pool():
    return make_pool(np.random.default_rng(0).integers(0, 256, (50, 1, 8, 8), dtype=np.uint8))


@pytest.fixture(scope="module")
def taken(tmp_path_factory, pool):
    """(rules, probe, batch) -> epoch -> signal -> values."""
    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(1)
    for model in MODELS:
        for epoch in EPOCHS:
            save_checkpoint(new_network(), checkpoint_file(folder, model, epoch))
    samples = Samples.of_pool(pool, slice(0, 40), DEVICE)

    def take(rules, probe="outputs", batch=40):
        answers = Answers(rules, 7, "key", pool, DEVICE) if rules else None
        called = build_probe(PROBES[probe] if isinstance(probe, str) else probe, "signal")
        members = np.zeros((len(MODELS), 40), bool)
        return dict(
            probe_block(called, new_network(), folder, MODELS, EPOCHS, samples, members, batch, answers=answers)
        )

    return take


def test_each_query_is_answered_by_the_rules_in_their_order(taken, pool):
    rules = [section("temperature", temperature=2.0), section("rounding", digits=1)]
    plain = taken([], "logits")
    found, other = taken(rules, "logits"), taken(rules[::-1], "logits")
    for epoch in EPOCHS:
        p = torch.from_numpy(plain[epoch]["logits"] / 2.0).double().softmax(2)
        expected = p.round(decimals=1).clamp(min=0.05).log()
        np.testing.assert_allclose(found[epoch]["logits"], expected, rtol=1e-5)
        assert not np.allclose(other[epoch]["logits"], expected, rtol=1e-3)
        labels = torch.from_numpy(pool.labels[:40])
        margins = np.stack([signals(torch.from_numpy(of), labels)["margin"] for of in found[epoch]["logits"]])
        np.testing.assert_array_equal(taken(rules, "outputs")[epoch]["margin"], margins)


def test_what_rules_draw_is_of_the_model_and_the_checkpoint(taken):
    found, plain = taken([section("output_noise", sigma=1.0)], "logits"), taken([], "logits")
    noises = [found[epoch]["logits"][row] - plain[epoch]["logits"][row] for epoch in EPOCHS for row in (0, 1)]
    for row, model in enumerate(MODELS):
        draw = torch.Generator().manual_seed(derive_seed(7, "key", model, "output of output_noise", 5))
        np.testing.assert_allclose(noises[2 + row], torch.randn(40, 3, generator=draw), atol=1e-5)
    assert len({noise.round(3).tobytes() for noise in noises}) == 4


@pytest.mark.parametrize("rule", ["output_noise", "hamp_output"])
@pytest.mark.parametrize("probe", ["outputs", "logits", "views"])
def test_answers_do_not_depend_on_how_many_samples_pass_at_once(taken, rule, probe):
    rules = [section(rule, **({"sigma": 1.0} if rule == "output_noise" else {}))]
    whole, parts = taken(rules, probe), taken(rules, probe, batch=7)
    for epoch in EPOCHS:
        for name, values in whole[epoch].items():
            np.testing.assert_allclose(parts[epoch][name], values, rtol=1e-4, atol=1e-5)


def test_probes_see_one_answer_to_one_query(taken):
    """The first view is the image itself; the others are queries of their own."""
    rules = [section("output_noise", sigma=1.0)]
    for epoch, views in taken(rules, "views").items():
        for name in ("margin", "gap"):
            np.testing.assert_array_equal(views[f"{name}_views"][..., 0], taken(rules, "outputs")[epoch][name])
        plain = taken([], "views")[epoch]["margin_views"]
        noise = views["margin_views"] - plain
        assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.4


def test_a_probe_of_the_users_own_sees_a_network_that_answers(taken, tmp_path):
    text = "def first(network, samples, members, batch):\n    x = samples.samples.float() / 63.75 - 2\n"
    (tmp_path / "p.py").write_text("import torch\n" + text + "    with torch.no_grad():\n        return network(x)\n")
    probe = {"name": "custom", "target": f"{tmp_path / 'p.py'}:first", "options": {}, "queries": True}
    for rules in ([], [section("temperature", temperature=4.0)]):
        seen = taken(rules, probe)[5]["signal"]
        np.testing.assert_allclose(seen, taken(rules, "logits")[5]["logits"], rtol=1e-4, atol=1e-5)


def test_a_mechanism_of_the_users_own_that_overrides_no_output_is_no_rule(taken):
    plain = taken([], "outputs")
    found = taken([own("LogitPenalty", trains=True, weight=1.0)], "outputs")
    np.testing.assert_array_equal(found[1]["margin"], plain[1]["margin"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LogitPenalty", "has a part in training \\(penalty\\); take `trains: false` away"),
        ("Infinite", "mechanism 'infinite': its `output` made logits that are not finite"),
        ("Misshapen", "mechanism 'misshapen': its `output` must return logits \\[40, 3\\], not a tensor \\[40\\]"),
    ],
)
def test_what_is_no_rule_is_told(taken, name, message):
    options = {"weight": 1.0} if name == "LogitPenalty" else {}
    with pytest.raises(ValueError, match=message):
        taken([own(name, **options)])


def test_a_plain_loss_has_a_part_in_training(taken):
    with pytest.raises(ValueError, match=r"compute_loss has a part in training \(objective\)"):
        taken([own("compute_loss")])


# -- planted: the outputs tell nothing, the label stays ----------------------------------------------------------------


def test_the_class_s_mean_output_hides_the_loss_and_keeps_the_label(taken):
    rules = [own("ClassMean")]
    plain, found = taken([], "logits"), taken(rules, "logits")
    for epoch in EPOCHS:
        for before, after in zip(plain[epoch]["logits"], found[epoch]["logits"], strict=True):
            label = before.argmax(1)
            assert (after.argmax(1) == label).all()
            for c in set(label.tolist()):
                p = torch.from_numpy(before[label == c]).softmax(1).mean(0)
                np.testing.assert_allclose(np.exp(after[label == c]), p.expand(int((label == c).sum()), 3), rtol=1e-3)
    assert len(np.unique(found[5]["logits"][0], axis=0)) == len(set(plain[5]["logits"][0].argmax(1).tolist()))


def test_the_rule_that_the_docs_show_is_this_one(taken, tmp_path):
    texts = [path.read_text() for path in (Path(__file__).parents[3] / "docs").glob("*.md")]
    (example,) = [
        found for text in texts for found in re.findall(r"```python\n([^`]*class ClassMean.*?)```", text, re.DOTALL)
    ]
    (tmp_path / "rule.py").write_text(example)
    shown = own("ClassMean") | {"target": f"{tmp_path / 'rule.py'}:ClassMean"}
    for epoch, found in taken([shown], "logits").items():
        np.testing.assert_array_equal(found["logits"], taken([own("ClassMean")], "logits")[epoch]["logits"])
