"""python -m fail2progress.ros NAME [--ros-args ...]: one node of the table as a process."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import traceback
from typing import Any, NoReturn

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

from fail2progress.core.streams import say_line
from fail2progress.ros.executor import NodeExecutor
from fail2progress.ros.graph import NODES
from fail2progress.ros.launch.environment import SUPERVISOR
from fail2progress.ros.launch.restarts import MISTAKE
from fail2progress.ros.parameter_file import check_arguments

BROKEN = threading.Event()


def main(arguments: list[str] | None = None) -> int:
    """Run a node until it is asked to end; its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] not in NODES:
        given = f"unknown node {words[0]!r}" if words else "no node named"
        say_line(f"fail2progress: {given}; there are: {', '.join(NODES)}")
        return MISTAKE
    entry = NODES[words[0]]
    # One thread a node: with a dozen processes on few cores, more only get in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    try:
        check_arguments(words[1:], entry.name)
        rclpy.init(args=words[1:], signal_handler_options=SignalHandlerOptions.NO)
        kind = getattr(importlib.import_module(entry.module), entry.class_name)
        if end.is_set():  # reading modules takes seconds on a busy computer, and a launch waits for no longer
            rclpy.try_shutdown()
            return 0
        node = kind(entry)
    except (ValueError, ImportError, ParameterException, RuntimeError) as error:
        say_line(f"fail2progress: {entry.name}: {_mistake(error)}")
        rclpy.try_shutdown()
        return MISTAKE
    executor = NodeExecutor(entry.threads)
    executor.add_node(node)
    spinning = threading.Thread(target=_spin, args=(executor, end), daemon=True)
    spinning.start()
    code = MISTAKE
    if not node.param("autostart") or _started(node, end):
        code = _wait(node, end)
    node.let_go()
    executor.shutdown(timeout_sec=2.0)
    spinning.join(timeout=2.0)
    node.destroy_node()
    rclpy.shutdown()
    return 1 if BROKEN.is_set() else code


def _mistake(error: Exception) -> str:
    """What to set right, in one line: a parameter, the parameters' file, or a package that is missing."""
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is missing; see: fail2progress doctor"
    said = " ".join(str(error).split())
    return said.partition(", at /")[0].partition(": Error at ")[0]  # what follows is a line of the middleware's source


def _spin(executor: NodeExecutor, end: threading.Event) -> None:
    """A node whose callbacks raise is broken: its process ends, and its supervisor restarts it."""
    try:
        executor.spin()
    except ExternalShutdownException:
        end.set()
    except Exception:
        traceback.print_exc()
        BROKEN.set()
        end.set()


def _started(node: Any, end: threading.Event) -> bool:
    """Whether the node could be configured and activated, as far as it was not asked to end first; it has said why not."""
    steps = (node.trigger_configure, node.trigger_activate)
    return all(end.is_set() or step() == TransitionCallbackReturn.SUCCESS for step in steps)


def _wait(node: object, end: threading.Event) -> int:
    """Until a signal, the end of its supervisor, or until the node has finished its work (`done`, an exit code)."""
    supervisor = os.environ.get(SUPERVISOR)
    while not end.wait(0.1):
        if supervisor is not None and os.getppid() != int(supervisor):
            return 0
        done = getattr(node, "done", None)
        if done is not None:
            return int(done)
    return 0


def end(code: int) -> NoReturn:
    """Exit at once: everything is released, and tearing the interpreter down takes seconds on a busy computer."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    end(main())
