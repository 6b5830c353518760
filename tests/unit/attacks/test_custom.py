"""A user's own attack: loaded from its file, refused with what it lacks, and like any other in a study's plan."""

import numpy as np
import pytest

from fresh_code import forget_code
from memdyn.attacks.base import build
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.plan import reads
from memdyn.plan.study import build_plan
from own_files import write
from studies import study
from worlds import gaussian_world

MINE = """
from dataclasses import dataclass
from memdyn.attacks.base import Attack, Reads
from power import raised

@dataclass(frozen=True)
class Mine(Attack):
    power: float = 1.0
    reads = (Reads("margin"),)

    def prepare(self, values):
        return {"value": raised(values["margin"], self.power)}

    def score_prepared(self, signals, folds):
        return signals.arrays["value"]
"""
POWER = "import numpy as np\n\ndef raised(margin, power):\n    return np.sign(margin) * np.abs(margin) ** power\n"


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "my", {"attack.py": MINE, "power.py": POWER})
    forget()
    yield tmp_path / "my"
    forget()


def forget():
    reads._reads.cache_clear()
    forget_code()


def custom(**options):
    return {"name": "custom", "target": "my/attack.py:Mine", "options": options}


def test_it_scores_as_any_other(own):
    world = gaussian_world(0, 8, 30, 1.0)
    attack = build(custom(power=2.0) | {"called": None})
    np.testing.assert_allclose(attack.score(world, "pairs"), np.sign(world.margins) * world.margins**2)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class Mine:\n    def prepare(self, values):\n        return values\n",
         "must be a class derived from memdyn.attacks.base.Attack; Mine is not, and has no score_prepared"),
        ("def Mine():\n    return 3\n", "; int is not, and has no prepare nor score_prepared"),
        ("from memdyn.attacks.base import Attack\nclass Mine(Attack):\n    pass\n", "abstract method.*score_prepared"),
        ("from memdyn.attacks.base import Attack\nclass Mine(Attack):\n    reads = ('margin',)\n"
         "    score_prepared = None\n", r"`reads` must be a tuple of Reads\(...\), got \('margin',\)"),
        ("class Other:\n    pass\n", "has no function Mine, nor a class"),
        (MINE.replace("power: float", "root: float"), "unexpected keyword argument 'power'"),
    ],
)  # fmt: skip
def test_what_is_no_attack_is_told(code, message, own):
    write(own, {"attack.py": code})
    forget()
    with pytest.raises(ValueError, match=message):
        build(custom(**({"power": 2.0} if "power" in code else {})))


def planned(*attacks, shown=("lira",)):
    changes = {"attacks": [{"name": "lira"}, *attacks], "dynamics": {"attacks": list(shown)}}
    return build_plan(load_study(study() | changes)).runs[0]


def test_its_code_is_in_the_names_of_what_reads_it_and_of_nothing_else(own):
    def plans():
        forget()
        return planned(custom(power=2.0)), planned(custom(power=2.0), shown=("Mine-power2.0",))

    before, shown = plans()
    assert set(before.attacks) == {"lira", "Mine-power2.0"}
    assert str(own / "attack.py") in before.attacks["Mine-power2.0"].roots
    write(own, {"power.py": POWER.replace("np.sign(margin) *", "2 * np.sign(margin) *")})
    after, shown_after = plans()
    assert after.attacks["lira"].folder == before.attacks["lira"].folder
    assert after.attacks["Mine-power2.0"].folder != before.attacks["Mine-power2.0"].folder
    for stage in ("pool", "train", "outputs", "dynamics", "analysis"):
        assert getattr(after, stage).folder == getattr(before, stage).folder, stage
    for stage in ("dynamics", "analysis"):
        assert getattr(shown_after, stage).folder != getattr(shown, stage).folder, stage
    other = planned(custom(power=3.0))
    assert other.attacks["Mine-power3.0"].folder != after.attacks["Mine-power2.0"].folder


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        ({"name": "custom", "target": "my/atack.py:Mine"}, "my/atack.py: No such file"),
        ({"name": "custom", "target": "my/attack.py:Mien"}, "has no 'Mien'; did you mean 'Mine'"),
        (custom(pwer=2.0), "attacks.options.pwer = 2.0: no option of Mine, .*attack.py, line 7; did you mean 'power'"),
    ],
)
def test_what_does_not_fit_is_told_before_any_job(attack, message, own):
    with pytest.raises(ConfigError, match=message):
        planned(attack)


def test_two_of_one_name_need_labels(own):
    write(own, {"second.py": MINE})
    second = custom() | {"target": "my/second.py:Mine"}
    with pytest.raises(ConfigError, match="every attack must differ from the others.*called"):
        planned(custom(), second)
    assert set(planned(custom(), second | {"called": "second"}).attacks) == {"lira", "Mine", "second"}
