"""Files of tensors (safetensors), whole or as they were."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from fail2progress.core.files import whole_file


def write_tensors(path: Path, values: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors by name, with texts beside them. OSError where that fails, as on a full disk: the file is as it was."""
    with whole_file(path) as unfinished:
        unfinished.touch()
        mode = stat.S_IMODE(unfinished.stat().st_mode)  # as other files: safetensors makes one that nobody else may read
        try:
            save_file(dict(values), unfinished, metadata)
            unfinished.chmod(mode)
        except SafetensorError as error:
            raise OSError(f"{path}: cannot be written ({error})") from error
