"""python -m fail2progress.ros.fork_server SOCKET FOLDER NODE...: imports what nodes need once, then forks each of them.

Forked processes share what was imported, in memory and in time; each is the head of a session of its own. Requests and answers
are JSON on a Unix socket (SOCK_SEQPACKET) that the supervisor has handed over; with a request come the files for standard output
and standard error. The server ends with its supervisor, and the nodes end when the server has gone.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

from fail2progress.ros.graph import NODES
from fail2progress.ros.launch.environment import SUPERVISOR

LARGEST = 1 << 16
"""Bytes of a request."""
_SET_NAME = 15
"""PR_SET_NAME of prctl(2)."""


def preload(names: list[str]) -> None:
    """Import what these nodes are made of. What cannot be imported is left to the node itself, which says why."""
    for module in ("fail2progress.ros.__main__", *(NODES[name].module for name in names)):
        try:
            importlib.import_module(module)
        except Exception:
            traceback.print_exc()


def serve(link: socket.socket) -> None:
    """Fork a process for every request, and tell of every one that has ended, until the supervisor closes its end."""
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([link.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 512)
            _tell_ended(link)
        if link.fileno() in ready:
            data, files, _, _ = socket.recv_fds(link, LARGEST, 2)
            if not data:
                return
            _fork(link, json.loads(data), files)


def _fork(link: socket.socket, request: dict[str, Any], files: list[int]) -> None:
    server = os.getpid()
    process = os.fork()
    if process == 0:
        _become(link, request, files, server)
    for file in files:
        os.close(file)
    link.send(json.dumps({"number": request["number"], "process": process}).encode())


def _tell_ended(link: socket.socket) -> None:
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process == 0:
            return
        link.send(json.dumps({"ended": process, "code": os.waitstatus_to_exitcode(status)}).encode())


def _become(link: socket.socket, request: dict[str, Any], files: list[int], server: int) -> NoReturn:
    """The node, in the process that was forked for it."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        link.close()
        for number, file in enumerate(files, start=1):
            os.dup2(file, number)
            os.close(file)
        _call_itself(request["name"])
        os.environ[SUPERVISOR] = str(server)
        sys.argv = ["fail2progress.ros", *request["words"]]
        gc.enable()
        from fail2progress.ros.__main__ import main as run

        code = run(request["words"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _call_itself(name: str) -> None:
    """The name of this process in lists of processes."""
    ctypes.CDLL(None).prctl(_SET_NAME, name.encode()[:15])


def main() -> int:
    """Serve until the supervisor has gone."""
    number, _, *names = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _call_itself("fork_server")
    gc.disable()  # a collection writes to every object, and so to every page that is shared
    with socket.socket(fileno=int(number)) as link:
        preload(names)
        gc.freeze()
        serve(link)
    return 0


if __name__ == "__main__":
    sys.exit(main())
