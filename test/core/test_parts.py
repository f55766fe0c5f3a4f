"""What parts of other packages raise, in a line with their name."""

import pytest

from fail2progress.core.observation import UnseenError
from fail2progress.core.parts import PartError, guarded, told_part
from fail2progress.core.registry import Registry


class Part:
    """Of another package, as all tests are."""

    def fail(self, error: BaseException) -> None:
        raise error


def test_errors_of_others_become_one_line_that_says_where() -> None:
    with (
        pytest.raises(PartError, match=r"^lamp 'red' of test raised OSError: no line \(test_parts.py, line \d+\)$") as told,
        guarded("lamp", Part(), "red"),
    ):
        Part().fail(OSError("no\nline"))
    assert isinstance(told.value.__cause__, OSError) and isinstance(told.value, ValueError)
    with pytest.raises(PartError, match="lamp 'Part' of test raised KeyError "), guarded("lamp", Part()):
        Part().fail(KeyError())


def test_errors_of_this_package_pass_as_do_those_of_its_own_parts_and_ctrl_c() -> None:
    with pytest.raises(UnseenError), guarded("lamp", Part()):
        Part().fail(UnseenError(("a",)))
    with pytest.raises(OSError, match="own"), guarded("registry", Registry("lamp", "none")):
        Part().fail(OSError("own"))
    with pytest.raises(KeyboardInterrupt), guarded("lamp", Part()):
        Part().fail(KeyboardInterrupt())
    assert told_part("registry", Registry("lamp", "none")) == "registry 'Registry'"
