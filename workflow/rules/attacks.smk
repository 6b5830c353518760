# Calibrated attacks, and the dynamics that are read off them. A result is of its models: their number is in the name.
from memdyn.tables import STAGES, study_tables, taken_over

ATTACK = tables_of(STAGES["attack"], "{attack}")
needed = INPUTS.of("run_attack", ATTACK.values())


rule run_attack:
    input:
        unpack(needed(read_besides)),
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **ATTACK,
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


DYNAMICS = tables_of(STAGES["dynamics"], "{dynamics}")
needed = INPUTS.of("compute_dynamics", DYNAMICS.values())


rule compute_dynamics:
    input:
        unpack(needed(read_besides)),
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **DYNAMICS,
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


ANALYSIS = tables_of(STAGES["analysis"], "{analysis}")
needed = INPUTS.of("analyse_dynamics", ANALYSIS.values())


rule analyse_dynamics:
    input:
        unpack(needed(read_besides)),
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **ANALYSIS,
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


AGREEMENT = tables_of(STAGES["agreement"], "{agreement}")
needed = INPUTS.of("compare_attacks", AGREEMENT.values())


rule compare_attacks:
    input:
        unpack(needed(read_besides)),
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **AGREEMENT,
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


UNCALIBRATED = tables_of(STAGES["uncalibrated"], "{uncalibrated}")
needed = INPUTS.of("measure_uncalibrated", UNCALIBRATED.values())


rule measure_uncalibrated:
    input:
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **UNCALIBRATED,
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


RELIABILITY = tables_of(STAGES["reliability"], "{reliability}")
needed = INPUTS.of("measure_reliability", RELIABILITY.values())


rule measure_reliability:
    input:
        unpack(needed(read_besides)),
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **RELIABILITY,
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


REALISED = tables_of(STAGES["realised"], "{realised}")
needed = INPUTS.of("measure_realised", REALISED.values())


rule measure_realised:
    input:
        unpack(needed(read_besides)),
        pool=needed(POOL_FILE),
        masks=needed(masks_of),
        outputs=needed(outputs_of),
    output:
        **REALISED,
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
