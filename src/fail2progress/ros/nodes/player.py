"""player: plays a bag for segmentation, relations, monitor, classifier and learner, and ends when they have worked it off."""

from __future__ import annotations

import struct
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from fail2progress_msgs.msg import Step
from rclpy.serialization import deserialize_message

from fail2progress.failures.report import FailureClass
from fail2progress.failures.store import FailureStore, StoreError
from fail2progress.ros import graph as table
from fail2progress.ros.bags.reader import BagError, Recorded, read
from fail2progress.ros.conversions.values import stamp_of, uuid_text
from fail2progress.ros.lifecycle import StackNode, message_type, qos

UPSTREAM = {"segments": "segments", "camera": table.CAMERA[1]}
"""Where observations may come from: only one of them is played, all after it is worked out anew."""
TRANSFORMS = ("tf", "tf_static")
LEAD = int(0.5e9)
"""Nanoseconds by which transforms are played before the rest: an image waits for those of its time."""
PATIENCE = 5.0
"""Seconds to wait for relations of an observation before the next one is played."""
FIRST = 4
"""How often the first observation is sent until it is answered."""
BEHIND = 50
"""How often an observation is sent until it is seen after the steps that were played before it."""
LEARNING = 600.0


class PlayerNode(StackNode):
    """Holds the next observation back until the relations of the last one have come, so that nothing is dropped."""

    done: int | None = None

    def start(self) -> None:
        """See StackNode. BagError (a ValueError) where there is no bag."""
        self.path = Path(str(self.param("bag")))
        if not str(self.param("bag")) or not self.path.exists():
            raise BagError(f"bag: {str(self.param('bag'))!r} does not exist; name a bag's folder or file")
        self.ending = threading.Event()
        self.outlets: dict[str, Any] = {}
        self.came = threading.Condition()
        self.answer = (-1.0, "", 0)
        """The newest relations: their stamp, and the episode and the number of finished steps that they were seen after."""
        self.state = ("", 0)
        """Episode and number of finished steps after what was played."""
        self.judged: set[tuple[str, int]] = set()
        self.finished: set[tuple[str, int]] = set()
        self.played, self.shown, self.answered, self.answers = 0, 0, 0, 0
        self.listen("relations", self._came, group=self.together)
        self.listen("verdicts", self._verdict, group=self.together)

    def begin(self) -> None:
        """See StackNode."""
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """See StackNode."""
        self.ending.set()

    def _came(self, message: Any) -> None:
        with self.came:
            self.answer = (stamp_of(message.header.stamp), uuid_text(message.episode), int(message.finished))
            self.answers += 1
            self.came.notify_all()

    def _verdict(self, message: Any) -> None:
        with self.came:
            self.judged.add((uuid_text(message.episode), int(message.step)))
            self.came.notify_all()

    def _run(self) -> None:
        try:
            source = self._source()
            self._await_listeners(source)
            self._play(source)
            self._await_end()
            print(f"{self.played} messages played, {self.shown} observations, {self.answered} of them with relations", flush=True)
            self.done = 0
        except (BagError, StoreError) as error:
            print(f"fail2progress: {error}", flush=True)
            self.done = 2
        except Exception:  # a thread that ended without a word would leave the stack running for ever
            print(f"fail2progress: {traceback.format_exc()}", flush=True)
            self.done = 1

    def _source(self) -> str:
        """The topic of the bag that observations are taken from: the one asked for, else what was seen at the time."""
        there = {name for item in read(self.path) if (name := relative(item.topic)) is not None}
        asked = str(self.param("source"))
        wanted = [UPSTREAM[asked]] if asked else list(UPSTREAM.values())
        found = next((name for name in wanted if name in there), None)
        if found is None:
            raise BagError(f"{self.path}: neither {' nor '.join(wanted)} in it; nothing to replay")
        self.images = there & {*table.CAMERA, table.LABELS[0]}
        self.transforms = there & {*TRANSFORMS}
        return found

    def _await_listeners(self, source: str) -> None:
        """Until the first node of the chain and the monitor listen."""
        for name in (*(self.images | self.transforms if source in self.images else {source}), "steps"):
            outlet = self._outlet_of(name)
            self._await(partial(_has_listeners, outlet), 60.0)
        self._await(lambda: self.count_publishers("verdicts") > 0 and self.count_publishers("relations") > 0, 60.0)

    def _play(self, source: str) -> None:
        """Publish in order; after the last image of a moment, wait for what the stack makes of it."""
        images = self.images if source in self.images else {source}
        pace = Pace(float(self.param("rate")))
        stamp, moment = 0.0, dict[str, bytes]()
        for item in ahead(read(self.path)):
            name = relative(item.topic)
            if name is None or name not in (*images, *TRANSFORMS, "steps", table.LABELS[1]):
                continue
            _check_type(name, item)
            self.ending.wait(pace.delay(item.time))
            if self.ending.is_set():
                return
            self._outlet_of(name).publish(item.data)
            self.played += 1
            self.facts["played"] = str(self.played)
            if name == "steps":
                self._note_step(item)
            if name in images:
                of = header_stamp(item.data)
                moment = {**moment, name: item.data} if of == stamp else {name: item.data}
                stamp = of
                if set(moment) == images:
                    self.shown += 1
                    self._show(moment, of)

    def _show(self, moment: dict[str, bytes], stamp: float) -> None:
        """Wait for the relations of a moment. It is sent again where nobody was there yet, or where it overtook a step."""
        for attempt in range(BEHIND):
            before = self.answers if attempt else -1
            for name, data in moment.items() if attempt else ():
                self._outlet_of(name).publish(data)
            came = self._await(partial(self._has_come, stamp, before), PATIENCE)
            if came and self.answer[1:] == self.state:
                self.answered += 1
                return
            if not came and (self.shown > 1 or attempt >= FIRST):
                return

    def _has_come(self, stamp: float, before: int) -> bool:
        return self.answers > before and self.answer[0] >= stamp - 1e-6

    def _note_step(self, item: Recorded) -> None:
        try:
            step = deserialize_message(item.data, Step)
        except RuntimeError as error:
            raise BagError(f"{self.path}: a damaged step ({error})") from error
        episode, number = uuid_text(step.episode), int(step.step)
        if step.phase != Step.OVER:
            self.state = (episode, number + (step.phase == Step.FINISHED))
        if step.phase == Step.FINISHED:
            self.finished.add((episode, number))

    def _outlet_of(self, name: str) -> Any:
        if name not in self.outlets:
            topic = table.TOPICS[name]
            self.outlets[name] = self.create_publisher(message_type(topic.type), name, qos(topic))
        return self.outlets[name]

    def _await_end(self) -> None:
        """Until all is judged and learnt from: what a later model planned can be judged only when that one was learnt again."""
        before = (-1, -1)
        while not self.ending.is_set():
            self._await(lambda: self.finished <= self.judged, PATIENCE)
            learnt = self._await_lessons()
            # A lesson is kept before the others hear of its model: one more look after each.
            if self.finished <= self.judged or before == (len(self.judged), learnt):
                break
            before = (len(self.judged), learnt)
        open_steps = len(self.finished - self.judged)
        for head in FailureStore(self.state_dir / "failures.sqlite").headers():
            print(f"failure {head.id}: {head.mismatches[0]}", flush=True)
        if open_steps:
            print(f"{open_steps} step(s) could not be judged: the models that planned them are not here", flush=True)

    def _await_lessons(self) -> int:
        """Until every failure found has its report, and its lesson where one is due; the number of lessons."""
        store = FailureStore(self.state_dir / "failures.sqlite")

        def settled() -> bool:
            reports = [(head.id, store.report(head.id)) for head in store.headers()]
            due = [identity for identity, report in reports if report and report.category is FailureClass.SYMBOLIC_PREDICTION]
            return all(report for _, report in reports) and all(store.lesson(identity) for identity in due)

        self._await(settled, LEARNING, 0.5)
        return sum(store.lesson(head.id) is not None for head in store.headers())

    def _await(self, true: Callable[[], bool], seconds: float, period: float = 0.02) -> bool:
        end = time.monotonic() + seconds
        while not self.ending.is_set() and time.monotonic() < end:
            with self.came:
                if true():
                    return True
                self.came.wait(period)
        return False


