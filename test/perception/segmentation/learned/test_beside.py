"""The network beside geometry: by one thread until it is awaited, then by as many as there were."""

from collections.abc import Iterator
from threading import Event, Timer

import pytest
import torch

from fail2progress.perception.segmentation.learned.beside import begun, next_step


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_what_is_begun_beside_takes_one_thread_until_it_is_awaited() -> None:
    alone, awaited = Event(), Event()

    def work() -> list[int]:
        next_step()
        found = [torch.get_num_threads()]
        alone.set()
        assert awaited.wait(30)
        next_step()
        return [*found, torch.get_num_threads()]

    result = begun(work)
    assert alone.wait(30)
    assert torch.get_num_threads() == 3  # those of others are left alone
    Timer(0.5, awaited.set).start()  # once it is waited for below
    assert result() == [1, 3]


def test_what_is_raised_beside_is_raised_where_it_is_awaited() -> None:
    def fails() -> None:
        raise ValueError("no image")

    with pytest.raises(ValueError, match="no image"):
        begun(fails)()
