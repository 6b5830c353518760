"""For each way to fail on a cluster: the line of the profile to set."""

import pytest
import yaml

from memdyn.jobs.failure import ERROR, REFUSED, Failure
from memdyn.operations.advice import PROFILE, advice


def told(cause: str, words: str = "", rule: str = "train_block") -> str:
    return "\n".join(advice(Failure("", rule, cause, words, False, {"mem_mb": 24000, "runtime": 720})))


def line(cause: str, words: str = "", rule: str = "train_block") -> dict:
    """The first line's setting, read as YAML, which it must be to be pasted."""
    first = told(cause, words, rule).splitlines()[0]
    assert first.startswith(f"{PROFILE}: set-resources: ")
    text = first.removeprefix(f"{PROFILE}: ")
    return yaml.safe_load(text[: text.rindex("}}") + 2])["set-resources"][rule]


@pytest.mark.parametrize(("cause", "words", "key"), [
    ("OUT_OF_MEMORY", "", "mem_mb"),
    (ERROR, "_ArrayMemoryError: Unable to allocate 2 TiB", "mem_mb"),
    (ERROR, "RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried", "mem_mb"),
    ("TIMEOUT", "", "runtime"),
    (REFUSED, "Requested time limit is invalid (missing or exceeds some limit)", "runtime"),
    (REFUSED, "Invalid account or account/partition combination specified", "slurm_account"),
    (REFUSED, "invalid partition specified: nope; Invalid partition name specified", "slurm_partition"),
    (REFUSED, "Invalid generic resource (gres) specification", "gpu_model"),
    (REFUSED, "Invalid qos specification", "qos"),
    (REFUSED, "Memory specification can not be satisfied", "mem_mb"),
    (REFUSED, "Requested node configuration is not available", "slurm_partition"),
    (ERROR, "RuntimeError: device: cuda, but torch sees no GPU here", "slurm_partition"),
    (ERROR, "OutOfMemoryError: CUDA out of memory. Tried to", "gpu_model"),
])  # fmt: skip
def test_the_line_of_the_profile(cause, words, key):
    assert key in line(cause, words)


def test_twice_of_what_was_asked_last():
    assert line("OUT_OF_MEMORY", rule="run_attack") == {"mem_mb": 48000}
    assert line("TIMEOUT") == {"runtime": 1440}
    assert "it had asked for 24,000 MB" in told("OUT_OF_MEMORY")


def test_training_need_not_have_more_time():
    assert "training goes on where the limit stopped it" in told("TIMEOUT")
    assert "training" not in told("TIMEOUT", rule="run_attack")


@pytest.mark.parametrize("cause", ["CANCELLED", "NODE_FAIL"])
def test_what_is_nobodys_fault(cause):
    assert "give the same command again" in told(cause) and PROFILE not in told(cause)


def test_own_code_speaks_for_itself():
    assert told(ERROR, "ValueError: own net broke") == ""
    assert "memdyn clean" in told(ERROR, "NoRoom: no room to write x")


def test_a_controller_that_is_away_is_nothing_to_set():
    """The message names partitions, which it could not ask for."""
    words = "Failed to run sinfo for retrieval of cluster partitions: Unable to contact slurm controller"
    said = "\n".join(advice(Failure("", "build_pool", REFUSED, words, True)))
    assert "give the same command again" in said and PROFILE not in said
