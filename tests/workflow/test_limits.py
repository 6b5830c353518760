"""A limit of the leak ends a study with an error after everything else is there; another limit is only judged anew."""

import pytest

from project import Project, job_counts

pytestmark = pytest.mark.slow


def test_a_leak_above_its_limit_fails_the_study_and_loses_nothing(copy: Project):
    page = copy.results / "studies" / "matrix" / "report.html"
    study, written = copy.study(), page.stat().st_mtime_ns
    copy.write_study(study | {"fail_above": {"loss": {"auc": 0.001}}})
    done = copy.snakemake()
    assert done.returncode != 0 and "Traceback" not in done.stdout
    assert job_counts(done.stdout) == {"judge_limits": 1}
    assert "loss on logistic: AUC (limit 0.001) is " in done.stdout and "lira on" not in done.stdout
    assert done.stdout.count("sample_id ") == 20, "ten records of each run"

    copy.write_study(study | {"fail_above": {"auc": 0.999}})
    said = copy.run()
    assert job_counts(said) == {"judge_limits": 1} and "sample_id " not in said
    assert page.stat().st_mtime_ns == written and copy.planned() == {}
