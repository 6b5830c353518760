# Calibrated attacks, and the dynamics that are read off them. A result is of its models: their number is in the name.
from memdyn.tables import STAGES, study_tables, taken_over


rule run_attack:
    input:
        unpack(lambda wc: read_besides(wc.pool, wc.run, wc.outputs, wc.attack)),
        pool=ancient(POOL_FILE),
        masks=lambda wc: masks_of(wc.pool, range(OPTIONS.shadow_models)),
        outputs=outputs_of,
    output:
        **{
            name: f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{attack}}/{name}.parquet"
            for name in STAGES["attack"]
        },
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{attack}}/attack.log",
    conda:
        "../../envs/memdyn.yaml"
    threads: OPTIONS.threads
    resources:
        mem_mb=lambda wc, threads, attempt: (7000 + 1000 * threads) * attempt,
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.attack),
        pool=lambda wc: stage(wc.pool),
    script:
        "../scripts/run_attack.py"


rule compute_dynamics:
    input:
        unpack(lambda wc: read_besides(wc.pool, wc.run, wc.outputs, wc.dynamics)),
        pool=ancient(POOL_FILE),
        masks=lambda wc: masks_of(wc.pool, range(OPTIONS.shadow_models)),
        outputs=outputs_of,
    output:
        **{
            name: f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{dynamics}}/{name}.parquet"
            for name in STAGES["dynamics"]
        },
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{dynamics}}/dynamics.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.dynamics),
        seed=lambda wc: stage(wc.pool)["options"]["seed"],
    script:
        "../scripts/compute_dynamics.py"


rule analyse_dynamics:
    input:
        unpack(lambda wc: read_besides(wc.pool, wc.run, wc.outputs, wc.analysis)),
        pool=ancient(POOL_FILE),
        masks=lambda wc: masks_of(wc.pool, range(OPTIONS.shadow_models)),
        outputs=outputs_of,
    output:
        **{
            name: f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{analysis}}/{name}.parquet"
            for name in STAGES["analysis"]
        },
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{analysis}}/analysis.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.analysis),
        seed=lambda wc: stage(wc.pool)["options"]["seed"],
    script:
        "../scripts/analyse_dynamics.py"


rule compare_attacks:
    input:
        unpack(lambda wc: read_besides(wc.pool, wc.run, wc.outputs, wc.agreement)),
        pool=ancient(POOL_FILE),
        masks=lambda wc: masks_of(wc.pool, range(OPTIONS.shadow_models)),
        outputs=outputs_of,
    output:
        **{
            name: f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{agreement}}/{name}.parquet"
            for name in STAGES["agreement"]
        },
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{agreement}}/agreement.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.agreement),
        seed=lambda wc: stage(wc.pool)["options"]["seed"],
    script:
        "../scripts/compare_attacks.py"


rule measure_uncalibrated:
    input:
        pool=ancient(POOL_FILE),
        masks=lambda wc: masks_of(wc.pool, range(OPTIONS.shadow_models)),
        outputs=outputs_of,
    output:
        **{
            name: f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{uncalibrated}}/{name}.parquet"
            for name in STAGES["uncalibrated"]
        },
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{uncalibrated}}/uncalibrated.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 60 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.uncalibrated),
        pool=lambda wc: stage(wc.pool),
    script:
        "../scripts/measure_uncalibrated.py"


rule measure_reliability:
    input:
        unpack(lambda wc: read_besides(wc.pool, wc.run, wc.outputs, wc.reliability)),
        pool=ancient(POOL_FILE),
        masks=lambda wc: masks_of(wc.pool, range(OPTIONS.shadow_models)),
        outputs=outputs_of,
    output:
        **{
            name: f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{reliability}}/{name}.parquet"
            for name in STAGES["reliability"]
        },
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{reliability}}/reliability.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.reliability),
    script:
        "../scripts/measure_reliability.py"


rule measure_realised:
    input:
        unpack(lambda wc: read_besides(wc.pool, wc.run, wc.outputs, wc.realised)),
        pool=ancient(POOL_FILE),
        masks=lambda wc: masks_of(wc.pool, range(OPTIONS.shadow_models)),
        outputs=outputs_of,
    output:
        **{
            name: f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{realised}}/{name}.parquet"
            for name in STAGES["realised"]
        },
    log:
        f"{RESULTS}/{{pool}}/{{run}}/{{outputs}}/{{realised}}/realised.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=lambda wc: stage(wc.pool, wc.run, wc.outputs, wc.realised),
    script:
        "../scripts/measure_realised.py"
