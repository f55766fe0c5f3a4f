"""The one rule of what becomes of a stack when a process ends. Imports no ROS."""

import pytest

from fail2progress.ros import graph as table
from fail2progress.ros.launch.restarts import MISTAKE, MOST_STARTS, Next, what_now


@pytest.mark.parametrize("stack", list(table.STACKS))
def test_a_stack_ends_with_its_last_node_and_for_what_no_start_cures(stack: str) -> None:
    for name in table.STACKS[stack]:
        for code in (0, 1, 7, MISTAKE):
            ends_with = Next.CONCLUDE if name == table.LAST[stack] else Next.NAME_MISTAKE if code == MISTAKE else Next.RESTART
            assert what_now(stack, name, code, 1) is ends_with
        assert what_now(stack, name, -9, MOST_STARTS - 1) is Next.RESTART, "a killed one, the last one too"
        assert what_now(stack, name, -9, MOST_STARTS) is Next.GIVE_UP
