"""Imports a user's own code, its local modules under names that nothing else has."""

import ast
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from hashlib import sha256
from importlib import import_module, invalidate_caches
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from memdyn.own.source import Code, constant_import

_PREFIX = "memdyn_own_"


def load_target(target: str) -> Callable[..., Any]:
    """The function or class `Name` of "path/to/file.py:Name"; a relative path starts at the working directory.

    The code is imported anew each time: nothing that a module keeps goes from one model to the next, so that a model
    does not depend on which were made before it in the same job.

    Raises:
        FileNotFoundError: where the file does not exist.
        ValueError: where it has no such name, or the name stands for something that cannot be called; for any error of
            the code, naming its line.
    """
    name, code = target.rpartition(":")[2], Code.of(target)
    if not code.file.is_file():
        raise FileNotFoundError(f"{target}: no such file: {code.file}")
    package = _finder.package(code)
    for loaded in [key for key in sys.modules if key == package or key.startswith(f"{package}.")]:
        del sys.modules[loaded]
    invalidate_caches()
    with _telling(target, code):
        module = import_module(_finder.module(package, code))
    if not callable(getattr(module, name, None)):
        raise ValueError(f"{target}: {code.file} has no function {name}, nor a class")
    return getattr(module, name)


def call_target(target: str, *arguments: Any, **options: Any) -> Any:
    """What the function or class of a target returns. Raises as `load_target`."""
    called = load_target(target)
    with _telling(target, Code.of(target)):
        return called(*arguments, **options)


@contextmanager
def _telling(target: str, code: Code) -> Iterator[None]:
    """Of an error in a user's code, the message names the target and the last line of that code on the way to it."""
    try:
        with chdir("."):  # code may go elsewhere; the job's own paths start here
            yield
    except SyntaxError:  # which names its file
        raise
    except (Exception, SystemExit) as error:
        own = {str(module.file) for module in code.modules.values()}
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in own]
        where = f" ({Path(frames[-1].filename).relative_to(code.root)}, line {frames[-1].lineno})" if frames else ""
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{target}: {said}{where}{_hint(error, code)}") from error


def _hint(error: BaseException, code: Code) -> str:
    top = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or not top or code.local(top) is None:
        return ""
    return f'; local modules are found by `import {top}` and `import_module("{top}")`, with the name written out'


class _Finder(MetaPathFinder):
    """Finds the modules of the users' code, each below a package of its own that no code can name by accident."""

    def __init__(self) -> None:
        self.codes: dict[str, Code] = {}
        self.targets: dict[str, Path] = {}

    def package(self, code: Code) -> str:
        place = f"{code.root}:{code.file.parent}"
        name = f"{_PREFIX}{sha256(place.encode()).hexdigest()[:12]}"
        self.codes[name] = code
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)  # it knows nothing else, and Python's own would read the files as they are
        return name

    def module(self, package: str, code: Code) -> str:
        """The full name of a target's module, whose file may have a name that cannot be imported: `net.v2.py`."""
        full = ".".join([package, *(part.replace(".", "-") for part in code.name)])
        self.targets[full] = code.file
        return full

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        package, *name = fullname.split(".")
        code = self.codes.get(package)
        found = self.targets.get(fullname) or (code.find(tuple(name)) if code else None)
        if found is None:
            return None
        folder = found.parent if found.name == "__init__.py" else found
        if found.is_file():
            places = [str(folder)] if folder.is_dir() else None
            loader = _Loader(package, code)
            return spec_from_file_location(fullname, found, loader=loader, submodule_search_locations=places)
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec


class _Loader(Loader):
    """Runs a module whose imports of local modules are written as imports below its package.

    No bytecode is kept: another program that imports the same file would find these names in it.
    """

    def __init__(self, package: str, code: Code) -> None:
        self.package, self.code = package, code

    def exec_module(self, module: ModuleType) -> None:
        with open(module.__file__, "rb") as stream:
            tree = ast.parse(stream.read(), filename=module.__file__)
        tree = ast.fix_missing_locations(_LocalImports(self.package, self.code).visit(tree))
        exec(compile(tree, module.__file__, "exec"), module.__dict__)


class _LocalImports(ast.NodeTransformer):
    def __init__(self, package: str, code: Code) -> None:
        self.package, self.code = package, code

    def _full(self, name: str) -> str | None:
        local = self.code.local(name)
        return ".".join([self.package, *local]) if local else None

    def visit_Import(self, node: ast.Import) -> list[ast.AST]:
        return [ast.copy_location(new, node) for alias in node.names for new in self._imports(alias)]

    def _imports(self, alias: ast.alias) -> list[ast.AST]:
        full = self._full(alias.name)
        if not full:
            return [ast.Import([alias])]
        if alias.asname:
            return [ast.Import([ast.alias(full, alias.asname)])]
        # `import a.b` binds `a`
        top = alias.name.partition(".")[0]
        return [ast.Import([ast.alias(full)]), ast.Import([ast.alias(self._full(top), top)])]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        full = None if node.level else self._full(node.module)
        return ast.copy_location(ast.ImportFrom(full, node.names, 0), node) if full else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        named = constant_import(node)
        full = self._full(named.value) if named and not named.value.startswith(".") else None
        if full:
            node.args[0] = ast.copy_location(ast.Constant(full), named)
        return node


_finder = _Finder()
