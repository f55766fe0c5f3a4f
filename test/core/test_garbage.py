import subprocess
import sys

from fail2progress.core.executor import LocalExecutor
from fail2progress.core.garbage import OBJECTS

PRINT = "import gc; print(gc.get_threshold()[0])"


def looked_after(begin: str) -> int:
    """Objects after which a process looks for garbage that begins with these lines."""
    done = subprocess.run([sys.executable, "-c", f"{begin}\n{PRINT}"], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_an_application_decides_for_itself() -> None:
    assert looked_after("import fail2progress.core.garbage, fail2progress.core.executor") == looked_after("")


def test_own_processes_look_seldom() -> None:
    assert looked_after("from fail2progress.core.garbage import look_seldom; look_seldom()") == OBJECTS
    assert next(LocalExecutor(1).map_unordered(eval, ["__import__('gc').get_threshold()[0]"])) == OBJECTS
