# One job takes one probe of a block: what is read off its networks at their checkpoints.
SIGNALS = f"{RESULTS}/{{pool}}/{{run}}/{{probe}}/{{block}}/signals.parquet"
needed = INPUTS.of("probe_block", [SIGNALS])


rule probe_block:
    input:
        pool=needed(POOL_FILE),
        masks=needed(block_masks),
        checkpoints=needed(WEIGHTS),
        log=needed(TRAINING_LOG),
    output:
        signals=SIGNALS,
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{probe}}/{{block}}/probe.log",
    # before further training: checkpoints leave the disk as soon as all probes have read them
    priority: first_blocks_first(2)
    conda:
        "../../envs/memdyn.yaml"
    threads: OPTIONS.threads
    resources:
        gpu=gpus(),
        mem_mb=block_memory,
        runtime=block_minutes,
    params:
        stage=probe_stage,
        train=train_stage,
        device=OPTIONS.device,
        batch=OPTIONS.scoring_batch,
        keep=OPTIONS.keep_checkpoints,
    script:
        "../scripts/probe_block.py"
