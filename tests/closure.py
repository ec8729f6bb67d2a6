"""Which files of the project a door's command imports, read from the code without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / "src"


def of_command(door: str, command: str) -> set[str]:
    """Files under src/ that `python src/<door> <command>` needs, the door itself included, relative to the root.

    A door imports at its top what all its commands need, and inside each command what that one needs.
    """
    tree = ast.parse((SRC / door).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    own = next(node for node in functions if node.name == command)
    nodes = [node for node in tree.body if node not in functions] + [own]
    found: set[Path] = {SRC / door}
    for node in nodes:
        for module in _imported(node):
            _follow(module, found)
    return {f"src/{path.relative_to(SRC).as_posix()}" for path in found}


def _follow(module: str, found: set[Path]) -> None:
    for path in _files(module):
        if path in found:
            continue
        found.add(path)
        for inner in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            _follow(inner, found)


def _files(module: str) -> Iterator[Path]:
    """The module's file, and the `__init__.py` of every package around it; nothing for other projects' modules."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        at = SRC.joinpath(*parts[:depth])
        if (at / "__init__.py").is_file():
            yield at / "__init__.py"
        elif at.with_suffix(".py").is_file():
            yield at.with_suffix(".py")


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
