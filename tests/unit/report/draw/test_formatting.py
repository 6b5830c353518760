"""Numbers as the page prints them."""

import math

from memdyn.report.draw import formatting


def test_numbers():
    assert formatting.interval(0.70312, 0.69812, 0.70809) == "0.703 [0.698, 0.708]"
    assert formatting.interval(0.5, math.nan, math.nan) == "0.500"
    assert formatting.signed_interval(-0.0213, -0.0351, 0.0004) == "−0.021 [−0.035, +0.000]"
    assert formatting.signed_interval(math.nan, 0, 0) == formatting.number(None) == "–"
    assert formatting.percent(0.1234) == "12.3 %"
    assert formatting.p_value(0.0004) == "< 0.001" and formatting.p_value(0.3123) == "0.31"
    assert [formatting.duration(s) for s in (1.714, 192, 7500)] == ["1.71 s", "3 min 12 s", "2 h 5 min"]
