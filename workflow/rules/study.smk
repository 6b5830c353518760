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


rule compare_runs:
    input:
        pools=ancient(run_files(lambda run: f"{run.pool.path}/pool.arrow")),
        logs=ancient(
            [
                f"{RESULTS}/{run.train.path}/{block}/log.parquet"
                for run in PLAN.runs
                for block in BLOCKS
            ]
        ),
        attacks=ancient(
            [file for name in taken_over("attack") for file in attack_files(name)]
        ),
        replicates=ancient(attack_files("replicates")),
        dynamics=ancient(
            [
                f"{RESULTS}/{run.dynamics.path}/{name}.parquet"
                for name in taken_over("dynamics")
                for run in PLAN.runs
                if name != "samples"
            ]
        ),
        samples=ancient(run_files(lambda run: f"{run.dynamics.path}/samples.parquet")),
        agreement=ancient(
            [
                f"{RESULTS}/{run.agreement.path}/{name}.parquet"
                for name in taken_over("agreement")
                for run in PLAN.runs
            ]
        ),
        analysis=ancient(
            [
                f"{RESULTS}/{run.analysis.path}/{name}.parquet"
                for name in taken_over("analysis")
                for run in PLAN.runs
                if run.analysis
            ]
        ),
        uncalibrated=ancient(uncalibrated_files("uncalibrated")),
        uncalibrated_replicates=ancient(uncalibrated_files("uncalibrated_replicates")),
        uncalibrated_null=ancient(uncalibrated_files("uncalibrated_null")),
        # runs are compared with a baseline sample by sample
        outputs=[
            file
            for run in PLAN.runs
            if OPTIONS.regularization
            for file in signals_of(run.outputs.path)
        ],
        masks=[
            file
            for run in PLAN.runs
            if OPTIONS.regularization
            for file in masks_of(run.pool.path, range(OPTIONS.shadow_models))
        ],
        distances=ancient(
            [
                f"{RESULTS}/{run.distance.path}/{name}.parquet"
                for name in taken_over("distance")
                for run in PLAN.runs
                if run.distance
            ]
        ),
        reliability=ancient(
            [
                f"{RESULTS}/{run.reliability.path}/{name}.parquet"
                for name in taken_over("reliability")
                for run in PLAN.runs
                if run.reliability
            ]
        ),
        realised=ancient(
            [
                f"{RESULTS}/{run.realised.path}/{name}.parquet"
                for name in taken_over("realised")
                for run in PLAN.runs
                if run.realised
            ]
        ),
    output:
        **{name: f"{TABLES}/{name}.parquet" for name in STUDY_TABLES},
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
