"""learner: from failure reports to better models. It alone changes the registry; all others hear of it by model updates."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from fail2progress_msgs.action import LearnFromFailure
from fail2progress_msgs.msg import ErrorCode, FailureReport, ModelUpdate
from fail2progress_msgs.srv import LoadModel, QueryModel, RollBackModel
from rclpy.action import ActionServer, CancelResponse

from fail2progress.failures.report import FailureClass, ended_in
from fail2progress.failures.store import FailureStore, StoreError
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.learning.finetuning.rehearsal import load_rehearsal
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.learning.finetuning.versions import register_lesson, remembered, version_from
from fail2progress.models import weights
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint
from fail2progress.models.errors import NothingToTrainError
from fail2progress.models.notes import CheckpointError
from fail2progress.ros.actions import with_a_code
from fail2progress.ros.conversions.particles import particles_msg
from fail2progress.ros.conversions.records import metrics_of, report_of
from fail2progress.ros.conversions.values import SCHEMA, header, uuid_msg
from fail2progress.ros.model_node import ModelNode, registry, starting_model
from fail2progress.ros.store_worker import StoreWorker
from fail2progress.ros.turns import TakenError, Turn, Turns
from fail2progress.simulation.parallel import ParallelSimulator
from fail2progress.stein.states import NothingToVaryError

Report = Callable[[str, float], None]


class Stopped(Exception):
    """Learning was stopped; nothing has changed."""


class LearnerNode(ModelNode):
    """Works off the store: every failure of the model's making that nothing has been learnt from yet."""

    def start(self) -> None:
        """See StackNode."""
        self.store = FailureStore(self.state_dir / "failures.sqlite")
        self.versions = registry(self)
        self.load()
        self._register_first(starting_model(self))
        self.simulator = ParallelSimulator(int(self.param("processes")) or None, str(self.param("simulator")))
        self.made.callback(self.simulator.close)
        targeting = TargetOptions(samples=int(self.param("samples")))
        finetuning = FinetuneOptions(epochs=int(self.param("epochs")))
        kept, patience = load_rehearsal(weights.path(weights.KEEPSAKE)), float(self.param("patience"))
        self.learner = Learner(self.simulator, kept, targeting, finetuning, patience=patience)
        self.worker = StoreWorker(self, self.store, "failure_reports", self._work_on, self._tell_again)
        self.turns = Turns()
        self.switching = threading.Lock()
        """Held for a moment, while another version comes into use and that is told: the last one that all hear of is current."""
        self.listen("failure_reports", self.take, when_inactive=True)
        self.serve(LoadModel, "load_model", self.load_version, ErrorCode.MODEL_DAMAGED)
        self.serve(RollBackModel, "roll_back_model", self.roll_back, ErrorCode.MODEL_DAMAGED)
        self.serve(QueryModel, "query_model", self.query, ErrorCode.MODEL_DAMAGED)
        self.action = ActionServer(
            self,
            LearnFromFailure,
            "learn_from_failure",
            with_a_code(self, LearnFromFailure, self.learn_asked, ErrorCode.LEARNER_FAILED),
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
            callback_group=self.together,
        )
        self.worker.start()
        self.made.callback(self.worker.close)  # a lesson under way is given up; it is begun again at the next start

    def begin(self) -> None:
        """See StackNode."""
        self.worker.wake()

    def _register_first(self, start: Checkpoint) -> None:
        """The weights that the stack began with, as a version to go back to."""
        self.versions.try_out()
        if not (self.versions.folder / "CURRENT").exists():
            self.versions.begin(start)

    # Learning

    def take(self, message: Any) -> None:
        """A report wakes the worker; what it says is read from the store where it is there. What came of a lesson is told again,
        as whoever has met that failure again waits for it."""
        report = report_of(message)
        if message.category == FailureReport.SYMBOLIC_PREDICTION and self.store.report(report.failure) is None:
            self.store.add_report(report)
        if (lesson := self.store.lesson(report.failure)) is not None:
            self._tell_lesson(report.failure, *lesson)
        self.worker.wake()

    def _tell_again(self) -> None:
        """What was learnt last: the process may have died after storing it and before publishing it.

        Nothing of a version that was taken and is not in use any more: that another one is was told when it came into use.
        """
        learnt = [(name, lesson) for name in self.store.ids() if (lesson := self.store.lesson(name)) is not None]
        if not learnt:
            return
        identity, (version, reason) = learnt[-1]
        if version in ("", self.versions.current().note["version"]):
            self._tell_lesson(identity, version, reason)

    def _tell_lesson(self, identity: str, version: str, reason: str) -> None:
        """What came of a lesson, by what is in use now."""
        with self.switching:
            current = self.versions.current()
            if version == current.note["version"]:
                self._tell(ModelUpdate.ACCEPTED, current, version, (identity,), reason)
            else:
                learnt = f"{version} learnt from it and is not in use any more" if version else reason
                kind = ModelUpdate.REJECTED if version or version_from(self.versions, identity) else ModelUpdate.NOTHING_LEARNT
                self._tell(kind, current, "", (identity,), learnt)

    def _work_on(self, identity: str) -> None:
        """An error is kept as what came of a lesson, as others wait for that; not one of files, which may be mended."""
        report = self.store.report(identity)
        due = report is not None and report.category is FailureClass.SYMBOLIC_PREDICTION
        if not due or self.store.lesson(identity) is not None:
            return
        try:
            self.learn(identity, self._log_stages(identity), self.turns.own)
        except Stopped:
            return
        except (StoreError, CheckpointError, OSError):
            raise
        except Exception as error:
            if not self.worker.ending.is_set():  # the simulator may be closed by then: begun again at the next start
                reason = ended_in("its lesson", error)
                self.store.add_lesson(identity, "", reason)
                self._tell(ModelUpdate.NOTHING_LEARNT, self.versions.current(), "", (identity,), reason)
            raise

    def _log_stages(self, identity: str) -> Report:
        told: list[str] = []

        def report(stage: str, share: float) -> None:
            self.facts["learning"] = f"{stage} {share:.0%}"
            if stage not in told:
                told.append(stage)
                self.get_logger().info(f"failure {identity}: {stage}")
                print(f"learn: {stage}", flush=True)

        return report

    def learn(self, identity: str, report: Report, turn: Turn, cancelled: Callable[[], bool] = lambda: False) -> ModelUpdate:
        """From a stored failure to a model that all may use, or the reason why there is none; stored and published. turn: waits
        until no other lesson is under way. Stopped where the node ends, or it is cancelled."""

        def check() -> None:
            if self.worker.ending.is_set() or not self.active or cancelled():
                raise Stopped

        def checked(stage: str, share: float) -> None:
            check()
            report(stage, share)

        with turn(check):
            # A version that no lesson speaks of is of a process that ended before it said so. What was told before is learnt
            # once more, from the model as it is now: that version may be long replaced.
            version = version_from(self.versions, identity) if self.store.lesson(identity) is None else None
            if version is None:
                event, parent = self.store.get(identity), self.versions.current()
                try:
                    lesson = self._remembering(parent).learn([event], parent.model, int(self.param("seed")), checked)
                except (NothingToTrainError, NothingToVaryError) as error:
                    self.store.add_lesson(event.id, "", str(error))
                    return self._tell(ModelUpdate.NOTHING_LEARNT, parent, "", (event.id,), str(error))
                self.tell("view/particles", particles_msg(lesson.targeted[-1].outcomes, event.header.call.object, self.now()))
                seed, method = int(self.param("seed")), self.learner.targeting.method
                version = register_lesson(self.versions, parent, lesson, event.id, method, seed)
            return self._adopt(version, identity)

    def _remembering(self, parent: Checkpoint) -> Learner:
        """The learner, with the lessons that a model comes from; those that cannot be read are counted with the reason."""
        known = remembered(self.versions, parent, self.store)
        for reason in known.left_out:
            self.count("failure_reports/earlier", reason)
        return self.learner.remembering(known.lessons, known.failures)

    def _adopt(self, version: str, event: str) -> ModelUpdate:
        """Make a version current if its gate let it through and its parent is still in use, and tell either way."""
        found = load_checkpoint(self.versions.path(version))
        gate: Any = found.note["gate"]
        reason = str(gate["reason"])
        with self.switching:
            taken = bool(gate["passed"]) and self.versions.replace_parent(version)
            if gate["passed"] and not taken:
                current, parent = self.versions.current().note["version"], found.note.get("parent_version")
                reason = (
                    f"{current} came into use while {version} was learnt from {parent}, and stays; learn from the failure again"
                )
            self.store.add_lesson(event, version if taken else "", reason)
            self.get_logger().info(f"failure {event}: {version} {'is current' if taken else 'rejected'}: {reason}")
            return self._tell(ModelUpdate.ACCEPTED if taken else ModelUpdate.REJECTED, found, version, (event,), reason)

    def _tell(self, kind: int, model: Checkpoint, version: str, events: tuple[str, ...], reason: str) -> ModelUpdate:
        gate: Any = model.note.get("gate") if version else None
        metrics = metrics_of(gate or {})
        update = ModelUpdate(
            header=header(self.now(), ""),
            schema_version=SCHEMA,
            kind=kind,
            version=version,
            digest=model.digest,
            path=str(model.path.resolve()),
            parent=str(model.note.get("parent", "")),
            events=[uuid_msg(event) for event in events],
            metrics=list(metrics),
            values=list(metrics.values()),
            reason=reason,
        )
        self.tell("model_updates", update)
        return update

    def learn_asked(self, handle: Any) -> Any:
        """The action: learn from one stored failure."""
        result = LearnFromFailure.Result()

        def report(stage: str, share: float) -> None:
            handle.publish_feedback(LearnFromFailure.Feedback(stage=stage, share=float(share)))

        try:
            event = self.store.get(handle.request.id).id
            result.update = self.learn(event, report, self.turns.asked_for, lambda: handle.is_cancel_requested)
        except StoreError as error:
            result.error_code, result.error_msg = ErrorCode.LEARNER_UNKNOWN_EVENT, str(error)
        except TakenError as error:
            result.error_code, result.error_msg = ErrorCode.LEARNER_FAILED, str(error)
        except Stopped:
            result.error_code, result.error_msg = ErrorCode.LEARNER_STOPPED, "stopped; the model in use is the one that it was"
            handle.canceled() if handle.is_cancel_requested else handle.abort()
            return result
        else:
            result.error_msg = result.update.reason
            result.error_code = {
                ModelUpdate.ACCEPTED: ErrorCode.OK,
                ModelUpdate.REJECTED: ErrorCode.LEARNER_REJECTED,
            }.get(result.update.kind, ErrorCode.LEARNER_NOTHING_TO_LEARN)
        handle.succeed() if result.error_code == ErrorCode.OK else handle.abort()
        return result

    # Services

    def load_version(self, request: Any, response: Any) -> Any:
        """Make a version of the registry current."""
        if request.version not in self.versions.versions():
            response.error_code = ErrorCode.MODEL_UNKNOWN
            response.error_msg = f"no version {request.version[:40]!r}; there are: {', '.join(self.versions.versions())}"
            return response
        return self._switch(response, lambda: self._checked(request.version), ModelUpdate.ROLLED_BACK)

    def _checked(self, version: str) -> Checkpoint:
        found = load_checkpoint(self.versions.path(version))
        gate: Any = found.note.get("gate")
        if gate is not None and not gate["passed"]:
            raise CheckpointError(f"{version} was rejected by the gate: {gate['reason']}")
        return self.versions.make_current(version)

    def roll_back(self, request: Any, response: Any) -> Any:
        """Back to the parent of the current version."""
        try:
            older = isinstance(self.versions.current().note.get("parent_version"), str)
        except CheckpointError as error:
            response.error_code, response.error_msg = ErrorCode.MODEL_DAMAGED, str(error)
            return response
        if not older:
            response.error_code = ErrorCode.MODEL_NOTHING_OLDER
            response.error_msg = "the current model has no parent to go back to"
            return response
        return self._switch(response, self.versions.roll_back, ModelUpdate.ROLLED_BACK)

    def _switch(self, response: Any, switch: Callable[[], Checkpoint], kind: int) -> Any:
        with self.switching:
            try:
                found = switch()
            except (CheckpointError, OSError) as error:
                response.error_code, response.error_msg = ErrorCode.MODEL_DAMAGED, str(error)
                return response
            self._tell(kind, found, str(found.note["version"]), (), "asked for")
        response.digest = found.digest
        if hasattr(response, "version"):
            response.version = str(found.note["version"])
        return response

    def query(self, request: Any, response: Any) -> Any:
        """Which version is current, and which there are."""
        try:
            current = self.versions.current()
            response.version, response.digest = str(current.note["version"]), current.digest
        except CheckpointError as error:
            response.error_code, response.error_msg = ErrorCode.MODEL_DAMAGED, str(error)
        response.versions = self.versions.versions()
        return response
