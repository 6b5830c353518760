# One job trains a block of shadow models.
# Weights are deleted once they are scored, unless the config keeps them all; what a killed job leaves lies in
# `progress`, outside of the declared outputs, which Snakemake deletes before a job starts again.
checkpoints_kept = (
    (lambda folder: folder) if OPTIONS.keep_checkpoints == "all" else temp
)


rule train_block:
    input:
        pool=ancient(rules.build_pool.output.pool),
        masks=block_masks,
        teachers=teachers_of if HAS_TEACHERS else [],
    output:
        checkpoints=checkpoints_kept(
            directory(f"{RESULTS}/{{pool}}/{{run}}/{{block}}/checkpoints")
        ),
        log=f"{RESULTS}/{{pool}}/{{run}}/{{block}}/log.parquet",
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{block}}/train.log",
    # before the full analyses of other runs, which then end side by side: theirs is the longest way to the report
    priority: first_blocks_first(1 if OPTIONS.analysis.enabled else 0)
    conda:
        "../../envs/memdyn.yaml"
    threads: OPTIONS.threads
    resources:
        gpu=gpus(),
        mem_mb=block_memory,
        runtime=block_minutes,
    params:
        stage=train_stage,
        pool=pool_stage,
        device=OPTIONS.device,
        keep=OPTIONS.keep_checkpoints,
        on_divergence=OPTIONS.on_divergence,
        teachers=teacher_params if HAS_TEACHERS else [],
    script:
        "../scripts/train_block.py"
