"""Which labels attacks cannot have: columns of tables and folders are named by them."""

from collections.abc import Iterable, Iterator

from memdyn.tables import STAGES
from memdyn.tables.study import TABLES

_COLUMNS = {column.name for column in TABLES["vulnerability_matrix"].columns if not column.varies}
_KNOWN = ("avg", "pow")  # see `memdyn.attacks.known`
_FOLDERS = set(STAGES) - {"attack", "study", "train"}  # of what lies beside an attack: NAME-...


def refused_labels(labels: Iterable[str]) -> Iterator[str]:
    """What is wrong with them."""
    for label in labels:
        if label in _COLUMNS:
            yield f"attacks: no attack can be called {label!r}, a column of the table vulnerability_matrix"
        elif label in _KNOWN:
            yield f"attacks: no attack can be called {label!r}, one without shadow models (`uncalibrated`)"
        elif (word := label.split("-")[0]) in _FOLDERS:
            yield f"attacks: no attack can be called {label!r}, since {word}-... is the folder of another stage"
