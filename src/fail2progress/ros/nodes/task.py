"""task: asks the planner for one task, tells how it goes, writes the result, and ends with an exit code."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from action_msgs.msg import GoalStatus
from fail2progress_msgs.action import ExecuteTask
from fail2progress_msgs.msg import ErrorCode
from fail2progress_msgs.srv import SetTrial

from fail2progress.core.descriptions import described
from fail2progress.core.files import write_whole
from fail2progress.core.observation import SegmentedCloud
from fail2progress.robots.stretch.seen import segments_showing
from fail2progress.ros.actions import Dispatcher, await_result
from fail2progress.ros.conversions.values import cloud_of, goal_msg, stamp_of, uuid_text
from fail2progress.ros.errand import Errand
from fail2progress.ros.lifecycle import StackNode
from fail2progress.ros.set_back import Since
from fail2progress.tasks.atoms import spelled
from fail2progress.tasks.base import TaskError, Trial
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import first_seed

PATIENCE = 10
"""Trials that a story may take until something fails."""
ANSWER = 20.0
"""Seconds that another node has for an answer."""
STARTING = 60.0
"""Seconds that another node has to start."""
SIGHT = 60.0
"""Seconds until the camera shows a world as it was put."""
ROBOT, NO_ROBOT = "the simulated robot (set_trial)", "nobody offers set_trial: does the simulated robot run?"
TYPE = "fail2progress_msgs/action/ExecuteTask"
LONGEST = 3600.0
"""Seconds that a task may take."""
AGAIN = (ErrorCode.PLANNER_BUSY, ErrorCode.PLANNER_NO_OBSERVATION, ErrorCode.ROBOT_LOST, ErrorCode.ROBOT_BUSY)
"""What may pass by itself: a node that was lost is restarted."""


def typed(trial: Trial) -> str:
    """A trial's goal as people type it for `ros2 action send_goal`."""
    stages = [
        {"atoms": [{"relation": a.relation, "subject": a.subject, "other": a.other or "", "holds": a.holds} for a in stage.atoms]}
        for stage in trial.stages
    ]
    return json.dumps({"task": trial.task, "objects": trial.objects, "seed": trial.seed, "stages": stages})


class LostError(RuntimeError):
    """The planner has gone, or does not take the task."""


