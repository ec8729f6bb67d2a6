"""Which files of the project a script's command imports, read from the code without running it.

Run as a program (`make deps`), it writes them into dvc.yaml as each stage's code dependencies.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"


def of_command(script: str, command: str) -> set[str]:
    """Files under src/ that `python src/<script> <command>` needs, the script itself included, relative to the root.

    A script imports at its top what all its commands need, and inside each command what that one needs. A template
    is needed where a module beside it names it.
    """
    tree = ast.parse((SRC / script).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    own = next(node for node in functions if node.name == command)
    nodes = [node for node in tree.body if node not in functions] + [own]
    found: set[Path] = {SRC / script}
    for node in nodes:
        for module in imported(node):
            _follow(module, found)
    for template in SRC.rglob("*.j2"):
        if any(path.parent == template.parent and template.name in path.read_text(encoding="utf-8") for path in found):
            found.add(template)
    return {path.relative_to(ROOT).as_posix() for path in found}


def shortest(files: set[str]) -> list[str]:
    """The same files as few lines: a package's folder where all of it is among them, else the files; sorted."""
    lines = set()
    for file in files:
        folders = [folder for folder in (ROOT / file).parents if SRC / "scrapline" in folder.parents]
        whole = [folder for folder in folders if _inside(folder) <= files]
        lines.add(whole[-1].relative_to(ROOT).as_posix() if whole else file)
    return sorted(lines)


def with_code_deps(text: str) -> str:
    """dvc.yaml's text with each stage's lines `- src/...` made anew."""
    stages = yaml.safe_load(text)["stages"]
    lines: list[str] = []
    stage = ""
    for line in text.splitlines():
        name = line.strip().removesuffix(":")
        if line == f"  {name}:" and name in stages:
            stage = name
        if line.startswith("      - src/"):
            continue
        lines.append(line)
        if line == "    deps:":
            _, script, command = stages[stage]["cmd"].split()
            lines += [f"      - {dep}" for dep in shortest(of_command(Path(script).name, command))]
    return "\n".join(lines) + "\n"


def _inside(folder: Path) -> set[str]:
    """What a package holds, but for what Python leaves there."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found}


def _follow(module: str, found: set[Path]) -> None:
    for path in files_of(module):
        if path in found:
            continue
        found.add(path)
        for inner in imported(ast.parse(path.read_text(encoding="utf-8"))):
            _follow(inner, found)


def files_of(module: str) -> Iterator[Path]:
    """The module's file, and the `__init__.py` of every package around it; nothing for other projects' modules."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        at = SRC.joinpath(*parts[:depth])
        if (at / "__init__.py").is_file():
            yield at / "__init__.py"
        elif at.with_suffix(".py").is_file():
            yield at.with_suffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


if __name__ == "__main__":
    path = ROOT / "dvc.yaml"
    path.write_text(with_code_deps(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