def ahead(items: Iterable[Recorded]) -> Iterator[Recorded]:
    """A recording in its order, but for its transforms, which come LEAD earlier."""
    held: deque[Recorded] = deque()
    for item in items:
        while held and held[0].time <= item.time - LEAD:
            yield held.popleft()
        if relative(item.topic) in TRANSFORMS:
            yield item
        else:
            held.append(item)
    yield from held


class Pace:
    """When the next message is due: as it was recorded, faster or slower, or at once (rate 0)."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._begin, self._first = 0.0, -1

    def delay(self, time_ns: int) -> float:
        """Seconds until a message of this time of arrival (ns) is due."""
        if self._first < 0:
            self._begin, self._first = time.monotonic(), time_ns
        due = (time_ns - self._first) / 1e9 / self.rate if self.rate > 0 else 0.0
        return max(due - (time.monotonic() - self._begin), 0.0)


def _has_listeners(outlet: Any) -> bool:
    return bool(outlet.get_subscription_count() > 0)


def relative(topic: str) -> str | None:
    """The stack's name of a recorded topic, whatever namespace it was recorded in; None for one that is not the stack's."""
    fitting = [name for name in table.TOPICS if topic == name or topic.endswith(f"/{name}")]
    return max(fitting, key=len) if fitting else None


def _check_type(name: str, item: Recorded) -> None:
    package, _, kind = item.type.partition("/msg/")
    if f"{package}/{kind}" != table.TOPICS[name].type:
        raise BagError(f"{item.topic} holds {item.type}, not {table.TOPICS[name].type}")


def header_stamp(data: bytes) -> float:
    """The stamp of a serialised message whose first field is a header; BagError where it is too short for one."""
    if len(data) < 12:
        raise BagError(f"a message of {len(data)} bytes has no header")
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return float((seconds * 1_000_000_000 + nanoseconds) / 1e9)
