"""What parts of other packages raise, in a line with their name."""

from functools import partial

import pytest

from fail2progress.core.observation import UnseenError
from fail2progress.core.parts import PartError, guarded, package_of, told_part
from fail2progress.core.registry import Registry, RegistryError


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


def test_errors_that_are_meant_pass_and_no_others() -> None:
    """A robot that looks with this package's segmenters has errors of this package, which nobody expects of a robot."""

    class WideError(UnseenError):
        """As an author derives one."""

    with pytest.raises(WideError), guarded("lamp", Part(), meant=UnseenError):
        Part().fail(WideError(("a",)))
    with pytest.raises(PartError, match="RegistryError: no such"), guarded("lamp", Part(), meant=UnseenError):
        Part().fail(RegistryError("no such"))


def test_a_part_that_is_made_by_a_class_or_a_partial_is_of_the_package_of_that() -> None:
    for make in (Part, partial(Part), partial(partial(Part.fail)), Part.fail, Part()):
        assert package_of(make) == __name__.partition(".")[0], make
