"""A part of a module: what one keyword of a call needs of the module that makes the call.

`SECTION = Section("plane", figures=..., captions=..., tables=...)` is read by two jobs: one draws the figures, the
other prints the rest. The digest of each covers its own part of the file: no word of a caption makes a figure stale.
"""

import ast


def part_of(tree: ast.Module, name: str, keyword: str) -> ast.Module:
    """The module with the call `name = f(...)` cut down to one keyword, and without what is then not used.

    Left out are functions, classes, constants and imports that the kept code does not name, directly or not; they are
    taken to do nothing but bind their names. All other statements stay.

    Raises:
        LookupError: where there is no such call.
    """
    calls = [node for node in tree.body if isinstance(node, ast.Assign) and name in _bound(node)]
    if not calls or not isinstance(call := calls[-1].value, ast.Call):
        raise LookupError(f"there is no call {name} = ...(...)")
    kept = [each for each in call.keywords if each.arg in (keyword, None)]  # None: **fields, which may hold it
    cut = ast.Assign(calls[-1].targets, ast.Call(call.func, call.args, kept))
    body = [cut if node is calls[-1] else node for node in tree.body]
    needed = _needed(body, cut)
    return ast.Module([node for node in body if node in needed], type_ignores=[])


def _needed(body: list[ast.stmt], first: ast.stmt) -> set[ast.stmt]:
    """What `first` and the statements that bind no name use, directly or not, and these themselves."""
    binding: dict[str, list[ast.stmt]] = {}
    for node in body:
        for name in _bound(node):
            binding.setdefault(name, []).append(node)
    todo, needed = [first, *(node for node in body if not _bound(node))], set()
    while todo:
        node = todo.pop()
        if node not in needed:
            needed.add(node)
            used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
            todo += [other for name in used for other in binding.get(name, ())]
    return needed


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds, if it does nothing else."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        return set() if "*" in names else names
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    inner = [part for target in targets for part in ast.walk(target)]
    if any(isinstance(part, ast.Attribute | ast.Subscript) for part in inner):
        return set()  # changes what something else has bound
    return {part.id for part in inner if isinstance(part, ast.Name)}
