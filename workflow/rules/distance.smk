# How far samples lie from levels of confidence: whether it tells members apart.
DISTANCE = tables_of(STAGES["distance"], "{distance}")
needed = INPUTS.of("analyse_level_distance", DISTANCE.values())


rule analyse_level_distance:
    input:
        unpack(needed(read_besides)),
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **DISTANCE,
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
