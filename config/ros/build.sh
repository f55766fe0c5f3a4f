#!/usr/bin/env bash
# Builds the message package into install/ of the repository. With a ROS installation sourced, that is used; otherwise the
# ROS 2 wheels of the active Python environment are. Usage: config/ros/build.sh [PYTHON]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python="${1:-python3}"
packages=(msg)
cmake=(-DBUILD_TESTING=OFF)
if [ -z "${AMENT_PREFIX_PATH:-}" ]; then
  prefix="$("$python" -c 'import sys; print(sys.prefix)')"
  export AMENT_PREFIX_PATH="$prefix" CMAKE_PREFIX_PATH="$prefix" VIRTUAL_ENV="$prefix" PATH="$prefix/bin:$PATH"
  packages+=(config/ros/tf2_msgs config/ros/control_msgs config/ros/vision_msgs)
  cmake+=(-DCMAKE_PROJECT_INCLUDE="$PWD/config/ros/wheels.cmake")
fi
colcon --log-base build/log build --base-paths "${packages[@]}" --build-base build/ros --install-base install \
  --event-handlers console_direct- --cmake-args "${cmake[@]}" -DPython3_EXECUTABLE="$(command -v "$python")"