class TaskNode(StackNode):
    """`done` becomes the exit code: 0 the task was done, 1 it was not, 2 its result cannot be written."""

    done: int | None = None
    began: float | None = None
    """When the present trial was taken by the planner."""
    learning = 0.0
    """Seconds of the present trial in which the planner waited for what is learnt."""
    heard: tuple[str, float] | None = None
    """Phase and time of the planner's last words."""

    def start(self) -> None:
        """See StackNode. ValueError where there is no such trial."""
        self.family, self.objects = task(str(self.param("task"))), int(self.param("objects"))
        self.trial(first_seed(int(self.param("seed"))))
        self.client = Dispatcher(self, ExecuteTask, "execute_task", callback_group=self.together)
        self.placing = self.create_client(SetTrial, "set_trial", callback_group=self.together)
        self.ending, self.looked = threading.Event(), threading.Event()
        self.seen: SegmentedCloud | None = None
        self.since: Since | None = None
        """What was seen later is waited for. None: nothing is, and segments are not even read."""
        self.listen("segments", self._see)
        self.said: list[str] = []
        self.errand = Errand(self, self._run, self.ending, (OSError,))
        self.made.callback(self.errand.close)

    def trial(self, seed: int) -> Trial:
        """A trial with the goal that was asked for, or its own where only what is seen tells which one that is. ValueError where
        there is none."""
        found = self.family.trial(self.objects, seed)
        goal = spelled(str(self.param("goal")), found.scene.names)
        self.words = [goal] if goal and described(goal, found.scene.names) else []
        return found.with_goal(goal) if goal and not self.words else found

    def begin(self) -> None:
        """See StackNode."""
        self.errand.begin()

    def _run(self) -> int | None:
        """One trial, or the story. OSError where its result cannot be written."""
        if self.param("stay"):
            self._stay()
            return None
        first = first_seed(int(self.param("seed")))
        rounds = self._story(first) if self.param("story") else [self._round(first)]
        if not self.ending.is_set():
            self._write(rounds)
        return int(rounds[-1]["error_code"] != ErrorCode.OK)

    def _story(self, first: int) -> list[dict[str, Any]]:
        """Trials, each by its first plan alone, until one fails; the same trial by the model as it is then; and, where its plan
        alone does not reach the goal either, once more with planning after every skill.
        """
        rounds: list[dict[str, Any]] = []
        for seed in range(first, first + PATIENCE):
            rounds.append(self._round(seed, open_loop=True))
            if rounds[-1]["failures"] or rounds[-1]["error_code"] != ErrorCode.OK or self.ending.is_set():
                break
        seed = int(rounds[-1]["seed"])
        if rounds[-1]["failures"] and not self.ending.is_set():
            self._say("the same trial again, by the model as it is now")
            rounds.append(self._round(seed, open_loop=True))
        if rounds[-1]["error_code"] != ErrorCode.OK and not self.ending.is_set():
            self._say("the same trial again, planning after every skill")
            rounds.append(self._round(seed))
        return rounds

    def _stay(self) -> None:
        """Say how goals are sent, and leave the rest to whoever sends them. The world is as the robot's node has it: a new one in
        its trial's start, one that was left, also by this node's earlier process, as it was left."""
        trial = self.trial(first_seed(int(self.param("seed"))))
        try:
            if not self._there(self._offered, ROBOT):
                self._say(f"nothing will be done yet: {NO_ROBOT}")
        except LostError:
            return
        where = self.get_namespace().rstrip("/")
        self._say(f"the robot waits for goals, such as: ros2 action send_goal {where}/execute_task {TYPE} '{typed(trial)}'")

    def _round(self, seed: int, open_loop: bool = False) -> dict[str, Any]:
        """One trial from its start; asked for again where a node was lost meanwhile."""
        result, failures, reason, code = None, [], "the planner did not answer", ErrorCode.PLANNER_STOPPED
        self.learning, self.began, self.heard = 0.0, None, None
        trial: Trial | None = None
        placed, named = not self.param("story"), False
        for attempt in range(int(self.param("attempts"))):
            try:
                trial = trial or self.trial(seed)
                if not placed:
                    self._place(trial)
                    placed = True
                if not named and not self.words:
                    trial, named = self._as_seen(trial), True
                result = self._once(trial, open_loop)
                failures += [uuid_text(item) for item in result.failures]
                reason = result.error_msg
                if result.error_code not in AGAIN:
                    break
            except LostError as error:
                result, reason = None, str(error)
            except TaskError as error:
                reason, code = str(error), ErrorCode.PLANNER_BAD_GOAL
                break
            self._say(f"asking again ({attempt + 1}): {reason}")
            if self.ending.wait(2.0):
                break
        said = {
            "seed": seed,
            "open_loop": open_loop,
            "outcome": reason if result is None else result.outcome or reason,
            "error_code": int(code if result is None else result.error_code),
            "error_msg": reason,
            "skills": 0 if result is None else int(result.skills),
            "failures": list(dict.fromkeys(failures)),
            "model": "" if result is None else result.model,
            "seconds": round(time.monotonic() - self.began, 3) if self.began is not None else 0.0,
            "learning_seconds": round(self.learning, 3),
        }
        self._say(f"result: {said['outcome']}, {said['skills']} skills")
        return said

    def _offered(self) -> bool:
        return bool(self.placing.wait_for_service(timeout_sec=1.0))

    def _place(self, trial: Trial) -> None:
        """Have the simulated world put into the trial's start."""
        if not self._there(self._offered, ROBOT):
            raise LostError(NO_ROBOT)
        request = SetTrial.Request(task=trial.reference, objects=trial.objects, seed=trial.seed)
        answer = self._wait(self.placing.call_async(request))
        if answer.error_code != ErrorCode.OK:
            raise LostError(answer.error_msg)

    def _as_seen(self, trial: Trial) -> Trial:
        """The trial with its goals in the names of what is seen, where segments do not go by the simulator's.

        LostError where nothing is seen; TaskError where something that a goal speaks of is not.
        """
        self.looked.clear()
        self.since, end = Since(self.now), time.monotonic() + SIGHT
        while not self.looked.wait(0.1):
            self._check()
            if time.monotonic() > end:
                raise LostError(f"no segments for {SIGHT:.0f} s: does the segmentation run?")
        assert self.seen is not None
        own = {name: name for name in trial.scene.names if name in self.seen.names}
        return trial.as_seen({**segments_showing(self.seen, trial.scene), **own})

    def _see(self, message: Any) -> None:
        if self.since is not None and self.since.counts(stamp_of(message.header.stamp)):
            self.seen, self.since = cloud_of(message), None
            self.looked.set()

    def _once(self, trial: Trial, open_loop: bool) -> Any:
        """Ask for the task and wait for its result."""
        if not self._there(lambda: self.client.found(1.0), "the planner (execute_task)"):
            raise LostError("nobody offers execute_task: does the planner run?")
        goal = ExecuteTask.Goal(
            run=self.others.run,
            task=trial.task,
            objects=trial.objects,
            seed=trial.seed,
            stages=[] if self.words else [goal_msg(stage) for stage in trial.stages],
            goals=self.words,
            open_loop=open_loop,
        )
        handle = self.client.ask(goal, self._check, ANSWER, self._feedback)
        if handle is None:
            raise LostError(f"no answer within {ANSWER:.0f} s")
        if not handle.accepted:
            raise LostError("the planner does not take the task: it is busy or inactive")
        self.began = self.began or time.monotonic()
        said = " and ".join(self.words) or str(trial.goal)
        way = "one plan up to its first failure" if open_loop else "planning after every skill"
        self._say(f"task: {trial.task}, {trial.objects} objects, seed {trial.seed}, {way}: {said}")
        answer = await_result(handle, self._check, LONGEST)
        if answer is None:
            raise LostError(f"the planner did not end the task within {LONGEST:.0f} s")
        if answer.status == GoalStatus.STATUS_UNKNOWN:
            raise LostError("the planner knows nothing of the task")
        return answer.result

    def _there(self, look: Callable[[], bool], what: str) -> bool:
        """Whether something is offered within a minute; what is waited for is said."""
        end = time.monotonic() + STARTING
        if look():
            return True
        self._say(f"waiting for {what} to start")
        while not look():
            self._check()
            if time.monotonic() > end:
                return False
        return True

    def _wait(self, future: Any) -> Any:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        end = time.monotonic() + ANSWER
        while not done.wait(0.1):
            self._check()
            if time.monotonic() > end:
                raise LostError(f"no answer within {ANSWER:.0f} s")
        return future.result()

    def _check(self) -> None:
        if self.ending.is_set():
            raise LostError("stopped")

    def _feedback(self, message: Any) -> None:
        now = time.monotonic()
        if self.heard is not None and self.heard[0] == "learn":
            self.learning += now - self.heard[1]
        self.heard = (message.feedback.phase, now)
        self._say(f"{message.feedback.phase}: {message.feedback.text}")

    def _say(self, text: str) -> None:
        """On standard output, for people and for the process that started this."""
        with self.lock:
            self.said.append(text)
            print(text, flush=True)

    def _write(self, rounds: list[dict[str, Any]]) -> None:
        content = {"task": self.family.name, "objects": self.objects, "rounds": rounds, "said": self.said}
        named = str(self.param("result"))
        path = Path(named) if named else self.state_dir / "result.json"
        write_whole(path, json.dumps(content, indent=1) + "\n")
