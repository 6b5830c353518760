# The study: runs side by side, figures, the page. Each version has a folder of its own; links show the current one.
STUDY_TABLES = study_tables(
    OPTIONS.analysis.enabled,
    bool(OPTIONS.level_distance),
    bool(OPTIONS.regularization),
    any(run.reliability for run in PLAN.runs),
    bool(OPTIONS.realised),
)
TABLES = f"{VERSIONS}/{PLAN.tables.folder}"
FIGURES = f"{VERSIONS}/{PLAN.figures.folder}"
STUDY_REPORT = f"{VERSIONS}/{PLAN.report.folder}/report.html"
# of a study with limits of its leak alone: there only where none is broken
WITHIN_LIMITS = f"{VERSIONS}/{PLAN.limits.folder}/within_limits.txt"


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
        # runs are compared with a baseline sample by sample
        outputs=[
            file
            for run in PLAN.runs
            if run.uncalibrated
            for file in signals_of(run.outputs.path)
        ],
        masks=[
            file
            for run in PLAN.runs
            if run.uncalibrated
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


rule draw_figures:
    input:
        tables=ancient([f"{TABLES}/{name}.parquet" for name in STUDY_TABLES]),
        pools=ancient(run_files(lambda run: f"{run.pool.path}/pool.arrow")),
    output:
        figures=report(
            directory(FIGURES),
            patterns=["{figure}.png"],
            category="Figures",
            caption="../report/figure.rst",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{VERSIONS}/logs/{PLAN.figures.folder}.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: study_memory(attempt),
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=PLAN.figures.params(),
    script:
        "../scripts/draw_figures.py"


rule write_report:
    input:
        tables=ancient([f"{TABLES}/{name}.parquet" for name in STUDY_TABLES]),
        figures=ancient(rules.draw_figures.output.figures),
    output:
        page=report(STUDY_REPORT, category="Report", caption="../report/page.rst"),
    log:
        f"{VERSIONS}/{PLAN.report.folder}/report.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        stage=PLAN.report.params(),
        config=OPTIONS.stated(),
        folders={run.name: f"{RESULTS}/{run.train.path}" for run in PLAN.runs},
        study=lambda wc: PLAN.folder,
        versions=PLAN.version_names(),
    script:
        "../scripts/write_report.py"


# Last of all, so that nothing is lost where it fails; it fails again as long as the leak is above its limit.
rule judge_limits:
    input:
        page=ancient(STUDY_REPORT),
        tables=ancient(
            [
                f"{TABLES}/{name}.parquet"
                for name in (
                    "attack_metrics",
                    "runs",
                    "samples_index",
                    "vulnerability_matrix",
                )
            ]
        ),
    output:
        verdict=WITHIN_LIMITS,
    log:
        f"{VERSIONS}/{PLAN.limits.folder}/limits.log",
    retries: 0
    conda:
        "../../envs/memdyn.yaml"
    params:
        limits=PLAN.limits.options["limits"],
    script:
        "../scripts/judge_limits.py"
