# Attacks on models that lie in folds, where no model has a partner; no dynamics are read off them.
from memdyn.tables import FOLDED, IN_FOLDS, taken_over

STUDY_TABLES = FOLDED
TABLES = f"{VERSIONS}/{PLAN.tables.folder}"
TABLE_FILES = {name: f"{TABLES}/{name}.parquet" for name in STUDY_TABLES}


ATTACK = tables_of(IN_FOLDS, "{attack}")
needed = INPUTS.of("attack_in_folds", ATTACK.values())


rule attack_in_folds:
    input:
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **ATTACK,
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{attack}}/attack.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 480 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.attack),
        pool=lambda wc: stage(wc.pool),
    script:
        "../scripts/attack_in_folds.py"


needed = INPUTS.of("compare_folds", TABLE_FILES.values())


rule compare_folds:
    input:
        pools=needed(FILES.pools),
        logs=needed(FILES.logs),
        attacks=needed(
            FILES.attacks([name for name in taken_over("attack") if name in IN_FOLDS])
        ),
        replicates=needed(FILES.attacks(["replicates"])),
        outputs=needed(FILES.outputs),
        masks=needed(FILES.all_masks),
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
        folds=PLAN.folds,
    script:
        "../scripts/compare_folds.py"
