"""What a job leaves of itself, for tests of what reads it."""

RECORD = {
    "rule": "run_attack",
    "started": "2026-11-29T04:38:25+00:00",
    "ended": "2026-11-29T04:38:27+00:00",
    "seconds": 9.0,
    "threads": 1,
    "peak_mb": 1.0,
    "peak_cuda_mb": None,
    "host": "",
    "slurm_job": "",
    "commit": "",
    "digest": "",
    "versions": {},
}
