"""The archive as a Workflow Run RO-Crate: its workflow, one run of it, and who, what and under which licence.

Profiles: RO-Crate 1.1, Process Run Crate and Workflow Run Crate 0.5, Workflow RO-Crate 1.0. Nothing in it differs
between machines: sizes and hashes are in the manifest, hosts and times in environment/.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from rocrate.model.computationalworkflow import ComputationalWorkflow
from rocrate.model.contextentity import ContextEntity
from rocrate.model.dataset import Dataset
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from memdyn.config.archive import AuthorConfig
from memdyn.operations.archives import CHANGES, CODE, CONFIG, ENVIRONMENT, LINEAGE, MANIFEST, README, RESULTS, STUDY
from memdyn.operations.archives.citation import Citation
from memdyn.operations.archives.code import Commit
from memdyn.operations.archives.item import Item, plain_json
from memdyn.tables import STAGES

RUN_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_BIOSCHEMAS = "https://bioschemas.org/profiles/{}/1.0-RELEASE"
_WORKFLOW = f"{CODE}/Snakefile"
_SNAKEMAKE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
_FORMATS = {
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".yaml": "application/yaml",
}
_FOLDERS = {
    CODE: "The code that made the study, from its Snakefile down.",
    RESULTS: "Recipes, pools, masks, training logs, scores, tables of runs: each in the folder of what it was made of.",
    STUDY: "The study's tables, figures and page.",
    ENVIRONMENT: "What differs between machines: versions, hosts, times, logs.",
}


def crate(items: Iterable[Item], citation: Citation, commit: Commit, titles: Mapping[str, str]) -> bytes:
    """`ro-crate-metadata.json`.

    Args:
        items: of the archive.
        titles: title of each figure, by its path without an ending.
    """
    made = ROCrate(gen_preview=False, version="1.1")
    made.metadata["conformsTo"] = [{"@id": made.metadata.profile}, {"@id": list(RUN_PROFILES)[-1]}]
    authors, of_code = ([_person(made, each) for each in who] for who in (citation.authors, citation.code_authors))
    _describe(made, citation, authors)
    files = _add_files(made, items, titles)
    files[README]["about"] = made.root_dataset
    workflow = _add_workflow(made, citation, commit, of_code)
    results = [entity for path, entity in files.items() if path.startswith(f"{STUDY}/") and "/recipes/" not in path]
    _add_run(made, workflow, files[CONFIG], files[f"{STUDY}/report.html"], results, authors[0])
    found = made.metadata.generate()
    return plain_json(found | {"@graph": [_single(entity) for entity in found["@graph"]]})


def _single(entity: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of one as that one, which RO-Crate 1.1 asks for."""
    return {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in entity.items()}


def _person(made: ROCrate, author: AuthorConfig) -> ContextEntity:
    identity = f"https://orcid.org/{author.orcid}" if author.orcid else _fragment(author.name)
    if known := made.dereference(identity):
        return known
    person = made.add(ContextEntity(made, identity, {"@type": "Person", "name": author.name}))
    if author.affiliation:
        place = _fragment(author.affiliation)
        said = {"@type": "Organization", "name": author.affiliation}
        person["affiliation"] = made.dereference(place) or made.add(ContextEntity(made, place, said))
    return person


def _fragment(name: str) -> str:
    return f"#{quote(name.replace(' ', '-'))}"


def _describe(made: ROCrate, citation: Citation, authors: list[ContextEntity]) -> None:
    root = made.root_dataset
    root["name"], root["description"], root["datePublished"] = citation.title, citation.description, citation.day
    root["author"], root["license"] = authors, _licence(made, citation.licence)
    for address, (name, version) in RUN_PROFILES.items():
        root.append_to("conformsTo", made.add(_work(made, address, name=name, version=version)))
    if citation.paper:
        root["citation"] = made.add(
            ContextEntity(made, citation.paper, {"@type": "ScholarlyArticle", "name": "The paper"})
        )


