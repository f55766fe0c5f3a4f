"""YAML from outside without aliases: a few hundred bytes of them can stand for more values than a computer holds."""

from __future__ import annotations

import yaml


class AliasError(yaml.MarkedYAMLError):
    """An alias in a file that may have none; `problem` says so, `problem_mark` where."""


class PlainLoader(yaml.SafeLoader):
    """The safe loader, refusing aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """See yaml.composer.Composer. AliasError for an alias."""
        if self.check_event(yaml.AliasEvent):
            alias = self.peek_event()  # type: ignore[no-untyped-call]
            raise AliasError(problem="an alias (*) is not taken; write the value again", problem_mark=alias.start_mark)
        return super().compose_node(parent, index)
