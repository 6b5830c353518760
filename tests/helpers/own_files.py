"""Files of a user's own code, written for tests."""

from pathlib import Path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


# One value by every kind of import: `Net()` is the list of them.
KINDS = {
    "import helper": "helper.VALUE",
    "import helper as h": "h.VALUE",
    "from helper import VALUE": "VALUE",
    "from helper import VALUE as v, other": "v, other",
    "from helper import *": "VALUE",
    "import pack.sub": "pack.sub.VALUE, pack.INIT",
    "import pack.sub as s, helper": "s.VALUE, helper.VALUE",
    "from pack import sub, INIT": "sub.VALUE, INIT",
    "from pack.sub import VALUE": "VALUE",
    "from pack.deep import up": "up.VALUE, up.INIT, up.TOP",
    "from . import helper": "helper.VALUE",
    "from .pack.sub import VALUE": "VALUE",
    "import space.inside": "space.inside.VALUE",
    "from space import inside": "inside.VALUE, inside.NEXT",
    "import importlib\n    mod = importlib.import_module('pack.sub')": "mod.VALUE",
    "from importlib import import_module\n    mod = import_module('helper')": "mod.VALUE",
    "from importlib import import_module\n    mod = import_module('.pack.sub', __package__)": "mod.VALUE",
    "try:\n        import helper\n    except ImportError:\n        helper = None": "helper.VALUE",
}
NEIGHBOURS = {
    "helper.py": "VALUE = 'helper'\nother = 'other'\n",
    "pack/__init__.py": "INIT = 'init'\n",
    "pack/sub.py": "VALUE = 'sub'\n",
    "pack/deep/__init__.py": "",
    "pack/deep/up.py": "from ..sub import VALUE\nfrom .. import INIT\nfrom helper import VALUE as TOP\n",
    "space/inside.py": "from .next import VALUE as NEXT\nVALUE = 'inside'\n",
    "space/next.py": "VALUE = 'next'\n",
}


def at_the_top(kind: str, value: str) -> str:
    """A target that imports when it is imported."""
    return f"{kind}\n\n\ndef Net():\n    return {value}\n".replace("\n    mod =", "\nmod =").replace(
        "try:\n        import helper\n    except ImportError:\n        helper = None",
        "try:\n    import helper\nexcept ImportError:\n    helper = None",
    )


def in_a_function(kind: str, value: str) -> str:
    """One that imports when it is called."""
    return f"def Net():\n    {kind}\n    return {value}\n"
