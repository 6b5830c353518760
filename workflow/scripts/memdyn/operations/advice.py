"""What to do about a failed job: for a job of a cluster, the line of the profile to set."""

import re
from collections.abc import Iterator

from memdyn.jobs.failure import REFUSED, Failure

PROFILE = "profiles/slurm/profile.yaml"
# What sbatch, or the executor before it, says of a job that it does not take -> the key to set
_REFUSALS = {
    r"time limit": "runtime",
    r"account": "slurm_account",
    r"qos": "qos",
    r"partition": "slurm_partition",
    r"gres|gpu": "gpu_model",
    r"memory": "mem_mb",
    r"cpu|processors|node configuration|node count": "slurm_partition",
}
_EXAMPLES = {"slurm_account": '"my_account"', "slurm_partition": '"gpu"', "gpu_model": '"a100"', "qos": '"long"'}
_MEANT = {
    "runtime": "at most what the partition allows, in minutes",
    "mem_mb": "at most what a node of the partition has",
    "slurm_partition": "one that has what the job asks for, see `sinfo`",
    "slurm_account": "one that you may use, see `sacctmgr show associations user=$USER`",
    "gpu_model": "a type of the partition's GPUs, see `sinfo -o %G`",
    "qos": "one that you may use",
}


def advice(failure: Failure) -> Iterator[str]:
    """Lines, none where the failure's own words say what to do."""
    match failure.cause:
        case "OUT_OF_MEMORY":
            yield from _more(failure, "mem_mb", "MB")
        case "TIMEOUT" | "DEADLINE":
            yield from _more(failure, "runtime", "minutes")
            if failure.rule == "train_block":
                yield "or give the same command again: training goes on where the limit stopped it"
        case "CANCELLED":
            yield "somebody cancelled it (scancel), or a job of a higher priority: give the same command again"
        case "NODE_FAIL" | "BOOT_FAIL" | "PREEMPTED":
            yield "the node's fault: give the same command again"
        case cause if cause == REFUSED:
            yield from _refused(failure)
        case _:
            yield from _of_error(failure)


def _line(rule: str, key: str, value: object) -> str:
    """As it stands in the profile."""
    return f"set-resources: {{{rule}: {{{key}: {value}}}}}"


def _more(failure: Failure, key: str, unit: str) -> Iterator[str]:
    asked = failure.asked.get(key)
    yield (
        f"{PROFILE}: {_line(failure.rule, key, 2 * asked if asked else '...')}"
        + (f" (it had asked for {asked:,} {unit} in its last attempt)" if asked else "")
    )


def _refused(failure: Failure) -> Iterator[str]:
    if failure.again:  # whatever else the message speaks of
        yield "SLURM's controller was away or busy: give the same command again when `sinfo` answers"
        return
    for pattern, key in _REFUSALS.items():
        if re.search(pattern, failure.words, re.I):
            asked = failure.asked.get(key)
            value = _EXAMPLES.get(key) or (asked // 2 if asked else "...")
            yield f"{PROFILE}: {_line(failure.rule, key, value)}, {_MEANT[key]}{f'; asked: {asked:,}' if asked else ''}"
            return
    yield f"{PROFILE}: what {failure.rule} asks for"


def _of_error(failure: Failure) -> Iterator[str]:
    words = failure.words
    if "torch sees no GPU" in words:
        keys = ", ".join(f"{key}: {_EXAMPLES[key]}" for key in ("slurm_partition", "gpu_model"))
        yield f"{PROFILE}: set-resources: {{{failure.rule}: {{{keys}}}}}; without a cluster: device: cpu"
    elif "CUDA out of memory" in words:
        yield f"{PROFILE}: {_line(failure.rule, 'gpu_model', _EXAMPLES['gpu_model'])}, one with more memory; or"
        yield "a smaller batch_size; for scoring a smaller scoring_batch, which changes no result"
    elif "MemoryError: " in words or "can't allocate memory" in words:
        yield from _more(failure, "mem_mb", "MB")
    elif words.startswith("NoRoom"):
        yield "`memdyn clean` lists what can go; keep_checkpoints: none; fewer jobs at a time hold fewer weights"
    elif words.startswith(("ModuleNotFoundError", "ImportError")):
        yield "install it where the jobs run: `make env`, or the environment of your own code"
