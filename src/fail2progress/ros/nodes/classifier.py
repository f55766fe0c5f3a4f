"""classifier: every failure in the store that has no report gets one; failures that come by message are stored first."""

from __future__ import annotations

from typing import Any

from fail2progress_msgs.msg import ErrorCode
from fail2progress_msgs.srv import ClassifyFailure

from fail2progress.core.camera import Camera
from fail2progress.failures.classifier import Classifier, undecided
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.exports import note_gaps
from fail2progress.failures.report import FailureReport, ended_in
from fail2progress.failures.store import FailureStore, StoreError
from fail2progress.ros.conversions.records import event_of, report_msg
from fail2progress.ros.lifecycle import StackNode
from fail2progress.ros.store_worker import StoreWorker
from fail2progress.ros.turns import TakenError, Turn, Turns
from fail2progress.simulation.parallel import ParallelSimulator


class ClassifierNode(StackNode):
    """Works off the store, so that nothing is lost where it was ended in between."""

    def start(self) -> None:
        """See StackNode."""
        self.store = FailureStore(self.state_dir / "failures.sqlite")
        self.simulator = ParallelSimulator(int(self.param("processes")) or None, str(self.param("simulator")))
        self.made.callback(self.simulator.close)
        self.classifier = Classifier(self.simulator, Camera())
        self.worker = StoreWorker(self, self.store, "failures", self._work_on, self._tell_again)
        self.turns = Turns()
        self.listen("failures", self.take, when_inactive=True)
        self.serve(ClassifyFailure, "classify_failure", self.classify_stored, ErrorCode.CLASSIFIER_CANNOT_REBUILD)
        self.worker.start()
        self.made.callback(self.worker.close)

    def begin(self) -> None:
        """See StackNode."""
        self.worker.wake()

    def take(self, message: Any) -> None:
        """Keep a failure (it may come from another machine) and wake the worker; of one that is known the report is told again,
        as whoever has met it again waits for that."""
        event = event_of(message)
        self.store.add(event)
        if (report := self.store.report(event.id)) is not None:
            self.tell("failure_reports", report_msg(report, self.now()))
        self.worker.wake()

    def _tell_again(self) -> None:
        """The last report: the process may have died after storing it and before publishing it."""
        kept = [report for report in self.store.readable(self.store.report)[0] if report is not None]
        if kept:
            self.tell("failure_reports", report_msg(kept[-1], self.now()))

    def _work_on(self, identity: str) -> None:
        """A scene that cannot be rebuilt gives a report, and so does any other error: others wait for one."""
        if self.store.report(identity) is not None:
            return
        event = self.store.get(identity)
        try:
            report = self._classified(event, self.turns.own)
        except Exception as error:
            if self.worker.ending.is_set():  # the simulator may be closed by now: classified at the next start
                raise
            if not isinstance(error, (ValueError, RuntimeError)):
                self._keep(undecided(event, ended_in("its classification", error)))
                raise
            self.count("failures/rebuild", f"failure {event.id}: {error}")
            report = undecided(event, f"its scene cannot be rebuilt: {error}")
        note_gaps(self.store.path, event)  # first: what has a report is not worked on again
        self._keep(report)

    def _classified(self, event: FailureEvent, turn: Turn) -> FailureReport:
        """ValueError or RuntimeError where the scene cannot be rebuilt. turn: waits until nothing else is classified."""
        with turn(self._go_on):
            return self.classifier.classify(event)

    def _go_on(self) -> None:
        """RuntimeError where the node ends."""
        if self.worker.ending.is_set():
            raise RuntimeError("the node ends")

    def _keep(self, report: FailureReport) -> None:
        """In the store first, then for all to hear."""
        self.store.add_report(report)
        said = report.category.value.replace("_", " ")
        self.get_logger().info(f"failure {report.failure}: {said}, confidence {report.confidence:.0%}")
        self.facts["classified"] = str(int(self.facts.get("classified", "0")) + 1)
        self.tell("failure_reports", report_msg(report, self.now()))

    def classify_stored(self, request: Any, response: Any) -> Any:
        """The service: a stored failure, classified again."""
        try:
            event = self.store.get(request.id)
        except StoreError as error:
            response.error_code, response.error_msg = ErrorCode.CLASSIFIER_UNKNOWN_EVENT, str(error)
            return response
        try:
            report = self._classified(event, self.turns.asked_for)
        except TakenError as error:
            response.error_code, response.error_msg = ErrorCode.CLASSIFIER_CANNOT_REBUILD, f"failure {event.id}: {error}"
            return response
        except (ValueError, RuntimeError) as error:
            response.error_code = ErrorCode.CLASSIFIER_CANNOT_REBUILD
            response.error_msg = f"failure {event.id}: its scene cannot be rebuilt: {error}"
            return response
        self._keep(report)
        response.report = report_msg(report, self.now())
        return response
