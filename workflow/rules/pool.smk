# A data set becomes a pool: duplicates dropped, parts drawn, masks for all shadow models.
POOLS = {run.pool_path: config.pool for run, config in zip(PLAN.runs, PLAN.study.runs)}


def source_files(pool):
    return POOLS[pool].dataset.source_files(OPTIONS.data_dir)


for number, (folder, pool) in enumerate(POOLS.items()):
    if pool.dataset.downloadable and not all(map(os.path.exists, source_files(folder))):

        rule:
            name:
                f"download_dataset_{number}"
            output:
                source_files(folder),
            log:
                f"{RESULTS}/{folder}/download.log",
            params:
                dataset=pool.dataset.name,
                data_dir=OPTIONS.data_dir,
            conda:
                "../../envs/memdyn.yaml"
            script:
                "../scripts/download_dataset.py"


rule build_pool:
    input:
        lambda wc: ancient(source_files(wc.pool)),
    output:
        pool=f"{RESULTS}/{{pool}}/pool.arrow",
    log:
        f"{RESULTS}/{{pool}}/pool.log",
    params:
        stage=lambda wc: stage(wc.pool),
        dataset=lambda wc: POOLS[wc.pool].dataset.model_dump(),
        files=lambda wc: source_files(wc.pool),
    resources:
        mem_mb=lambda wc, attempt: 4000 * attempt,
        runtime=lambda wc, attempt: 30 * attempt,
    conda:
        "../../envs/memdyn.yaml"
    script:
        "../scripts/build_pool.py"


rule draw_membership:
    input:
        pool=ancient(rules.build_pool.output.pool),
    output:
        masks=f"{RESULTS}/{{pool}}/membership/{{masks}}.npz",
    log:
        f"{RESULTS}/{{pool}}/membership/{{masks}}.log",
    params:
        stage=lambda wc: stage(wc.pool),
    conda:
        "../../envs/memdyn.yaml"
    script:
        "../scripts/draw_membership.py"
