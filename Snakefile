# memdyn: how the membership of single training samples leaks while a deep network trains.
#   snakemake --cores all                                        the default study, config/config.yaml
#   snakemake --profile slurm                                    the same, on a cluster
#   snakemake --configfile config/studies/NAME.yaml ...          another study
from snakemake.utils import min_version

min_version("9.20")

if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


# a limit on GPUs is one of this machine; on a cluster every job brings its own
resource_scopes:
    gpu="local",


include: "workflow/rules/common.smk"
include: "workflow/rules/pool.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/probes.smk"
include: "workflow/rules/attacks.smk"
include: "workflow/rules/distance.smk"
include: "workflow/rules/study.smk"


onstart:
    check_work()
    state_cost()
    Progress(PLAN, jobs_at_once()).start()


localrules:
    all,
    draw_membership,


rule all:
    default_target: True
    input:
        STUDY_REPORT,
