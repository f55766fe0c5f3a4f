import os

import pytest

from fail2progress.ros.launch.environment import NoRosError, environment, free_domain


@pytest.fixture(scope="session")
def variables() -> dict[str, str]:
    """Of the processes that a test starts: a domain of their own."""
    try:
        found = environment({**os.environ, "ROS_DOMAIN_ID": free_domain()})
    except NoRosError as error:
        pytest.skip(str(error))
    return found
