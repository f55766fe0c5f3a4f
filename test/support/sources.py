"""What a module asks for by name, and what it imports: looked up once for each file, however many names are asked for."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """Lines of a module at which it chooses by a name, and at which it imports something from a module."""

    names: tuple[tuple[str, int], ...]
    """What it compares with, chooses by, or keeps something under."""
    imports: tuple[tuple[str, tuple[str, ...], int], ...]
    """Modules that it imports from, and what it takes of each."""

    def choosing(self, name: str) -> list[int]:
        """Lines that choose by a name."""
        return [line for asked, line in self.names if asked == name]


@cache
def asked_in(path: Path) -> Asked:
    """Of a file; it is read once."""
    return asked_of(path.read_text("utf-8"))


def asked_of(source: str) -> Asked:
    """Of a module's source."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [(name, line) for node in nodes for part, line in _choosing(node) for name in _constants(part)]
    imports = [
        (node.module or "", tuple(a.name for a in node.names), node.lineno) for node in nodes if isinstance(node, ast.ImportFrom)
    ]
    return Asked(tuple(names), tuple(imports))


def _choosing(node: ast.AST) -> Iterator[tuple[ast.AST, int]]:
    """What a comparison compares, a case matches, or a dictionary is looked up by."""
    if isinstance(node, ast.match_case):
        yield node.pattern, node.pattern.lineno
    elif isinstance(node, ast.Dict):
        yield from ((key, node.lineno) for key in node.keys if key is not None)
    elif isinstance(node, ast.Compare):
        yield node, node.lineno


def _constants(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}
