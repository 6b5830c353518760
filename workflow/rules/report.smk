# Figures and the page. Each version of a study has a folder of its own; links show the current one.
FIGURES = f"{VERSIONS}/{PLAN.figures.folder}"
needed = INPUTS.of("draw_figures", [FIGURES])


rule draw_figures:
    input:
        tables=needed(list(TABLE_FILES.values())),
        pools=needed(FILES.pools),
    output:
        figures=report(
            directory(FIGURES),
            patterns=["{figure}.png"],
            category="Figures",
            caption="../report/figure.rst",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{VERSIONS}/logs/{PLAN.figures.folder}.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: study_memory(attempt),
        runtime=lambda wc, attempt: 120 * attempt,
    params:
        stage=PLAN.figures.params(),
    script:
        "../scripts/draw_figures.py"


needed = INPUTS.of("write_report", [STUDY_REPORT])


rule write_report:
    input:
        tables=needed(list(TABLE_FILES.values())),
        figures=needed(FIGURES),
    output:
        page=report(STUDY_REPORT, category="Report", caption="../report/page.rst"),
    log:
        f"{VERSIONS}/{PLAN.report.folder}/report.log",
    conda:
        "../../envs/memdyn.yaml"
    resources:
        mem_mb=lambda wc, attempt: 8000 * attempt,
        runtime=lambda wc, attempt: 30 * attempt,
    params:
        stage=PLAN.report.params(),
        config=PLAN.stated(),
        folders={run.name: f"{RESULTS}/{run.train.path}" for run in PLAN.runs},
        study=lambda wc: PLAN.folder,
        versions=PLAN.version_names(),
    script:
        "../scripts/write_report.py"
