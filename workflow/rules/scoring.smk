# One job passes the scored parts of the pool through every checkpoint of a block.
rule score_block:
    input:
        pool=ancient(rules.build_pool.output.pool),
        checkpoints=ancient(rules.train_block.output.checkpoints),
        log=ancient(rules.train_block.output.log),
        measures=measured_first,
    output:
        scores=f"{RESULTS}/{{pool}}/{{run}}/{{scoring}}/{{block}}/scores.parquet",
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{scoring}}/{{block}}/score.log",
    # scoring before further training: checkpoints leave the disk as soon as they are scored
    priority: 2
    conda:
        "../../envs/memdyn.yaml"
    threads: OPTIONS.threads
    resources:
        gpu=gpus(),
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: minutes(60, wc, attempt),
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.scoring),
        train=lambda wc: stage(wc.pool, wc.run),
        device=OPTIONS.device,
        batch=OPTIONS.scoring_batch,
        keep=OPTIONS.keep_checkpoints,
    script:
        "../scripts/score_block.py"


# Optional (config key `difficulty`): measures that need the weights themselves.
rule measure_block:
    input:
        pool=ancient(rules.build_pool.output.pool),
        masks=lambda wc: masks_of(wc.pool, models_of(wc.block)),
        checkpoints=ancient(rules.train_block.output.checkpoints),
        log=ancient(rules.train_block.output.log),
    output:
        measures=f"{RESULTS}/{{pool}}/{{run}}/{{measuring}}/{{block}}/measures.parquet",
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{measuring}}/{{block}}/measure.log",
    priority: 2
    conda:
        "../../envs/memdyn.yaml"
    threads: OPTIONS.threads
    resources:
        gpu=gpus(),
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: minutes(240, wc, attempt),
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.measuring),
        train=lambda wc: stage(wc.pool, wc.run),
        device=OPTIONS.device,
        batch=OPTIONS.scoring_batch,
    script:
        "../scripts/measure_block.py"
