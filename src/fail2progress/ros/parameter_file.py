"""ROS parameter files, read before anything is started: what is wrong in one is said in one line. Imports no ROS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from fail2progress.core.names import unknown
from fail2progress.core.plain_yaml import NotPlainError, PlainLoader
from fail2progress.ros.graph import NODES, Parameter, parameters

_KEY = "ros__parameters"
_NAMESPACE = re.compile(r"/?([A-Za-z_]\w*(/[A-Za-z_]\w*)*)?", re.ASCII)
ANYBODYS = ("use_sim_time", "qos_overrides", "start_type_description_service")
"""Parameters that every ROS node has, by the part before the first point."""
_FLAGS = ("use_sim_time", "start_type_description_service")
"""Those of them that are true or false."""
_CALLED = re.compile(r"(?:\w+:)?__(?:node|name):=(\w+)", re.ASCII)
_KINDS: Mapping[type, str] = {bool: "true or false", int: "a whole number", float: "a number with a point", str: "a text"}


class ParameterFileError(ValueError):
    """A parameter file or a namespace that ROS, or a node of the stack, would not take."""


def check_namespace(namespace: str) -> None:
    """ParameterFileError where ROS would not take it."""
    if not _NAMESPACE.fullmatch(namespace):
        raise ParameterFileError(
            f"namespace {namespace!r}: letters, digits and _ in parts between single slashes, none of which begins with a digit"
        )


def check_arguments(words: Sequence[str], node: str) -> None:
    """ParameterFileError where a file among the ROS arguments of one node is wrong, as for `check_file`."""
    pairs = list(pairwise(words))
    called = {found[1]: node for flag, rule in pairs if flag in ("-r", "--remap") and (found := _CALLED.fullmatch(rule))}
    for flag, path in pairs:
        if flag == "--params-file":
            check_file(Path(path), called)


def check_file(path: Path, called: Mapping[str, str] | None = None) -> None:
    """ParameterFileError names the file, the node, the parameter and the value that is wrong. Nodes of others are left alone.

    called: names in the stack of nodes that were given other ones, by these.
    """
    try:
        content = _read(path)
    except NotPlainError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise ParameterFileError(f"{path}{line}: {error.problem}") from error
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ParameterFileError(f"{path}: cannot be read as a parameter file ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict) or not content:
        raise ParameterFileError(f"{path}: not a parameter file; it maps nodes to {_KEY}, as in planner: {{{_KEY}: {{...}}}}")
    for node, values in _nodes(path, content, ""):
        own = node.rpartition("/")[2]
        name = (called or {}).get(own, own)
        if name in NODES:
            _check(path, name, values)
        elif "*" in name:
            _check_for_all(path, node, values)
        elif near := get_close_matches(name, NODES, 1, 0.8):
            raise ParameterFileError(f"{path}: no node {name!r} in the stack. Did you mean {near[0]!r}?")


class _Loader(PlainLoader):
    """As nodes read such files, refusing what these take otherwise than it looks: of two equal keys the last, 060 for 48."""


def _number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if re.match("[-+]?0[0-9o]", text):
        raise NotPlainError(
            problem=f"{text}: ROS takes a number that begins with 0 for an octal one", problem_mark=node.start_mark
        )
    return int(text, 0)


_Loader.add_constructor("tag:yaml.org,2002:int", _number)


def _read(path: Path) -> Any:
    """The values of a file. OSError, ValueError, RecursionError or yaml.YAMLError where it is damaged or not plain."""
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)


def said(path: Path, node: str, namespace: str = "") -> dict[str, Any]:
    """What a file that `check_file` takes says of a node's parameters, by its name or under a wildcard."""
    whole = f"/{namespace.strip('/')}/{node}".replace("//", "/")
    places = _nodes(path, _read(path), "")
    return {name: value for place, own in places if _pattern(place).fullmatch(whole) for name, value in own.items()}


def _pattern(place: str) -> re.Pattern[str]:
    """Names of nodes for which a place in a file holds: * stands for one part of a name, ** for any number of them."""
    parts = {"**": r"(/[^/]+)*", "*": "/[^/]+"}
    return re.compile("".join(parts.get(part, f"/{re.escape(part)}") for part in place.strip("/").split("/")))


def _nodes(path: Path, content: Mapping[Any, Any], above: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every node with its values, by its whole name; namespaces may be nested."""
    for key, value in content.items():
        place = f"{above}/{key}".replace("//", "/")
        if not isinstance(value, dict):
            raise ParameterFileError(f"{path}: {place}: expected {_KEY} or a node, got {value!r}")
        if _KEY not in value:
            yield from _nodes(path, value, place)
        elif isinstance(value[_KEY], dict):
            yield place, value[_KEY]
        else:
            raise ParameterFileError(f"{path}: {place}: {_KEY} maps names to values, got {value[_KEY]!r}")


def _check(path: Path, node: str, values: Mapping[str, Any]) -> None:
    known = {parameter.name: parameter for parameter in parameters(NODES[node])}
    for name, value in values.items():
        if name in known:
            reason = mistake(known[name], value)
            if reason is not None:
                raise ParameterFileError(f"{path}: {node}: {reason}")
        elif name in _FLAGS and not isinstance(value, bool):
            raise ParameterFileError(f"{path}: {node}: {_no_flag(str(name), value)}")
        elif str(name).partition(".")[0] not in ANYBODYS:
            raise ParameterFileError(f"{path}: {node}: {unknown('parameter', str(name), known)}")


def _check_for_all(path: Path, node: str, values: Mapping[str, Any]) -> None:
    """Under a wildcard a value is for those nodes that have the parameter; one that none of them takes is wrong."""
    for name, value in values.items():
        having = [each for entry in NODES.values() for each in parameters(entry) if each.name == name]
        reasons = [misspelt([str(name)])] if not having else [mistake(each, value) for each in having]
        if name in _FLAGS and not isinstance(value, bool):
            reasons = [_no_flag(str(name), value)]
        if all(reasons):
            raise ParameterFileError(f"{path}: {node}: {reasons[0]}")


def _no_flag(name: str, value: Any) -> str:
    return f"{name}: expected {_KINDS[bool]}, got {str(value)[:40]}"


def misspelt(given: Iterable[str]) -> str | None:
    """A parameter that no node of the stack has; files may hold those of other nodes under a wildcard."""
    known = {parameter.name for entry in NODES.values() for parameter in parameters(entry)}
    for name in given:
        if name not in known and name.partition(".")[0] not in ANYBODYS:
            near = get_close_matches(name, known, 1)
            return f"unknown parameter {name!r}" + (f"; do you mean {near[0]!r}?" if near else "")
    return None


def mistake(parameter: Parameter, value: Any) -> str | None:
    """Why a value is not taken. ROS takes whole numbers for whole numbers only, and numbers with a point for the others."""
    kind = type(parameter.default)
    if type(value) is kind:
        return parameter.check(value)
    hint = f": write {float(value)}" if kind is float and type(value) is int and abs(value) < 1e15 else ""
    hint = f": write '{value}', with quotes" if kind is str and isinstance(value, bool | int | float) else hint
    shown = repr(value[:40]) if isinstance(value, str) else str(value)[:40]
    return f"{parameter.name}: expected {_KINDS[kind]}, got {shown}{hint}"
