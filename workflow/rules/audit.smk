# An audit: lower bounds of epsilon in the place of attacks, dynamics and comparisons.
from memdyn.tables import AUDITED, STAGES

STUDY_TABLES = AUDITED
TABLES = f"{VERSIONS}/{PLAN.tables.folder}"


rule audit_run:
    input:
        pool=ancient(POOL_FILE),
        masks=lambda wc: masks_of(wc.pool, range(OPTIONS.shadow_models)),
        outputs=outputs_of,
    output:
        **{
            name: f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{audit}}/{name}.parquet"
            for name in STAGES["audit"]
        },
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{audit}}/audit.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.audit),
    script:
        "../scripts/audit_run.py"


rule compare_audits:
    input:
        pools=ancient(run_files(lambda run: f"{run.pool.path}/pool.arrow")),
        logs=ancient(
            [
                f"{RESULTS}/{run.train.path}/{block}/log.parquet"
                for run in PLAN.runs
                for block in BLOCKS
            ]
        ),
        bounds=ancient(run_files(lambda run: f"{run.audit.path}/bounds.parquet")),
        accuracy=ancient(run_files(lambda run: f"{run.audit.path}/accuracy.parquet")),
    output:
        **{name: f"{TABLES}/{name}.parquet" for name in STUDY_TABLES},
    log:
        f"{TABLES}/compare.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        stage=PLAN.tables.params(),
        runs=PLAN.run_descriptions(),
        map=PLAN.folders(),
    script:
        "../scripts/compare_audits.py"
