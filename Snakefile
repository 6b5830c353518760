# memdyn: how the membership of single training samples leaks while a deep network trains.
#   snakemake --cores all                                        the default study, config/config.yaml
#   snakemake --profile slurm                                    the same, on a cluster
#   snakemake --configfile config/studies/NAME.yaml ...          another study
from snakemake.utils import min_version

min_version("9.27")

if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


# a limit on GPUs is one of this machine; on a cluster every job brings its own
resource_scopes:
    gpu="local",


include: "workflow/rules/common.smk"


if IMPORTS:

    include: "workflow/rules/scores.smk"

elif not OPTIONS.interim:

    # an interim study is of what is finished: without these rules nothing can be trained or scored for it
    include: "workflow/rules/pool.smk"
    include: "workflow/rules/training.smk"
    include: "workflow/rules/probes.smk"


if OPTIONS.audit:

    include: "workflow/rules/audit.smk"

elif PLAN.folds:

    include: "workflow/rules/folds.smk"

else:

    include: "workflow/rules/attacks.smk"
    include: "workflow/rules/distance.smk"
    include: "workflow/rules/study.smk"


include: "workflow/rules/report.smk"


if OPTIONS.fail_above:

    include: "workflow/rules/limits.smk"


# after the rules: added before, they would hide from Snakemake which rule makes a `rules.NAME.output`
wildcard_constraints:
    pool=r"[^/]+-[0-9a-f]{10}",
    run=r"[^/]+-[0-9a-f]{10}",
    probe=r"[^/]+-[0-9a-f]{10}",
    outputs=r"outputs(-[^/]+)?-[0-9a-f]{10}",
    attack=r"(?!agreement-|dynamics-|analysis-|uncalibrated-|distance-|reliability-)[^/]+-[0-9a-f]{10}",
    dynamics=r"dynamics-[^/]+-[0-9a-f]{10}",
    agreement=r"agreement-[^/]+-[0-9a-f]{10}",
    analysis=r"analysis-[^/]+-[0-9a-f]{10}",
    uncalibrated=r"uncalibrated-[^/]+-[0-9a-f]{10}",
    distance=r"distance-[^/]+-[0-9a-f]{10}",
    reliability=r"reliability-[^/]+-[0-9a-f]{10}",
    audit=r"audit-[^/]+-[0-9a-f]{10}",
    block=r"block-\d+-\d+",
    masks=r"models-\d+-\d+",


onstart:
    check_work()
    check_inputs()
    note_wanted(PLAN, reading(workflow.dag, PLAN))
    state_cost()
    show_run()


onsuccess:
    discard_at_the_end(workflow.dag, PLAN)
    if IS_MAIN:
        SHOWN.end()


onerror:
    discard_at_the_end(workflow.dag, PLAN)
    tell_failures()


localrules:
    all,


rule all:
    default_target: True
    input:
        STUDY_REPORT,
        WITHIN_LIMITS if OPTIONS.fail_above else [],
