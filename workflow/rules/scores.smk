# Scores that another tool has exported stand in the place of pool, training and outputs.


rule import_scores:
    # the file's content is in the pool's name, and what was imported does without it
    output:
        pool=f"{RESULTS}/{IMPORTED.pool.product()}",
        masks=[
            f"{RESULTS}/{IMPORTED.pool.path}/membership/{name}.npz"
            for name in mask_names(range(OPTIONS.shadow_models))
        ],
        logs=[f"{RESULTS}/{IMPORTED.stage.product(block)}" for block in BLOCKS],
        signals=[f"{RESULTS}/{IMPORTED.outputs.product(block)}" for block in BLOCKS],
    log:
        f"{RESULTS}/{IMPORTED.pool.path}/import.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: (2000 + 2 * IMPORTED.exported.size // 10**6)
        * attempt,
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        stage=IMPORTED.pool.params(),
        within=[IMPORTED.stage.params(), IMPORTED.outputs.params()],
        path=OPTIONS.scores.path,
    script:
        "../scripts/import_scores.py"
