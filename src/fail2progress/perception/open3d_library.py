"""Open3D on computers without libusb, which its shared library is linked to (for RealSense cameras, not used here)."""

from __future__ import annotations

import ctypes

_NEEDED = "libusb-1.0.so.0"


def provide_libusb() -> None:
    """Load the system's libusb or, where there is none, that of the package libusb-package; Open3D then finds it loaded.

    ImportError says what to install where neither is there.
    """
    try:
        ctypes.CDLL(_NEEDED)
        return
    except OSError:
        try:
            import libusb_package
        except ImportError:
            raise ImportError(f"Open3D needs {_NEEDED}: pip install libusb-package, or apt install libusb-1.0-0") from None
    path = libusb_package.get_library_path()
    if path is None:
        raise ImportError(f"libusb-package holds no library for this computer: apt install libusb-1.0-0 for {_NEEDED}")
    ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


provide_libusb()
import open3d as o3d  # noqa: E402

__all__ = ["o3d", "provide_libusb"]
