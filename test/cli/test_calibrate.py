from fail2progress.cli.calibrate import _told
from fail2progress.evaluation.monitoring import Judged, noticed
from fail2progress.failures.calibration import Calibration

MADE = Calibration(model="d" * 64, alpha=0.02, threshold=0.1, executions=9, good=9)


def test_what_was_measured_is_told_in_words_and_nothing_where_there_was_nothing() -> None:
    assert _told(noticed([], MADE), 0.02) == "nothing to measure"
    good, bad, missed = Judged(False, 0.0), Judged(True, 0.4), Judged(True, 0.0)
    assert _told(noticed([good] * 3, MADE), 0.02).startswith("false alarms 0.0%, F1 -, of what can be seen -")
    told = _told(noticed([good] * 96 + [Judged(False, 0.4)] * 2 + [bad, missed], MADE), 0.02)
    assert told.startswith("false alarms 2.04%, F1 0.400") and "of 97 without an alarm 0 surprise" in told