def _work(made: ROCrate, address: str, **more: str) -> ContextEntity:
    return ContextEntity(made, address, {"@type": "CreativeWork", **more})


def _licence(made: ROCrate, name: str) -> ContextEntity:
    address = name if "://" in name else f"https://spdx.org/licenses/{name}"
    return made.dereference(address) or made.add(_work(made, address, name=name, description=f"Licence {name}"))


def _add_files(made: ROCrate, items: Iterable[Item], titles: Mapping[str, str]) -> dict[str, File]:
    """Folders, and those files that people look for by themselves."""
    for name, about in _FOLDERS.items():
        made.add(Dataset(made, dest_path=f"{name}/", properties={"name": name, "description": about}))
    own = {CONFIG, README, LINEAGE, MANIFEST, CHANGES}
    paths = own & {item.path for item in items} | {MANIFEST, LINEAGE, README}
    paths |= {item.path for item in items if item.path.startswith(f"{STUDY}/") and not item.path.endswith(".csv.gz")}
    return {path: made.add(_file(made, path, titles)) for path in sorted(paths)}


def _file(made: ROCrate, path: str, titles: Mapping[str, str]) -> File:
    place = PurePosixPath(path)
    stem = place.name.partition(".")[0]
    declared = STAGES["study"].get(stem) if place.parent.name == "tables" else None
    about = declared.about if declared else titles.get(str(place.with_suffix("")), "")
    said = {"name": place.name, "encodingFormat": _FORMATS.get(place.suffix, "text/plain")}
    return File(made, dest_path=path, properties=said | ({"description": about} if about else {}))


def _add_workflow(made: ROCrate, citation: Citation, commit: Commit, authors: list) -> ComputationalWorkflow:
    said = {
        "name": citation.code_title,
        "version": commit.name,
        "description": "The workflow, whose rules are beside it.",
    }
    workflow = made.add(ComputationalWorkflow(made, dest_path=_WORKFLOW, properties=said))
    workflow["conformsTo"] = made.add(
        _work(made, _BIOSCHEMAS.format("ComputationalWorkflow"), name="ComputationalWorkflow")
    )
    language = {"@type": "ComputerLanguage", "name": "Snakemake", "url": "https://snakemake.readthedocs.io"}
    identifier = {"identifier": {"@id": "https://doi.org/10.1093/bioinformatics/bts480"}}
    workflow["programmingLanguage"] = made.add(ContextEntity(made, _SNAKEMAKE, language | identifier))
    workflow["author"], workflow["license"] = authors, _licence(made, citation.code_licence)
    for address in citation.references:
        workflow.append_to("citation", made.add(_work(made, address, name=address)))
    made.root_dataset["mainEntity"] = workflow
    return workflow


def _add_run(made: ROCrate, workflow: Any, config: File, page: File, results: list[File], agent: ContextEntity) -> None:
    """One run of the workflow: config in, the study out."""
    for role, file, about in (("input", config, "The study's config"), ("output", page, "The study's page")):
        profile = _BIOSCHEMAS.format("FormalParameter")
        known = made.dereference(profile) or made.add(_work(made, profile, name="FormalParameter"))
        said = {"@type": "FormalParameter", "name": file["name"], "additionalType": "File", "description": about}
        parameter = made.add(ContextEntity(made, f"#{role}-{file['name']}", said))
        parameter["conformsTo"], parameter["workExample"], file["exampleOfWork"] = known, file, parameter
        workflow.append_to(role, parameter)
    said = {
        "@type": "CreateAction",
        "name": "Run of the study",
        "description": f"When and where each job ran is in {ENVIRONMENT}/.",
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }
    run = made.add(ContextEntity(made, "#run", said))
    run["instrument"], run["object"], run["result"], run["agent"] = workflow, [config], results, agent
    made.root_dataset["mentions"] = run
