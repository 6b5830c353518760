"""What watches over the jobs, and the commands of `memdyn`: a file each, looked up here by name.

A command's module has `arguments(parser)` and `run(given)`. It is imported when the command is used: the page of
`memdyn --help` needs none of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A line of the help.

    Attributes:
        module: its file, as a module.
        summary: what it does, in a line.
        example: a call of it.
    """

    module: str
    summary: str
    example: str


REGISTRY = {
    "adopt": Command(
        module="memdyn.operations.adopt",
        summary="keep finished work whose code changed in a way that provably keeps results",
        example='memdyn adopt --reason "split loop.py in two, tests hold the bits equal" --dry-run',
    ),
    "archive": Command(
        module="memdyn.operations.archive",
        summary="one folder and .zip of a finished study to deposit: code, scores, tables, figures, report",
        example="memdyn archive results/studies/demo --output demo-archive",
    ),
    "attacks": Command(
        module="memdyn.operations.attacks",
        summary="a finished study's attacks side by side, with what each has cost, in Markdown",
        example="memdyn attacks results/studies/demo",
    ),
    "clean": Command(
        module="memdyn.operations.clean",
        summary="results that no study refers to any more, with their sizes; deletes them when told",
        example="memdyn clean --delete",
    ),
    "docs": Command(
        module="memdyn.operations.docs",
        summary="write what is generated of the docs: the config's schema and its table of keys",
        example="memdyn docs",
    ),
    "interim": Command(
        module="memdyn.operations.interim",
        summary="tables, figures and page of what is finished of a study, saying what is missing; trains nothing",
        example="memdyn interim --configfile config/studies/tiny.yaml",
    ),
    "plan": Command(
        module="memdyn.operations.plan",
        summary="what a study will do and cost, and what its numbers will be able to say",
        example="memdyn plan --configfile config/studies/tiny.yaml --half-width 0.02",
    ),
    "status": Command(
        module="memdyn.operations.status",
        summary="how far a study is, what failed and why, and what is left",
        example="memdyn status --configfile config/studies/tiny.yaml",
    ),
    "verify": Command(
        module="memdyn.operations.verify",
        summary="is an archive as it was written, and do its scores give its tables and figures again?",
        example="memdyn verify demo-archive.zip --rebuild",
    ),
    "why": Command(
        module="memdyn.operations.why",
        summary="what a run would make, and what made it new: keys of the config, or files of code",
        example="memdyn why --configfile config/studies/tiny.yaml",
    ),
}
