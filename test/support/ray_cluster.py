"""A Ray cluster on this computer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# A node that is gone closes its connection; one that is merely slow, on a busy computer, must not be taken for dead.
HEALTH = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 1000, "health_check_failure_threshold": 30}


@contextmanager
def cluster_of_one() -> Iterator[Any]:
    """A cluster with one node of one core; more can be added, and killed."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "_system_config": HEALTH})
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()
