#!/usr/bin/env bash
# Runs a command where ROS 2 and the messages are found: over a sourced ROS installation, or over the wheels of an environment.
# Usage: config/ros/run.sh PREFIX_OF_THE_ENVIRONMENT COMMAND...
set -e
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export AMENT_PREFIX_PATH="${AMENT_PREFIX_PATH:-$1}"
shift
if [ -f "$root/install/local_setup.bash" ]; then
  # shellcheck source=/dev/null
  source "$root/install/local_setup.bash" > /dev/null
fi
exec "$@"
