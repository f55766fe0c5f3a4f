# Isaac Gym Preview 4 for a simulation worker: Python 3.8, numpy, nothing of ROS or torch.
# Its licence forbids passing it on: get IsaacGym_Preview_4_Package.tar.gz yourself and name its folder as a build context:
#   docker build -f docker/isaacgym.Dockerfile --build-context isaacgym=FOLDER -t fail2progress-isaacgym docker
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

RUN useradd --create-home worker
USER worker
WORKDIR /home/worker
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility

# Says whether the simulator finds a GPU, until a worker is given as the command.
CMD ["python3", "-c", "from isaacgym import gymapi; gym = gymapi.acquire_gym(); print('simulation:', gym.create_sim(0, -1, gymapi.SIM_PHYSX, gymapi.SimParams()))"]
