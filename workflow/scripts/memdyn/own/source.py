"""Which local modules a user's file consists of: read as syntax trees, never run.

Importable is what lies beside the file, and, where its folder is a package (has an `__init__.py`), what lies beside the
outermost package, as for `python -m`.
"""

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from errno import ENOENT
from functools import cache, cached_property
from importlib.machinery import PathFinder
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[4]
Name = tuple[str, ...]


@dataclass(frozen=True)
class Import:
    """`import module` or `from module import members`, with the dots of a relative one."""

    line: int
    module: str
    members: tuple[str, ...] = ()
    level: int = 0

    def __str__(self) -> str:
        return "." * self.level + self.module


@dataclass(frozen=True)
class Module:
    """A local module: its name below the root, its file and its code."""

    name: Name
    file: Path
    tree: ast.Module

    @cached_property
    def package(self) -> Name:
        """What its relative imports start from."""
        return self.name if self.file.name == "__init__.py" else self.name[:-1]

    @cached_property
    def imports(self) -> list[Import]:
        """All of its imports, those in functions too."""
        return [found for node in ast.walk(self.tree) for found in imports_of(node)]


@dataclass(frozen=True)
class Code:
    """A user's file and all that it can import locally."""

    file: Path

    @classmethod
    def of(cls, target: str) -> "Code":
        """The code of `path/to/file.py:Name`."""
        return cls(Path(target.rpartition(":")[0]).resolve())

    @cached_property
    def root(self) -> Path:
        """The folder that the names of its modules start from."""
        folder = self.file.parent
        while (folder / "__init__.py").is_file() and folder.name.isidentifier():
            folder = folder.parent
        return folder

    @cached_property
    def name(self) -> Name:
        """The target's module."""
        package = self._below_root(self.file.parent)
        return package if package and self.file.name == "__init__.py" else (*package, self.file.stem)

    def local(self, name: str) -> Name | None:
        """The local module or package that `import name` means, by its name below the root; None: not a local one.

        A folder without `__init__.py` is one only where nothing else has its name.
        """
        top, *rest = name.split(".")
        folders = list(dict.fromkeys([self.file.parent, self.root]))
        for folder in folders:
            if (folder / top / "__init__.py").is_file() or (folder / f"{top}.py").is_file():
                return (*self._below_root(folder), top, *rest)
        for folder in folders:
            if (folder / top).is_dir() and not is_installed(top):
                return (*self._below_root(folder), top, *rest)
        return None

    def resolve(self, module: Module, found: Import) -> Name | None:
        """The local module that an import means, there or not; None: not a local one.

        Raises:
            ImportError: for a relative import from above the root.
        """
        if not found.level:
            return self.local(found.module)
        above = found.level - 1
        if above > len(module.package):
            raise ImportError(f"'{found}' lies above {self.root}, from where on its folders are packages")
        return (*module.package[: len(module.package) - above], *filter(None, found.module.split(".")))

    def find(self, name: Name) -> Path | None:
        """The file of a module, the folder of a package that has no file; None where there is neither."""
        place = self.root.joinpath(*name)
        candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
        found = next(filter(Path.is_file, candidates), None) if name else None
        return found or (place if place.is_dir() else None)

    @cached_property
    def modules(self) -> dict[Name, Module]:
        """The target's module and all that its import may run, transitively, with the `__init__.py` of packages.

        Raises:
            FileNotFoundError: where there is no such file.
            SyntaxError: with its file and line.
        """
        if not self.file.is_file():
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(self.file))
        found: dict[Name, Module] = {}
        todo = [self.name]
        while todo:
            name = todo.pop()
            for part in (name[:depth] for depth in range(1, len(name) + 1)):
                file = self.find(part)
                if part not in found and file and file.is_file():
                    found[part] = Module(part, file, _parse(file))
                    todo.extend(self._imported(found[part]))
        return found

    def _imported(self, module: Module) -> Iterator[Name]:
        for found in module.imports:
            try:
                name = self.resolve(module, found)
            except ImportError:  # told by the check, or caught by the code itself
                continue
            if name is not None:
                yield name
                yield from ((*name, member) for member in found.members)  # may name a submodule

    def _below_root(self, folder: Path) -> Name:
        return folder.relative_to(self.root).parts

    @cached_property
    def outside(self) -> list[str]:
        """Top names of what its modules import from elsewhere: Python's own, installed, or missing."""
        names = {
            found.module.partition(".")[0]
            for module in self.modules.values()
            for found in module.imports
            if not found.level and self.local(found.module) is None
        }
        return sorted(names)


@cache
def code_of_file(file: Path) -> Code:
    """The code of a file, read once a process."""
    return Code(file)


def imports_of(node: ast.AST) -> Iterator[Import]:
    """The imports that one node is; `import_module("name")` is one where the name is written out."""
    if isinstance(node, ast.Import):
        yield from (Import(node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        members = tuple(alias.name for alias in node.names)
        yield Import(node.lineno, node.module or "", members, node.level)
    elif named := constant_import(node):
        name = named.value.lstrip(".")
        yield Import(named.lineno, name, level=len(named.value) - len(name))


def constant_import(node: ast.AST) -> ast.Constant | None:
    """The "name" of `importlib.import_module("name")`."""
    if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
        return None
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    return node.args[0] if called == "import_module" and isinstance(node.args[0].value, str) else None


@cache
def is_installed(name: str) -> bool:
    """Whether a top name is Python's own or that of an installed package; nothing is imported to know it.

    The folders of this checkout that Snakemake makes importable, and the working directory, do not count: that jobs
    find something there is an accident.
    """
    if name in sys.stdlib_module_names or name == "memdyn":
        return True
    accidents = {Path.cwd(), CHECKOUT, CHECKOUT / "workflow" / "scripts", CHECKOUT / "workflow" / "rules"}
    paths = [path for path in sys.path if Path(path).resolve() not in accidents]
    if PathFinder.find_spec(name, paths) is not None:
        return True
    others = [finder for finder in sys.meta_path if finder is not PathFinder and hasattr(finder, "find_spec")]
    return any(finder.find_spec(name, None) is not None for finder in others)


def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes(), filename=str(file))
