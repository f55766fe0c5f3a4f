"""Files of tensors (safetensors), whole or as they were."""

from __future__ import annotations

import errno
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from fail2progress.core.files import whole_file

_NUMBER = re.compile(r"os error (\d+)")
"""Why the system refused, in the words of safetensors."""


def write_tensors(path: Path, values: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors by name, with texts beside them. OSError where that fails, as on a full disk: the file is as it was."""
    with whole_file(path) as unfinished:
        unfinished.touch()
        mode = stat.S_IMODE(unfinished.stat().st_mode)  # as other files: safetensors makes one that nobody else may read
        try:
            save_file(dict(values), unfinished, metadata)
            unfinished.chmod(mode)
        except SafetensorError as error:
            number = _NUMBER.search(str(error))
            raise OSError(int(number[1]) if number else errno.EIO, f"cannot be written ({error})", str(path)) from error
