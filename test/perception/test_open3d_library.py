"""Open3D can be loaded whether or not the computer has a libusb of its own."""

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, sys
real, absent = ctypes.CDLL, {absent!r}

def load(name, *words, **options):
    if str(name) in absent:
        raise OSError(name + ": cannot open shared object file")
    return real(name, *words, **options)

ctypes.CDLL = load
if {no_package}:
    sys.modules["libusb_package"] = None
from fail2progress.perception.open3d_library import o3d
print(len(o3d.geometry.PointCloud(o3d.utility.Vector3dVector([[0.0, 0.0, 1.0]])).points))
"""


def loaded(absent: list[str], no_package: bool) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(absent=absent, no_package=no_package)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


@pytest.mark.parametrize("absent", [[], ["libusb-1.0.so.0"]])
def test_it_loads(absent: list[str]) -> None:
    pytest.importorskip("libusb_package")
    done = loaded(absent, no_package=False)
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr


def test_without_any_libusb_the_error_says_what_to_install() -> None:
    done = loaded(["libusb-1.0.so.0"], no_package=True)
    assert done.returncode == 1
    assert "pip install libusb-package" in done.stderr
