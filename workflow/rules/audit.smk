# An audit: lower bounds of epsilon in the place of attacks, dynamics and comparisons.
from memdyn.tables import AUDITED, STAGES

STUDY_TABLES = AUDITED
TABLES = f"{VERSIONS}/{PLAN.tables.folder}"
TABLE_FILES = {name: f"{TABLES}/{name}.parquet" for name in STUDY_TABLES}


AUDIT = tables_of(STAGES["audit"], "{audit}")
needed = INPUTS.of("audit_run", AUDIT.values())


rule audit_run:
    input:
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **AUDIT,
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


needed = INPUTS.of("compare_audits", TABLE_FILES.values())


rule compare_audits:
    input:
        pools=needed(FILES.pools),
        logs=needed(FILES.logs),
        bounds=needed(FILES.tables("audit", ["bounds"])),
        accuracy=needed(FILES.tables("audit", ["accuracy"])),
    output:
        **TABLE_FILES,
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
