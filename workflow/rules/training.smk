# One job trains a block of shadow models.
# Its weights are deleted once all have read them, unless the config keeps them all (`memdyn.operations.discard`); what a
# killed job leaves lies in `progress`, outside of the declared outputs, which Snakemake deletes before a job starts again.
needed = INPUTS.of("train_block", [TRAINING_LOG], again=is_to_be_trained)


rule train_block:
    input:
        pool=needed(POOL_FILE),
        masks=needed(block_masks),
        teachers=needed(teachers_of) if HAS_TEACHERS else [],
    output:
        checkpoints=directory(WEIGHTS),
        log=TRAINING_LOG,
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
