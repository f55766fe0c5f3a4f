"""task: asks the planner for one task, tells how it goes, writes the result, and ends with an exit code."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from action_msgs.msg import GoalStatus
from fail2progress_msgs.action import ExecuteTask
from fail2progress_msgs.msg import ErrorCode
from rclpy.action import ActionClient

from fail2progress.nodes.base import StackNode
from fail2progress.nodes.convert import goal_msg, uuid_text
from fail2progress.sim.tasks import task

GONE = 5.0
"""Seconds without the planner after which the task counts as lost."""
AGAIN = (ErrorCode.PLANNER_BUSY, ErrorCode.PLANNER_NO_OBSERVATION, ErrorCode.ROBOT_LOST, ErrorCode.ROBOT_BUSY)
"""What may pass by itself: a node that was lost is started anew."""


class LostError(RuntimeError):
    """The planner has gone, or does not take the task."""


class Node(StackNode):
    """`done` becomes the exit code: 0 the task was done, 1 it was not."""

    done: int | None = None

    def start(self) -> None:
        """See StackNode. ValueError where there is no such trial."""
        self.trial = task(str(self.param("task"))).trial(int(self.param("objects")), int(self.param("seed")))
        self.client = ActionClient(self, ExecuteTask, "execute_task", callback_group=self.together)
        self.ending = threading.Event()
        self.said: list[str] = []

    def begin(self) -> None:
        """See StackNode."""
        threading.Thread(target=self._ask, daemon=True).start()

    def stop(self) -> None:
        """See StackNode."""
        self.ending.set()

    def _ask(self) -> None:
        began, result, failures = time.time(), None, []
        for attempt in range(int(self.param("attempts"))):
            try:
                result = self._once()
                failures += [uuid_text(item) for item in result.failures]
                if result.error_code not in AGAIN:
                    break
                self._say(f"asking again ({attempt + 1}): {result.error_msg}")
            except LostError as error:
                self._say(f"asking again ({attempt + 1}): {error}")
            if self.ending.wait(2.0):
                return
        self._write(result, failures, time.time() - began)
        self.done = int(result is None or result.error_code != ErrorCode.OK)

    def _once(self) -> Any:
        """Ask for the task and wait for its result."""
        if not self.client.wait_for_server(timeout_sec=60.0):
            raise LostError("nobody offers execute_task: does the planner run?")
        trial = self.trial
        goal = ExecuteTask.Goal(
            task=trial.task, objects=trial.objects, seed=trial.seed, stages=[goal_msg(stage) for stage in trial.stages]
        )
        handle = self._wait(self.client.send_goal_async(goal, feedback_callback=self._feedback))
        if not handle.accepted:
            raise LostError("the planner does not take the task: it is busy or inactive")
        self._say(f"task: {trial.task}, {trial.objects} objects, seed {trial.seed}: {trial.goal}")
        answer = self._wait(handle.get_result_async())
        if answer.status == GoalStatus.STATUS_UNKNOWN:
            raise LostError("the planner knows nothing of the task")
        return answer.result

    def _wait(self, future: Any) -> Any:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        gone = 0.0
        while not done.wait(0.1):
            gone = 0.0 if self.client.server_is_ready() else gone or time.monotonic()
            if gone and time.monotonic() - gone > GONE:
                raise LostError("the planner has gone")
            if self.ending.is_set():
                raise LostError("stopped")
        return future.result()

    def _feedback(self, message: Any) -> None:
        self._say(f"{message.feedback.phase}: {message.feedback.text}")

    def _say(self, text: str) -> None:
        """On standard output, for people and for whoever started this."""
        self.said.append(text)
        print(text, flush=True)

    def _write(self, result: Any, failures: list[str], seconds: float) -> None:
        reason = "the planner did not answer" if result is None else result.error_msg
        content = {
            "task": self.trial.task,
            "objects": self.trial.objects,
            "seed": self.trial.seed,
            "outcome": reason if result is None else result.outcome or reason,
            "error_code": None if result is None else int(result.error_code),
            "error_msg": reason,
            "skills": 0 if result is None else int(result.skills),
            "failures": failures,
            "model": "" if result is None else result.model,
            "seconds": round(seconds, 3),
            "said": self.said,
        }
        self._say(f"result: {content['outcome']}")
        named = str(self.param("result"))
        path = Path(named) if named else self.state_dir / "result.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        unfinished.write_text(json.dumps(content, indent=1) + "\n")
        unfinished.replace(path)
