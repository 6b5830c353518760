# of a study with limits of its leak alone: there only where each is judged, and none is broken
WITHIN_LIMITS = f"{VERSIONS}/{PLAN.limits.folder}/within_limits.txt"
needed = INPUTS.of("judge_limits", [WITHIN_LIMITS])


# Last of all, so that nothing is lost where it fails; it fails again as long as the leak is above its limit.
rule judge_limits:
    input:
        page=needed(STUDY_REPORT),
        tables=needed(
            [
                f"{TABLES}/{name}.parquet"
                for name in (
                    "agreement",
                    "attack_metrics",
                    "runs",
                    "samples_index",
                    "vulnerability_matrix",
                )
                if name in STUDY_TABLES
            ]
        ),
    output:
        verdict=WITHIN_LIMITS,
    log:
        f"{VERSIONS}/{PLAN.limits.folder}/limits.log",
    retries: 0
    localrule: True
    conda:
        "../../envs/memdyn.yaml"
    params:
        limits=PLAN.limits.options["limits"],
    script:
        "../scripts/judge_limits.py"
