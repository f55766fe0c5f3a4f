#!/usr/bin/env bash
# Sources ROS, the workspace and the Python environment, then runs the command.
set -e
source "/opt/ros/${ROS_DISTRO}/setup.bash"
source /ws/install/setup.bash
source /opt/venv/bin/activate
# ros2 starts nodes with the system's interpreter: it must find the environment's packages too.
packages="$(python3 -c 'import site; print(site.getsitepackages()[0])')"
export PYTHONPATH="${PYTHONPATH:+${PYTHONPATH}:}${packages}"
exec "$@"
