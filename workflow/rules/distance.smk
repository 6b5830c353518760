# How far samples lie from levels of confidence: whether it tells members apart.
rule analyse_level_distance:
    input:
        unpack(lambda wc: read_besides(wc.pool, wc.run, wc.outputs, wc.distance)),
        pool=ancient(POOL_FILE),
        masks=lambda wc: masks_of(wc.pool, range(OPTIONS.shadow_models)),
        outputs=outputs_of,
    output:
        **{
            name: f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{distance}}/{name}.parquet"
            for name in STAGES["distance"]
        },
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{distance}}/distance.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.distance),
    script:
        "../scripts/analyse_level_distance.py"
