"""classifier: every failure in the store that has no report gets one; failures that come by message are stored first."""

from __future__ import annotations

import threading
from typing import Any

from fail2progress_msgs.msg import ErrorCode
from fail2progress_msgs.srv import ClassifyFailure

from fail2progress.core.camera import Camera
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureReport
from fail2progress.failures.store import FailureStore, StoreError
from fail2progress.ros.conversions.records import event_of, report_msg
from fail2progress.ros.lifecycle import StackNode
from fail2progress.simulation.parallel import ParallelSimulator

UNASKED = 5.0
"""Seconds between two looks into the store without having been asked."""


class ClassifierNode(StackNode):
    """Works off the store, so that nothing is lost where it was ended in between."""

    def start(self) -> None:
        """See StackNode."""
        self.store = FailureStore(self.state_dir / "failures.sqlite")
        self.simulator = ParallelSimulator(int(self.param("processes")) or None, str(self.param("simulator")))
        self.classifier = Classifier(self.simulator, Camera())
        self.wanted = threading.Event()
        self.ending = threading.Event()
        self.hopeless: set[str] = set()
        """Failures whose scene cannot be rebuilt."""
        self.busy = threading.Lock()
        self.listen("failures", self.take, when_inactive=True)
        self.serve(ClassifyFailure, "classify_failure", self.classify_stored, ErrorCode.CLASSIFIER_CANNOT_REBUILD)
        self.worker = threading.Thread(target=self._work, daemon=True)
        self.worker.start()

    def begin(self) -> None:
        """See StackNode."""
        self.wanted.set()

    def stop(self) -> None:
        """See StackNode."""
        self.ending.set()
        self.wanted.set()
        self.worker.join(timeout=5.0)
        self.simulator.close()

    def take(self, message: Any) -> None:
        """Keep a failure (it may come from another machine) and wake the worker."""
        self.store.add(event_of(message))
        self.wanted.set()

    def _work(self) -> None:
        """Runs when a message arrives, and from time to time without one: its sender may have died before it sent it."""
        told = False
        while not self.ending.is_set():
            self.wanted.wait(UNASKED if told else 0.2)
            if self.ending.is_set() or not self.active:
                continue
            self.wanted.clear()
            if not told:
                told = True
                self.guarded("failures", self._tell_again, None)
            self.guarded("failures", self._work_off, None)

    def _tell_again(self, _: None) -> None:
        """The last report: the process may have died after storing it and before publishing it."""
        kept = [report for head in self.store.headers() if (report := self.store.report(head.id)) is not None]
        if kept:
            self.tell("failure_reports", report_msg(kept[-1], self.now()))

    def _work_off(self, _: None) -> None:
        """One failure after the other; one that makes trouble does not hold up those after it."""
        for head in self.store.headers():
            if self.ending.is_set():
                return
            if head.id not in self.hopeless:
                self.guarded("failures", self._work_on, head.id)

    def _work_on(self, identity: str) -> None:
        try:
            if self.store.report(identity) is None:
                self._report(self.store.get(identity))
        except Exception:
            self.hopeless.add(identity)
            raise

    def _report(self, event: FailureEvent) -> FailureReport | None:
        """Classify, keep, tell. None where the scene cannot be rebuilt."""
        with self.busy:
            try:
                report = self.classifier.classify(event)
            except (ValueError, RuntimeError) as error:
                self.hopeless.add(event.id)
                self.count("failures/rebuild", f"failure {event.id}: {error}")
                return None
            self.store.add_report(report)
        said = report.category.value.replace("_", " ")
        self.get_logger().info(f"failure {event.id}: {said}, confidence {report.confidence:.0%}")
        self.facts["classified"] = str(int(self.facts.get("classified", "0")) + 1)
        self.tell("failure_reports", report_msg(report, self.now()))
        return report

    def classify_stored(self, request: Any, response: Any) -> Any:
        """The service: a stored failure, classified again."""
        try:
            report = self._report(self.store.get(request.id))
        except StoreError as error:
            response.error_code, response.error_msg = ErrorCode.CLASSIFIER_UNKNOWN_EVENT, str(error)
            return response
        if report is None:
            response.error_code = ErrorCode.CLASSIFIER_CANNOT_REBUILD
            response.error_msg = f"failure {request.id}: its scene cannot be rebuilt"
            return response
        response.report = report_msg(report, self.now())
        return response
