# The study: runs side by side.
STUDY_TABLES = study_tables(
    OPTIONS.analysis.enabled,
    bool(OPTIONS.level_distance),
    bool(OPTIONS.regularization),
    any(run.reliability for run in PLAN.runs),
    bool(OPTIONS.realised),
    any(run.uncalibrated for run in PLAN.runs),
)
TABLES = f"{VERSIONS}/{PLAN.tables.folder}"
TABLE_FILES = {name: f"{TABLES}/{name}.parquet" for name in STUDY_TABLES}
needed = INPUTS.of("compare_runs", TABLE_FILES.values())


rule compare_runs:
    input:
        pools=needed(FILES.pools),
        logs=needed(FILES.logs),
        attacks=needed(FILES.attacks(taken_over("attack"))),
        replicates=needed(FILES.attacks(["replicates"])),
        dynamics=needed(
            FILES.tables(
                "dynamics",
                [name for name in taken_over("dynamics") if name != "samples"],
            )
        ),
        samples=needed(FILES.tables("dynamics", ["samples"])),
        agreement=needed(FILES.tables("agreement", taken_over("agreement"))),
        analysis=needed(FILES.tables("analysis", taken_over("analysis"))),
        uncalibrated=needed(FILES.tables("uncalibrated", ["uncalibrated"])),
        uncalibrated_replicates=needed(
            FILES.tables("uncalibrated", ["uncalibrated_replicates"])
        ),
        uncalibrated_null=needed(FILES.tables("uncalibrated", ["uncalibrated_null"])),
        # runs are compared with a baseline sample by sample
        outputs=needed(FILES.outputs) if OPTIONS.regularization else [],
        masks=needed(FILES.all_masks) if OPTIONS.regularization else [],
        distances=needed(FILES.tables("distance", taken_over("distance"))),
        reliability=needed(FILES.tables("reliability", taken_over("reliability"))),
        realised=needed(FILES.tables("realised", taken_over("realised"))),
    output:
        **TABLE_FILES,
    log:
        f"{TABLES}/compare.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: study_memory(attempt),
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=PLAN.tables.params(),
        runs=PLAN.run_descriptions(),
        map=PLAN.folders(),
    script:
        "../scripts/compare_runs.py"
