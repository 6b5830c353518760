"""What somebody has to change is told in its own words."""

from logging import makeLogRecord

import pytest
from snakemake.exceptions import WorkflowError, format_exception_to_string

from memdyn.operations.refusal import Refusal, plainly


@pytest.mark.parametrize(
    "linemaps", [{}, {__file__: dict(zip(range(99), range(99), strict=True))}], ids=["job", "rule"]
)
@pytest.mark.parametrize(("kind", "is_plain"), [(Refusal, True), (WorkflowError, False)])
def test_where_the_code_refused_is_not_told(kind, is_plain, linemaps):
    words = 'bad config:\n  - a.path = "x": no such file, line 3:\n  - b: unknown key'
    try:
        raise kind(words)
    except WorkflowError as error:
        said = format_exception_to_string(error, linemaps)
    assert linemaps == {} or __file__ in said
    record = makeLogRecord({"msg": said, "exception": kind.__name__})
    assert plainly(record)
    assert (record.msg == words) is is_plain and words in record.msg
