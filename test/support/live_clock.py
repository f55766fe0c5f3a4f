"""The imitated robot's clock where it must go on by itself."""

import threading
import time

from support.fake_axes import STEP, FakeClock


class LiveClock(FakeClock):
    """Time that passes by itself, in a thread, at most so much faster than real time; a busy computer slows it down."""

    def __init__(self, pace: float) -> None:
        super().__init__()
        self.pace = pace
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(STEP):
            FakeClock.sleep(self, STEP * self.pace)

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self.time < end and not self._over.is_set():
            time.sleep(STEP / 2)

    def end(self) -> None:
        self._over.set()
        self._thread.join()
