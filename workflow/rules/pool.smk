# A data set becomes a pool: duplicates dropped, parts drawn, masks for all shadow models.
for dataset, missing in FILES.missing_downloads().items():

    rule:
        name:
            f"download_{dataset}"
        output:
            missing,
        log:
            f"{RESULTS}/download-{dataset}.log",
        localrule: True
        conda:
            "../../envs/memdyn.yaml"
        params:
            dataset=dataset,
            data_dir=OPTIONS.data_dir,
        script:
            "../scripts/download_dataset.py"


needed = INPUTS.of("build_pool", [POOL_FILE])


rule build_pool:
    # of the user's own files the content is in the folder's name, and a built pool does without them
    input:
        needed(downloads_of),
    output:
        pool=POOL_FILE,
    log:
        f"{RESULTS}/{{pool}}/pool.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 4000 * attempt,
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        stage=lambda wc: stage(wc.pool),
        dataset=lambda wc: FILES.dataset(wc.pool).model_dump(),
        files=lambda wc: FILES.samples(wc.pool),
    script:
        "../scripts/build_pool.py"


DRAW_MASKS = "draw_coins.py" if OPTIONS.audit else "draw_membership.py"
MASKS = f"{RESULTS}/{{pool}}/membership/{{masks}}.npz"
needed = INPUTS.of("draw_membership", [MASKS])


rule draw_membership:
    input:
        pool=needed(POOL_FILE),
    output:
        masks=MASKS,
    log:
        f"{RESULTS}/{{pool}}/membership/{{masks}}.log",
    localrule: True
    conda:
        "../../envs/memdyn.yaml"
    params:
        stage=pool_stage,
    script:
        f"../scripts/{DRAW_MASKS}"
