"""The folder that a command's run lies in: a new one, or the one that the user names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from fail2progress.cli.common import checked, require, run_of, say, writable
from fail2progress.core.runs import ABOUT, Run, RunError, Runs, working_in


@contextmanager
def run_folder(
    kind: str, out: Path | None, resume: bool = False, force: bool = False, leaves: tuple[str, ...] = ()
) -> Iterator[Run]:
    """The folder of a new run, held while it lasts: one of its own, or the one that the user names.

    A folder that holds a run already is resumed (`resume`), emptied of what a run leaves (`force`), or refused.
    """
    now, there, anew = datetime.now(), out is not None and out.exists(), False
    if out is None and resume:
        run = run_of(kind)
    elif out is None:
        run = Runs().new(kind, now)
    else:
        require(not (resume and force), "--resume goes on with what --force would replace: give one of them")
        held = [name for name in leaves if (out / name).exists()]
        anew = not resume or bool(leaves and not held)
        if resume and leaves and not held:
            say(f"note: {out}: nothing to go on with is there; this is a new run")
        occupied = f"{out} holds an earlier run ({', '.join(held)}): choose another --out, or --force to replace it"
        require(resume or force or not held, occupied)
        writable(out)
        run = Run(out, kind, "")
    try:
        with checked(), working_in(run):
            for name in leaves if force else ():
                path = run.folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            yield run if out is None and not resume else Runs().adopt(run.folder, run.kind, now, anew)
    except BaseException:
        _discard_empty(run, there)
        raise


def _discard_empty(run: Run, there: bool) -> None:
    """Nothing ran: the folder, or what it has of a run where it was there before, goes; the run before is the last one again."""
    if not run.in_use and not [path for path in run.folder.iterdir() if path.name != ABOUT and not path.name.startswith(".")]:
        with suppress(RunError):
            if there:
                Runs().forget(run)
            elif run.in_use is None:  # files cannot be locked there, so that nobody has begun in it
                shutil.rmtree(run.folder)
            else:
                Runs().remove(run)
