"""The folder that a command's run lies in: a new one, or the one that the user names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from fail2progress.cli.common import checked, require, run_of, say, writable
from fail2progress.core.files import NoLocksError
from fail2progress.core.holds import LOCK
from fail2progress.core.runs import ABOUT, Run, Runs, working_in


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
    with checked(), _holding(run):
        try:
            for name in leaves if force else ():
                path = run.folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            yield run if out is None and not resume else Runs().adopt(run.folder, run.kind, now, anew)
        except BaseException:
            with suppress(OSError):  # what went wrong is told, not that something is left
                _discard_empty(run, there)
            raise


@contextmanager
def _holding(run: Run) -> Iterator[None]:
    """As `working_in`; where files cannot be locked, nobody has begun in the folder, which goes again."""
    before = {path.name for path in run.folder.iterdir()} if run.folder.is_dir() else set()
    with ExitStack() as hold:
        try:
            hold.enter_context(working_in(run))
        except NoLocksError:
            with suppress(OSError):
                if before <= {ABOUT}:
                    Runs().discard(run)
                elif LOCK not in before:
                    (run.folder / LOCK).unlink()
            raise
        yield


def _discard_empty(run: Run, there: bool) -> None:
    """Nothing ran in a folder that is held: it, or what it has of a run where it was there before, goes; the run before is the
    last one again."""
    if not [path for path in run.folder.iterdir() if path.name != ABOUT and not path.name.startswith(".")]:
        Runs().forget(run) if there else Runs().discard(run)
