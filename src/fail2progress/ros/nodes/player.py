"""player: plays a bag for segmentation, relations, monitor, classifier and learner, and ends when they have worked it off."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from fail2progress_msgs.msg import Heartbeat, Look, Step
from rclpy.serialization import deserialize_message

from fail2progress.core.observation import SECOND
from fail2progress.failures.report import FailureClass
from fail2progress.failures.sentences import accounts
from fail2progress.failures.store import FailureStore, StoreError
from fail2progress.ros import graph as table
from fail2progress.ros.answers import StackAnswers, StepKey
from fail2progress.ros.bags.cdr import DamagedError, header_stamp
from fail2progress.ros.bags.info import BagInfo, info
from fail2progress.ros.bags.playback import Gaps, Pace, UnderWay, messages, said_now
from fail2progress.ros.bags.recorded import BagError
from fail2progress.ros.bags.topics import TRANSFORMS, Choice
from fail2progress.ros.clock import ClockSource, PlayedTime
from fail2progress.ros.conversions.values import SCHEMA, stamp_of, uuid_text
from fail2progress.ros.delivery import message_type, offered
from fail2progress.ros.errand import Errand
from fail2progress.ros.lifecycle import StackNode

_, DEPTH, INFO = table.CAMERA
PATIENCE = 5.0
"""Seconds after which a message that was not answered counts as lost and is sent again."""
ATTEMPTS = 5
"""How often a message is sent that is not answered."""
BEHIND = 50
"""How often an observation is sent until it is seen after the steps that were played before it."""
MODEL_USERS = ("relations",)
"""Nodes that should run the model by which a step was planned, before the step is played."""
IN_VAIN = 5
"""Observations, none of which was looked at, after which that is said: each takes seconds, and there may be thousands."""
STARTING = 60.0
ADOPTION = 60.0
LEARNING = 600.0
"""Seconds to wait for nodes to start, for nodes to take over a model, and for a model to be learnt."""


class PlayerNode(StackNode):
    """Plays no faster than the stack works, so that nothing is dropped.

    The next observation waits for the relations of the last one; what follows a finished step waits for its verdict; and a step
    waits until the model that planned it has been learnt, as it had been when the bag was recorded.
    """

    done: int | None = None

    def start(self) -> None:
        """See StackNode. BagError (a ValueError) where there is no bag."""
        self.path = Path(str(self.param("bag")))
        if not str(self.param("bag")) or not self.path.exists():
            raise BagError(f"bag: {str(self.param('bag'))!r} does not exist; name a bag's folder or file")
        self.time = PlayedTime()
        self.clock = ClockSource(self, self.time.now)
        self.made.callback(self.clock.close)
        self.heard = StackAnswers(self)
        self.ending: threading.Event = self.heard.ending
        self.outlets: dict[str, Any] = {}
        self.state: StepKey = ("", 0)
        """Episode and number of finished steps after what was played."""
        self.finished: dict[StepKey, tuple[str, bytes]] = {}
        """The model that planned a step, and the message of its end."""
        self.under_way = UnderWay()
        self.missing: set[str] = set()
        """Models that planned a step and cannot be had."""
        self.played, self.shown, self.answered = 0, 0, 0
        self.resent = False
        """Whether something was sent more than once: then it may be refused once more while the next is shown."""
        self.newest = -1
        """Stamp of the last observation that was shown, ns."""
        self.info: dict[str, bytes] = {}
        """The newest camera info, by its topic."""
        self.damaged: list[str] = []
        """Messages that could not be read, and why."""
        self.errand = Errand(self, self._run, self.ending, (BagError, DamagedError, StoreError))
        self.made.callback(self.errand.close)

    def begin(self) -> None:
        """See StackNode."""
        self.errand.begin()

    def _run(self) -> int:
        self.bag = self._look_through()
        self.gaps = Gaps(self.bag)
        self._await_listeners()
        self._play()
        self._await_end()
        print(f"{self.played} messages played, {self.shown} observations, {self.answered} of them with relations", flush=True)
        return self._outcome()

    def _outcome(self) -> int:
        """2 where nothing was looked at, with the reasons that nodes gave: there is no replay without an observation."""
        if self.damaged:
            print(f"note: {len(self.damaged)} damaged message(s) left out, such as {self.damaged[0]}", flush=True)
        if self.gaps.passed:
            print(f"note: {self.gaps.passed} message(s) passed over between what is damaged and the next step", flush=True)
        if self.answered or self.ending.is_set():
            return 0
        print(f"fail2progress: {self.path}: nothing could be looked at: {self._why()}", flush=True)
        return 2

    def _why(self) -> str:
        """Why nothing was looked at: by the nodes that refused it, else as it was damaged."""
        refused = self.heard.refused("segmentation", "relations")
        told = [f"refused by {kind}: {said}" for kind, said in sorted(refused.items())]
        return "; ".join(told or self.damaged[:1] or [f"no node answered, see {self.state_dir / 'log'}"])

    def _look_through(self) -> BagInfo:
        """What is in the bag. BagError where nothing can be replayed; what people should know is said."""
        choice = Choice.parse(str(self.param("topics")).split(), str(self.param("robot")), str(self.param("camera")))
        found = info(self.path, choice, str(self.param("source")), float(self.param("slop"))).require()
        for warning in found.warnings():
            print(f"note: {warning}", flush=True)
        self.images = set(found.seen)
        return found

    def _await_listeners(self) -> None:
        """Until the first node of the chain listens, and those that use a model run one."""
        eyes = {"heartbeat", *self.bag.played.values()} & {"heartbeat", *TRANSFORMS} if self.bag.source == "camera" else set()
        for name in (*self.images, *eyes, "steps"):
            self.heard.wait(self._outlet_of(name).get_subscription_count, STARTING)
        self.heard.wait(lambda: all(self.heard.models[node] for node in MODEL_USERS), STARTING)

    def _play(self) -> None:
        """Publish in order; after the last image of a moment, wait for what the stack makes of it."""
        pace, whole = Pace(float(self.param("rate"))), self.images - {INFO}
        stamp, moment = 0, dict[str, bytes]()
        self._send_first_info()
        for item in self.time.along(messages(self.bag)):
            name = self.bag.played[item.topic]
            self.ending.wait(pace.delay(item.time))
            if self.ending.is_set():
                return
            try:
                data = said_now(item, self.bag, SCHEMA, self.others.run)
                of = header_stamp(data) if name in whole else 0
            except DamagedError as error:
                self.damaged.append(f"{item.topic}: {error}")
                if name == "steps":
                    self.gaps.begin()
                continue
            if name in whole and self.gaps.hold(item.time):
                continue
            if name == "steps":
                self._note_step(data, item.time)
            elif name == "looks":
                look = deserialize_message(data, Look)
                self.under_way.look(bool(look.when), stamp_of(look.header.stamp))
            if name == INFO:
                self.info = {INFO: data}
            passed = self._passes_over(item.time, of)
            self.time.reach(item.time)
            self._outlet_of(name).publish(data)
            self.played += 1
            self.facts["played"] = str(self.played)
            if name in whole and of:
                together = abs(of - stamp) <= float(self.param("slop")) * SECOND and name not in moment
                moment, stamp = ({**moment, name: data}, stamp) if together else ({name: data}, of)
                seen = header_stamp(moment.get(DEPTH, data))
                self.resent |= seen == self.newest
                if set(moment) == whole and not passed and seen != self.newest:  # messages may be recorded twice
                    self.shown, self.newest = self.shown + 1, seen
                    self._show(moment, seen)
                    if self.shown == IN_VAIN and not self.answered:
                        print(f"note: none of {IN_VAIN} observations so far could be looked at: {self._why()}", flush=True)

    def _passes_over(self, time: int, stamp: int) -> bool:
        """Whether nobody looks at an image that came and was taken then (ns), as the robot's own arm is in view where nothing is
        labelled: while its planner's heart beats."""
        passed = self.bag.source == "camera" and table.LABELS[0] not in self.images and self.under_way.at(time, stamp)
        if passed:
            self._outlet_of("heartbeat").publish(Heartbeat(run=self.others.run))
        return passed

    def _send_first_info(self) -> None:
        """Where pixels look to, before the first of them: in the recording it may come after, or once at the start only."""
        first = next((item for item in messages(self.bag) if self.bag.played[item.topic] == INFO), None)
        self.info = {INFO: first.data} if first is not None else {}
        self._send(self.info)

    def _show(self, moment: dict[str, bytes], stamp: int) -> None:
        """Wait for the relations of a moment, which have its stamp (ns). It is sent again if it was lost or overtook a step."""
        lost = refused = 0
        for attempt in range(BEHIND):
            came = self._answer(moment if attempt else {}, stamp)
            if came and self.heard.answer.state == self.state:
                self.answered += 1
                self._await_verdict(moment)
                return
            lost, refused = lost + (came is False), refused + (came is None)
            if refused > self.resent or lost == ATTEMPTS:
                return

    def _answer(self, moment: dict[str, bytes], stamp: int) -> bool | None:
        """Whether relations came for a stamp; None where what was seen was refused. An empty moment has been sent already."""
        before = self.heard.count if moment else -1
        refused = self._refused()
        self.resent |= bool(moment)
        self._send({**self.info, **moment} if moment else {})

        def came() -> bool:
            return self.heard.count > before and self.heard.answer.stamp == stamp

        self.heard.wait(lambda: came() or self._refused() != refused, PATIENCE)
        # Diagnostics come once a second: a refusal may be that of an earlier moment.
        if self.heard.wait(came, 1.0):
            return True
        return None if self._refused() != refused else False

    def _refused(self) -> dict[str, str]:
        """What was refused of what was seen. A node without a camera info has lost the one that was sent, and gets it again."""
        return self.heard.refused_now("segmentation", "relations")

    def _await_verdict(self, moment: dict[str, bytes]) -> None:
        """After the end of a step: until the monitor has judged it. It is sent the end and what was seen again if it does not."""
        episode, number = self.state
        key = (episode, number - 1)
        if self.heard.answer.moving or key not in self.finished:
            return
        for _ in range(ATTEMPTS):
            refused = self.heard.refused_now("monitor")
            if self.heard.wait(lambda: key in self.heard.judged, PATIENCE) or self.heard.refused_now("monitor") != refused:
                return
            self._send({"steps": self.finished[key][1], **moment})

    def _send(self, messages: dict[str, bytes]) -> None:
        for name, data in messages.items():
            self._outlet_of(name).publish(data)

    def _note_step(self, data: bytes, time: int) -> None:
        """Before a step is played: wait for the model that planned it; remember where the episode is after it."""
        try:
            step = deserialize_message(data, Step)
        except RuntimeError as error:
            raise BagError(f"{self.path}: a damaged step ({error})") from error
        self.under_way.step(step.phase == Step.STARTED, time)
        if step.phase == Step.OVER:
            return
        self.gaps.step(time)
        self._await_model(step.model)
        key = (uuid_text(step.episode), int(step.step))
        self.state = (key[0], key[1] + (step.phase == Step.FINISHED))
        if step.phase == Step.FINISHED:
            self.finished[key] = (step.model, data)

    def _await_model(self, model: str) -> None:
        """A model that is not here yet is one that will be learnt from a failure met before, or one that cannot be had."""
        if model in self.missing or self.heard.knows(model, *MODEL_USERS):
            return
        self._await_lessons()
        # A lesson is kept before the others hear of its model, and they read and check it before they run it.
        if self.heard.wait(lambda: model in self.heard.offered or self.heard.knows(model, *MODEL_USERS), 2 * PATIENCE):
            self.heard.wait(lambda: self.heard.knows(model, *MODEL_USERS), ADOPTION)
        if not self.heard.knows(model, *MODEL_USERS):
            self.missing.add(model)

    def _outlet_of(self, name: str) -> Any:
        if name not in self.outlets:
            topic = table.TOPICS[name]
            self.outlets[name] = self.create_publisher(message_type(topic.type), name, offered(topic))
        return self.outlets[name]

    def _await_end(self) -> None:
        """Until all is judged, and learnt from."""
        self.heard.wait(lambda: set(self.finished) <= self.heard.judged, PATIENCE)
        self._await_lessons()
        store = FailureStore(self.state_dir / "failures.sqlite")
        for line in accounts(store):
            print(line, flush=True)
        strange = sum(model in self.missing for model, _ in self.finished.values())
        if strange:
            print(
                f"{strange} step(s) were planned by models that are not here: relations are those that another one saw",
                flush=True,
            )
        unjudged = len(set(self.finished) - self.heard.judged)
        if unjudged:
            print(f"{unjudged} step(s) could not be judged: nothing was seen after them", flush=True)

    def _await_lessons(self) -> None:
        """Until every failure found has its report, and its lesson where one is due."""
        store = FailureStore(self.state_dir / "failures.sqlite")

        def owed(identity: str) -> bool:
            report = store.report(identity)
            if report is not None and (report.category is not FailureClass.SYMBOLIC_PREDICTION or store.lesson(identity)):
                return False
            store.get(identity)  # of a damaged one nothing will come
            return True

        self.heard.wait(lambda: not any(store.readable(owed)[0]), LEARNING, 0.5)
