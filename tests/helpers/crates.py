"""An RO-Crate held to its profiles by roc-validator, without the network: the context lies in the cache beforehand."""

import io
import json
from importlib.resources import files
from pathlib import Path

from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.services import validate
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILES = "workflow-run-crate-0.5"  # stands on Process Run Crate, Workflow RO-Crate and RO-Crate 1.1
# what RO-Crate 1.1 takes from elsewhere than schema.org, of what is used here; not so in 1.3, which `rocrate` has
OF_1_1 = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}


def context() -> dict:
    """RO-Crate 1.1's context, as far as it is of schema.org or used here."""
    known = json.loads(files("rocrate").joinpath("data", "ro-crate.jsonld").read_text())["@context"]
    of_schema = {term: iri for term, iri in known.items() if str(iri).startswith("http://schema.org/")}
    return {"@context": of_schema | OF_1_1}


class _Stored(HTTPAdapter):
    """Answers with the context, whatever is asked for."""

    def send(self, request, **_):
        body = io.BytesIO(json.dumps(context()).encode())
        headers = {"Content-Type": "application/ld+json"}
        answer = HTTPResponse(body, headers, 200, preload_content=False, request_url=request.url)
        return self.build_response(request, answer)


def issues(crate: Path, cache: Path, recommended: bool = False) -> list[str]:
    """What a crate breaks of its profiles.

    Args:
        cache: a file to be made.
        recommended: whether what should be is asked for too, and not only what must be.
    """
    session = CachedSession(cache_name=str(cache), backend="sqlite", expire_after=-1)
    session.mount("https://", _Stored())
    session.get(CONTEXT, headers={"Accept": "application/ld+json, application/json"})
    session.close()
    severity = Severity.RECOMMENDED if recommended else Severity.REQUIRED
    settings = ValidationSettings(
        rocrate_uri=str(crate),
        profile_identifier=PROFILES,
        requirement_severity=severity,
        offline=True,
        cache_path=cache,
    )
    return [f"{issue.severity.name}: {issue.message}" for issue in validate(settings).get_issues()]
