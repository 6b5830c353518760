"""The README of an archive."""

from memdyn.operations.archives import CHANGES, CODE, CONFIG, ENVIRONMENT, LINEAGE, MANIFEST, SUMS
from memdyn.operations.archives.citation import Citation
from memdyn.operations.archives.code import Commit
from memdyn.operations.archives.item import Item

_PAGE = """\
# {title}

{description}

{authors}. {licence}. {paper}Made with memdyn at commit {commit}{changed}.

To check it:

    sha256sum --check --quiet {sums}                      # every file, with no more than coreutils
    cp -r {code} /tmp/memdyn && make -C /tmp/memdyn env                # Python 3.11 or newer; once
    /tmp/memdyn/.venv/bin/memdyn verify .                            # every file, also what is missing or added
    /tmp/memdyn/.venv/bin/memdyn verify . --rebuild                  # tables and figures anew from the scores

- study/report.html: what was found. study/tables, study/figures: what it is made of; {lineage}: from what.
- {config}: every key of the study. {code}/: the code; its packages are in {code}/requirements.lock.
- results/: recipes, samples, masks, logs of training, scores, tables of runs; {code}/docs/tables.md explains them.
- {environment}/: what another machine would not repeat: versions, hosts, times. {manifest} is equal for equal results.
{notes}"""


def readme(citation: Citation, commit: Commit, items: list[Item], blank: list[str], scores: bool) -> str:
    """What it is and how to check it."""
    notes = []
    if blank:
        notes.append(f"- Samples of the authors' own data are blank in results/{', results/'.join(blank)}.")
    if not scores:
        notes.append("- Scores were left out, so that nothing can be rebuilt.")
    if any(item.role == "weights" for item in items):
        notes.append("- Weights are in results/, in the folders `checkpoints`.")
    return _PAGE.format(
        title=citation.title,
        description=citation.description,
        authors=", ".join(author.name for author in citation.authors),
        licence=f"Licence of the results: {citation.licence}; of the code: {citation.code_licence}",
        paper=f"Paper: {citation.paper}. " if citation.paper else "",
        commit=commit.name,
        changed=f", with the changes of {CHANGES}" if commit.changes else "",
        sums=SUMS,
        code=CODE,
        lineage=LINEAGE,
        config=CONFIG,
        environment=ENVIRONMENT,
        manifest=MANIFEST,
        notes="".join(f"{note}\n" for note in notes),
    )
