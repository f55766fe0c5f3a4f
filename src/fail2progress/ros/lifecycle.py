"""What all nodes share: the life cycle, parameters and topics from the table, refusals that are counted, diagnostics."""

from __future__ import annotations

import os
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.impl.logging_severity import LoggingSeverity
from rclpy.lifecycle import LifecycleNode, State, TransitionCallbackReturn

from fail2progress.ros import activity
from fail2progress.ros import graph as table
from fail2progress.ros.conversions.values import Refused
from fail2progress.ros.delivery import message_type, offered, subscribe
from fail2progress.ros.ends import NewEnds
from fail2progress.ros.launch.claim import RUN
from fail2progress.ros.other_runs import OtherRuns
from fail2progress.ros.parameter_file import misspelt, mistake
from fail2progress.ros.parameters import descriptor, refusal

REFUSED = "refused "
"""Before the kind of what was refused, in the keys of diagnostics; the value is how often, and why at last."""
LONGEST_LINE = 500
"""Characters of what is logged of a refusal: it may quote what came from outside."""


class StackNode(LifecycleNode):
    """A lifecycle node of the table. Subclasses make what they need in `start`, and say in `made` how to let go of it."""

    entry: table.NodeEntry

    def __init__(self, entry: table.NodeEntry) -> None:
        super().__init__(entry.name)
        self.entry = entry
        self.active = self.configured = False
        self.made = ExitStack()
        """How to let go of what `start` has made so far, the last first."""
        self.refused: Counter[str] = Counter()
        self.reasons: dict[str, str] = {}
        """Why something of each kind was refused last."""
        self.facts: dict[str, str] = {}
        """Shown in the diagnostics."""
        self.title = f"{activity.TITLE}{self.get_fully_qualified_name().lstrip('/')}"
        self.others = OtherRuns(self, os.environ.get(RUN, ""), self.title, partial(self.count, "foreign"))
        self.lock = threading.RLock()
        self.alone = MutuallyExclusiveCallbackGroup()
        self.together = ReentrantCallbackGroup()
        self._declare()
        self._outlets: dict[str, Any] = {name: self._outlet(name) for name in entry.publishes}
        self._diagnostics = self._outlet("diagnostics")
        self.repeat(1.0, self._diagnose, MutuallyExclusiveCallbackGroup())

    # Parameters

    def _declare(self) -> None:
        known = {parameter.name: parameter for parameter in table.parameters(self.entry)}
        self._require(misspelt(self._parameter_overrides))
        for name, parameter in known.items():
            if name in self._parameter_overrides:
                self._require(mistake(parameter, self._parameter_overrides[name].value))
            self.declare_parameter(name, parameter.default, descriptor(parameter))

        def check(changes: list[Any]) -> SetParametersResult:
            own = [change for change in changes if change.name in known]
            reasons = [refusal(known[change.name], change.value, self.param(change.name), self.configured) for change in own]
            reason = next(filter(None, reasons), "")
            for change in own:
                if change.name == "loglevel" and not reason:
                    self._log_from(change.value)
            return SetParametersResult(successful=not reason, reason=reason)

        self.add_on_set_parameters_callback(check)
        self._log_from(self.param("loglevel"))

    def _log_from(self, level: str) -> None:
        self.get_logger().set_level(LoggingSeverity[level.upper()])

    @staticmethod
    def _require(reason: str | None) -> None:
        if reason is not None:
            raise ValueError(reason)

    def param(self, name: str) -> Any:
        """The value of a parameter."""
        return self.get_parameter(name).value

    @property
    def state_dir(self) -> Path:
        """Where the stack keeps what must outlive its processes."""
        return Path(str(self.param("state_dir")))

    # Life cycle

    def on_configure(self, state: State) -> TransitionCallbackReturn:
        """See LifecycleNode."""
        self._new = NewEnds(self)
        try:
            self.start()
        except (ValueError, OSError, RuntimeError) as error:
            said = str(error)
        except Exception:  # rclpy would swallow it
            said = traceback.format_exc()
        else:
            self.configured = True
            return super().on_configure(state)
        self.get_logger().error(f"cannot be configured: {said}")
        self.let_go()
        self._new.close()
        return TransitionCallbackReturn.FAILURE

    def on_activate(self, state: State) -> TransitionCallbackReturn:
        """See LifecycleNode."""
        self.active = True
        self.begin()
        return super().on_activate(state)

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        """See LifecycleNode."""
        self.active = False
        return super().on_deactivate(state)

    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        """See LifecycleNode."""
        self.configured = False
        self.let_go()
        self._new.close()
        return super().on_cleanup(state)

    def on_shutdown(self, state: State) -> TransitionCallbackReturn:
        """See LifecycleNode."""
        self.active = False
        self.let_go()
        return super().on_shutdown(state)

    @property
    def lifecycle_state(self) -> str:
        """Where it is in its life cycle."""
        return activity.ACTIVE if self.active else activity.INACTIVE if self.configured else activity.UNCONFIGURED

    def start(self) -> None:
        """Make what the node works with; how to let go of a thing goes into `made` as soon as it is there.

        ValueError, OSError or RuntimeError say why it cannot be; what was made until then is let go of.
        """

    def begin(self) -> None:
        """Called when the node becomes active."""

    def let_go(self) -> None:
        """Let go, once, of what `start` made, if there is anything."""
        with self.lock:
            made = self.made.pop_all()
        made.close()

    # Topics

    def _outlet(self, name: str) -> Any:
        """None for an optional topic whose type is missing."""
        topic = table.TOPICS[name]
        try:
            kind = message_type(topic.type)
        except ImportError as error:
            if not topic.optional:
                raise
            self.get_logger().info(f"{name} is not published: {error.name} is missing")
            return None
        return self.create_publisher(kind, name, offered(topic))

    def offers(self, name: str) -> bool:
        """Whether it publishes a topic: one whose type is optional may be missing."""
        return self._outlets.get(name) is not None

    def tell(self, name: str, message: Any) -> None:
        """Publish, in the name of the run. What cannot be sent is counted: a flood must not end the node."""
        if table.TOPICS[name].own:
            message.run = self.others.run
        try:
            self._outlets[name].publish(message)
        except Exception as error:  # rclpy raises its own RCLError, which it does not export, when queues are full
            self.count("unsent", f"{name}: {error}")

    def delivered(self, name: str, seconds: float) -> bool:
        """Whether all that was told on a topic has come, after so long (s) at most, to everybody who is known to hear it
        reliably. Messages of different topics and goals overtake each other."""
        return bool(self._outlets[name].wait_for_all_acked(Duration(nanoseconds=round(seconds * 1e9))))

    def listen(self, name: str, handle: Callable[[Any], None], when_inactive: bool = False, group: Any = None) -> list[Any]:
        """The subscriptions; what `handle` refuses is counted with its reason, and nothing that comes in ends the node."""
        topic = table.TOPICS[name]

        def checked(message: Any) -> None:
            self.others.check(topic, message.run if topic.own else "")
            handle(message)

        def guarded(message: Any) -> None:
            if self.active or when_inactive:
                self.guarded(name, checked, message)

        return subscribe(self, topic, guarded, callback_group=group or self.alone)

    def guarded(self, name: str, handle: Callable[[Any], None], message: Any) -> None:
        """Run a handler; a refusal or an error of it is counted and logged."""
        try:
            handle(message)
        except Refused as refusal:
            self.count(f"{name}/{refusal.kind}", str(refusal))
        except Exception as error:
            self.count(f"{name}/error", f"{type(error).__name__}: {error}")

    def serve(self, kind: Any, name: str, handle: Callable[[Any, Any], Any], failed: int = 0) -> None:
        """Offer a service; an error of its handler becomes an answer with the code `failed`, and ends nothing."""

        def guarded(request: Any, response: Any) -> Any:
            try:
                return handle(request, response)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                self.count(f"{name}/error", text)
                if hasattr(response, "error_code"):
                    response.error_code, response.error_msg = failed, text
                else:
                    response.success, response.message = False, text
                return response

        self.create_service(kind, name, guarded, callback_group=self.together)

    def repeat(self, seconds: float, call: Callable[[], None], group: Any = None) -> None:
        """Call something again and again, by a clock that no /clock holds up: a replay's time stands still while it waits."""
        self.create_timer(seconds, call, callback_group=group or self.alone, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def count(self, kind: str, text: str) -> None:
        """Count a refusal; the log tells of the first of each kind, and of every hundredth."""
        with self.lock:
            self.refused[kind] += 1
            number = self.refused[kind]
            self.reasons[kind] = text[:LONGEST_LINE]
        if number == 1 or number % 100 == 0:
            self.get_logger().warning(f"refused ({number} times) {kind}: {text[:LONGEST_LINE]}")

    def now(self) -> int:
        """Nanoseconds of the node's clock."""
        return int(self.get_clock().now().nanoseconds)

    def health(self) -> tuple[bytes, str]:
        """How the node is: a level of DiagnosticStatus, and a few words."""
        if self.others.foreign:
            return DiagnosticStatus.ERROR, f"takes no standard messages: run {self.others.foreign} speaks in the same domain"
        return DiagnosticStatus.OK if self.active else DiagnosticStatus.WARN, self.lifecycle_state

    def _diagnose(self) -> None:
        try:
            self._diagnostics.publish(self._diagnosis())
        except Exception as error:  # see tell; in a timer it would end the node's executor
            self.count("unsent", f"diagnostics: {error}")

    def _diagnosis(self) -> DiagnosticArray:
        self.others.look()
        gathered = self.get_clock().now().to_msg()  # first: all that came about before that time is in it
        with self.lock:
            values: Mapping[str, str] = {
                **self.facts,
                **{f"{REFUSED}{k}": f"{n}: {self.reasons[k]}" for k, n in self.refused.items()},
            }
        level, said = self.health()
        status = DiagnosticStatus(
            level=level,
            name=self.title,
            message=said,
            hardware_id=self.others.run,
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = gathered
        return message
