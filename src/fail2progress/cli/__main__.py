"""fail2progress <command>: where the console script begins. Ctrl-C is heard here, before anything else is read."""

import gc
import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command that was typed."""
    _fill_closed()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)
    from fail2progress.cli.silence import never_silent
    from fail2progress.core.garbage import look_seldom

    look_seldom()
    try:
        with never_silent():
            _run()
    finally:
        _say_all()
        gc.freeze()  # looking for garbage among PyTorch's objects takes half a second, and all memory is given back anyway


def _fill_closed() -> None:
    """Standard input, output and error that were closed from the first lead nowhere: the next files that are opened would take
    their numbers, and get what libraries print."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free


def _run() -> None:
    try:
        from fail2progress.cli.interrupts import ctrl_c_ends
        from fail2progress.cli.main import app
    except ModuleNotFoundError as error:  # what the command line itself needs; what commands need is told by cli.common
        print(f"fail2progress: the package {error.name} is missing; install fail2progress again", file=sys.stderr)
        sys.exit(2)
    with ctrl_c_ends():
        try:
            app(prog_name="fail2progress")  # also where this is called as a module
        except BrokenPipeError:
            raise
        except OSError as error:  # of the help, which is written before a command begins; commands tell of their own
            _say_of_output(error)


def end_at_once(number: int, frame: FrameType | None) -> None:
    """Ctrl-C while modules are being read, or after the work: there is nothing to keep or to tidy up.

    An exception would reach the terminal as a traceback from wherever it came, or be lost in a module written in C.
    """
    try:
        os.write(2, b"fail2progress: stopped\n")
    finally:
        os._exit(130)  # as cli.common.STOPPED, which is not read yet


def _say_all() -> None:
    """Nothing is held back in a buffer that `end_at_once` would lose. Who closed the pipe is told by the interpreter."""
    try:
        if sys.stdout is not None:  # as where it was closed from the first
            sys.stdout.flush()
    except BrokenPipeError:
        return
    except OSError as error:
        _say_of_output(error)
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:  # that a command was at work was told to nobody
        from fail2progress.core.streams import let_go

        let_go(sys.stderr)


def _say_of_output(error: OSError) -> None:
    """What was to be printed is lost, as on a full disk: the work has failed."""
    from fail2progress.cli.common import FAILED, say
    from fail2progress.core.streams import let_go

    let_go(sys.stdout)
    say(f"fail2progress: standard output cannot be written ({error.strerror or error})")
    sys.exit(FAILED)


if __name__ == "__main__":
    main()
