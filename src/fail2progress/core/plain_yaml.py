"""YAML from outside as people read it: numbers are decimal, no key stands twice, and there are no aliases.

A few hundred bytes of aliases can stand for more values than a computer holds. YAML 1.1, which PyYAML reads, takes 060 for 48 and
1:10 for 70, and 1e-3 for a text.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"


class NotPlainError(yaml.MarkedYAMLError):
    """A file that is YAML but not plain; `problem` says why, `problem_mark` where."""


class AliasError(NotPlainError):
    """An alias in a file that may have none."""


class TwiceError(NotPlainError):
    """A key that stands twice in one mapping: nobody knows which of its values was meant."""

    def __init__(self, key: str, mark: yaml.Mark | None = None) -> None:
        super().__init__(problem=f"{key}: this key stands here twice", problem_mark=mark)


class PlainLoader(yaml.SafeLoader):
    """The safe loader, refusing aliases and keys that come twice, with the numbers of YAML 1.2."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """See yaml.composer.Composer. AliasError for an alias."""
        if self.check_event(yaml.AliasEvent):
            alias = self.peek_event()  # type: ignore[no-untyped-call]
            raise AliasError(problem="an alias (*) is not taken; write the value again", problem_mark=alias.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """See yaml.constructor.SafeConstructor. TwiceError for a key that comes twice."""
        seen = set[str]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise TwiceError(key.value, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of a JSON text, as `object_pairs_hook` of its reader. TwiceError for a key that comes twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise TwiceError(key)
        found[key] = value
    return found


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0 if text.startswith(("0o", "0x")) else 10)


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_INT, _FLOAT)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
PlainLoader.add_implicit_resolver(_INT, re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789"))
PlainLoader.add_implicit_resolver(
    _FLOAT,
    re.compile(r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|Nan|NaN|NAN))$"),
    list("-+.0123456789"),
)
PlainLoader.add_constructor(_INT, _integer)
