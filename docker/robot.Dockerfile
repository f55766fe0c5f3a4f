# The stack on a Stretch RE2. Build from the root of the repository, on the robot or for its architecture:
#   docker build -f docker/robot.Dockerfile -t fail2progress-robot .
FROM ros:humble

SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# Read by pip during the build only, for instance an index of CPU wheels of torch.
ARG PIP_EXTRA_INDEX_URL=""
ARG DEBIAN_FRONTEND=noninteractive
# Must suit the firmware of the robot at hand; the driver was written against this one.
ARG STRETCH_BODY=0.7.31

RUN apt-get update \
 && apt-get install -y --no-install-recommends \
    build-essential libegl1 libgl1 libgomp1 libportaudio2 libusb-1.0-0 libx11-6 python3-dev python3-venv \
    ros-humble-realsense2-camera \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /ws/src/fail2progress

# The dependencies alone first: they change less often than the code.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src/fail2progress/__init__.py src/fail2progress/
RUN python3 -m venv --system-site-packages /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir -c constraints.txt \
    '.[stretch]' "hello-robot-stretch-body==${STRETCH_BODY}"

COPY . .
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --force-reinstall .

WORKDIR /ws
RUN apt-get update \
 && rosdep update --rosdistro "${ROS_DISTRO}" \
 && rosdep install --from-paths src --ignore-src -y \
 && rm -rf /var/lib/apt/lists/*
RUN set +u \
 && source "/opt/ros/${ROS_DISTRO}/setup.bash" \
 && source /opt/venv/bin/activate \
 && colcon build --metas src/fail2progress/colcon.meta --packages-up-to fail2progress \
 && rm -rf build log

# The groups that own the robot's serial devices and cameras.
RUN install -m 755 src/fail2progress/docker/entrypoint.sh /entrypoint.sh \
 && useradd --create-home --groups dialout,plugdev,video stretch
USER stretch
WORKDIR /home/stretch
# A volume that is mounted here is the user's, as this folder is.
RUN mkdir runs
ENV OMP_NUM_THREADS=1

# As Ctrl-C: at SIGTERM a launch leaves its nodes, which are then killed together, the one that moves the robot too.
STOPSIGNAL SIGINT
ENTRYPOINT ["/entrypoint.sh"]
CMD ["ros2", "launch", "fail2progress", "robot.launch.py"]
