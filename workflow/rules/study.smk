# The study: runs side by side.
STUDY_TABLES = study_tables(
    OPTIONS.analysis.enabled,
    bool(OPTIONS.level_distance),
    bool(OPTIONS.regularization),
    any(run.reliability for run in PLAN.runs),
    bool(OPTIONS.realised),
)
TABLES = f"{VERSIONS}/{PLAN.tables.folder}"
TABLE_FILES = {name: f"{TABLES}/{name}.parquet" for name in STUDY_TABLES}
needed = INPUTS.of("compare_runs", TABLE_FILES.values())


rule compare_runs:
    input:
        pools=needed(run_files(lambda run: f"{run.pool.path}/pool.arrow")),
        logs=needed(
            [
                f"{RESULTS}/{run.train.path}/{block}/log.parquet"
                for run in PLAN.runs
                for block in BLOCKS
            ]
        ),
        attacks=needed(
            [file for name in taken_over("attack") for file in attack_files(name)]
        ),
        replicates=needed(attack_files("replicates")),
        dynamics=needed(
            [
                f"{RESULTS}/{run.dynamics.path}/{name}.parquet"
                for name in taken_over("dynamics")
                for run in PLAN.runs
                if name != "samples"
            ]
        ),
        samples=needed(run_files(lambda run: f"{run.dynamics.path}/samples.parquet")),
        agreement=needed(
            [
                f"{RESULTS}/{run.agreement.path}/{name}.parquet"
                for name in taken_over("agreement")
                for run in PLAN.runs
            ]
        ),
        analysis=needed(
            [
                f"{RESULTS}/{run.analysis.path}/{name}.parquet"
                for name in taken_over("analysis")
                for run in PLAN.runs
                if run.analysis
            ]
        ),
        uncalibrated=needed(uncalibrated_files("uncalibrated")),
        uncalibrated_replicates=needed(uncalibrated_files("uncalibrated_replicates")),
        # runs are compared with a baseline sample by sample
        outputs=needed(
            [
                file
                for run in PLAN.runs
                if run.uncalibrated
                for file in signals_of(run.outputs.path)
            ]
        ),
        masks=needed(
            [
                file
                for run in PLAN.runs
                if run.uncalibrated
                for file in masks_of(run.pool.path, range(OPTIONS.shadow_models))
            ]
        ),
        distances=needed(
            [
                f"{RESULTS}/{run.distance.path}/{name}.parquet"
                for name in taken_over("distance")
                for run in PLAN.runs
                if run.distance
            ]
        ),
        reliability=needed(
            [
                f"{RESULTS}/{run.reliability.path}/{name}.parquet"
                for name in taken_over("reliability")
                for run in PLAN.runs
                if run.reliability
            ]
        ),
        realised=needed(
            [
                f"{RESULTS}/{run.realised.path}/{name}.parquet"
                for name in taken_over("realised")
                for run in PLAN.runs
                if run.realised
            ]
        ),
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
