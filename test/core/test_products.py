"""Matrices are multiplied by one thread where it is asked for, and as before afterwards."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from fail2progress.core.products import by_one_thread


def threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_thread_within_and_as_many_as_before_afterwards() -> None:
    assert np.eye(2) @ np.eye(2) is not None
    with threadpool_limits(2, user_api="blas"):
        with by_one_thread():
            assert threads() == {1}
        assert threads() == {2}
        with pytest.raises(ValueError, match="inside"), by_one_thread():
            raise ValueError("inside")
        assert threads() == {2}


def test_threads_that_ask_for_it_at_the_same_time_leave_it_as_it_was() -> None:
    assert np.eye(2) @ np.eye(2) is not None
    with threadpool_limits(2, user_api="blas"):
        first, second = by_one_thread(), by_one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == {2}
