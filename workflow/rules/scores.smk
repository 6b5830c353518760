# Scores that another tool has exported stand in the place of pool, training and outputs; a rule a file.


for number, imported in enumerate(IMPORTS):

    rule:
        name:
            "import_scores" if len(IMPORTS) == 1 else f"import_scores_{number}"
        # the file's content is in the pool's name, and what was imported does without it
        output:
            pool=f"{RESULTS}/{imported.pool.product()}",
            masks=FILES.masks(imported.pool.path),
            logs=[
                f"{RESULTS}/{imported.stage.product(block)}" for block in FILES.blocks
            ],
            signals=[
                f"{RESULTS}/{imported.outputs.product(block)}"
                for block in FILES.blocks
            ],
        log:
            f"{RESULTS}/{imported.pool.path}/import.log",
        conda:
            "../../envs/memdyn.yaml"
        resources:
            mem_mb=lambda wc, attempt, size=imported.exported.size: (
                2000 + 2 * size // 10**6
            )
            * attempt,
            runtime=lambda wc, attempt: 60 * attempt,
        params:
            stage=imported.pool.params(),
            within=[imported.stage.params(), imported.outputs.params()],
            path=imported.run.scores.path,
        script:
            "../scripts/import_scores.py"
