# Isaac Gym Preview 4 for a simulation worker: Python 3.8, numpy, nothing of ROS or torch.
# Its licence forbids passing it on: get IsaacGym_Preview_4_Package.tar.gz yourself and name its folder as a build context:
#   docker build -f docker/isaacgym.Dockerfile --build-context isaacgym=FOLDER -t fail2progress-isaacgym .
FROM ubuntu:20.04

SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ARG DEBIAN_FRONTEND=noninteractive

RUN apt-get update \
 && apt-get install -y --no-install-recommends \
    libgl1 libgomp1 libpython3.8 libvulkan1 libx11-6 libxcursor1 libxi6 libxinerama1 libxrandr2 python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*

# The last numpy with np.float, which Isaac Gym still uses. Its package asks for torch; the simulator itself does not need it.
RUN --mount=type=bind,from=isaacgym,target=/isaacgym \
    tar -xzf /isaacgym/IsaacGym_Preview_4_Package.tar.gz -C /opt \
 && python3 -m pip install --no-cache-dir numpy==1.23.5 \
 && python3 -m pip install --no-cache-dir --no-deps -e /opt/isaacgym/python

# The worker: of the package, the modules that need numpy and the standard library alone.
COPY src/fail2progress/__init__.py /opt/worker/fail2progress/
COPY src/fail2progress/simulation/__init__.py src/fail2progress/simulation/held.py src/fail2progress/simulation/materials.py src/fail2progress/simulation/rest.py /opt/worker/fail2progress/simulation/
COPY src/fail2progress/skills/__init__.py src/fail2progress/skills/limits.py /opt/worker/fail2progress/skills/
COPY src/fail2progress/simulation/wire/__init__.py src/fail2progress/simulation/wire/frames.py src/fail2progress/simulation/wire/serving.py /opt/worker/fail2progress/simulation/wire/
COPY src/fail2progress/simulation/isaacgym/__init__.py src/fail2progress/simulation/isaacgym/assets.py src/fail2progress/simulation/isaacgym/scenes.py src/fail2progress/simulation/isaacgym/worker.py /opt/worker/fail2progress/simulation/isaacgym/

RUN useradd --create-home worker
USER worker
WORKDIR /home/worker
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility \
    PYTHONPATH=/opt/worker

# Serves on standard input and output: docker run --rm -i --gpus all fail2progress-isaacgym
CMD ["python3", "-m", "fail2progress.simulation.isaacgym.worker", "0"]
