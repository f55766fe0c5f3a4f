# The whole stack against the simulated Stretch, without a screen or a GPU. Build from the root of the repository:
#   docker build -f docker/sim.Dockerfile -t fail2progress-sim .
FROM ros:jazzy

SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# Read by pip during the build only, for instance an index of CPU wheels of torch.
ARG PIP_EXTRA_INDEX_URL=""
ARG DEBIAN_FRONTEND=noninteractive

RUN apt-get update \
 && apt-get install -y --no-install-recommends libegl1 libgl1 libgomp1 libx11-6 python3-venv \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /ws/src/fail2progress

# The dependencies alone first: they change less often than the code.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src/fail2progress/__init__.py src/fail2progress/
RUN python3 -m venv --system-site-packages /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir -c constraints.txt .

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

RUN install -m 755 src/fail2progress/docker/entrypoint.sh /entrypoint.sh \
 && useradd --create-home stretch
USER stretch
WORKDIR /home/stretch
# Discovery stays within the container unless it is told otherwise.
ENV OMP_NUM_THREADS=1 \
    ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST

# As Ctrl-C: at SIGTERM a launch leaves its nodes, which are then killed together, the one that moves the robot too.
STOPSIGNAL SIGINT
ENTRYPOINT ["/entrypoint.sh"]
CMD ["ros2", "launch", "fail2progress", "sim.launch.py"]
