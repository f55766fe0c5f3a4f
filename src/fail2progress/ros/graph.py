"""The stack as data: every node with its parameters, topics, services and actions. Imports no ROS: launch files read it.

Topics are relative names. A `Quality` is sensor (best effort, the newest), event (reliable, kept for late comers) or stream
(reliable, not kept).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fail2progress.ros.entries import OWN, NodeEntry, Parameter, Quality, Topic, Value
from fail2progress.tasks import DEFAULT

__all__ = [
    "LAST",
    "NODES",
    "ROBOT",
    "STACKS",
    "TOPICS",
    "NodeEntry",
    "Parameter",
    "Quality",
    "Topic",
    "Value",
    "nodes",
    "parameters",
]

_TOPICS = (
    Topic("camera/color/image_raw", "sensor_msgs/Image", Quality.SENSOR, 2),
    Topic("camera/aligned_depth_to_color/image_raw", "sensor_msgs/Image", Quality.SENSOR, 2),
    Topic("camera/color/camera_info", "sensor_msgs/CameraInfo", Quality.SENSOR, 100),
    Topic("camera/labels", "sensor_msgs/Image", Quality.SENSOR, 2),
    Topic("camera/label_names", OWN + "LabelNames", Quality.EVENT, 10, foreign=True),
    Topic("camera/imu", "sensor_msgs/Imu", Quality.SENSOR, 10),
    Topic("joint_states", "sensor_msgs/JointState", Quality.SENSOR, 10),
    Topic("tf", "tf2_msgs/TFMessage", Quality.STREAM, 100),
    Topic("tf_static", "tf2_msgs/TFMessage", Quality.EVENT, 100),
    Topic("segments", OWN + "Segments", Quality.STREAM, 10),
    Topic("segments/whole", "vision_msgs/Detection3DArray", Quality.STREAM, 10, optional=True),
    Topic("relations", OWN + "Relations", Quality.STREAM, 10),
    Topic("plan", OWN + "Plan", Quality.EVENT),
    Topic("steps", OWN + "Step", Quality.EVENT, 10),
    Topic("verdicts", OWN + "Verdict", Quality.EVENT, 10),
    Topic("failures", OWN + "FailureEvent", Quality.EVENT, 20),
    Topic("failure_reports", OWN + "FailureReport", Quality.EVENT, 20),
    Topic("model_updates", OWN + "ModelUpdate", Quality.EVENT, 5),
    Topic("model_states", OWN + "ModelState", Quality.EVENT, 10),
    Topic("corrections", OWN + "Corrections", Quality.EVENT),
    Topic("looks", OWN + "Look", Quality.STREAM, 10),
    Topic("heartbeat", OWN + "Heartbeat", Quality.SENSOR, 1),
    Topic("obstacles", "sensor_msgs/PointCloud2", Quality.STREAM, 2),
    Topic("costmap", "nav_msgs/OccupancyGrid", Quality.EVENT),
    Topic("view/detections", "vision_msgs/Detection3DArray", Quality.EVENT, optional=True),
    Topic("view/particles", "visualization_msgs/MarkerArray", Quality.EVENT),
    Topic("view/cloud", "sensor_msgs/PointCloud2", Quality.EVENT),
    Topic("view/markers", "visualization_msgs/MarkerArray", Quality.EVENT),
    Topic("diagnostics", "diagnostic_msgs/DiagnosticArray", Quality.STREAM, 10),
)
TOPICS: Mapping[str, Topic] = MappingProxyType({topic.name: topic for topic in _TOPICS})
CAMERA = tuple(topic.name for topic in _TOPICS[:3])
BEFORE, AFTER = "before", "after"
"""What the robot says by `looks`: it stands still and looks, before or after a skill; empty: it moves on."""
LABELS = ("camera/labels", "camera/label_names")
IMU = "camera/imu"
"""Readings of the accelerometer beside the camera, in its optical axes: which way is up where no transform says so."""
_LEFT_OUT = ("heartbeat", "obstacles", "costmap")
RECORDED = tuple(topic.name for topic in _TOPICS if topic.name not in _LEFT_OUT and not topic.optional)

COMMON = (
    Parameter("autostart", True, "configure and activate without a lifecycle manager"),
    Parameter("state_dir", "runs/stack", "folder of the failure store, the models' registry and the simulated world"),
    Parameter("loglevel", "info", "least severe log line", choices=("debug", "info", "warn", "error")),
)
_TASK = (
    Parameter("task", DEFAULT, "which task's trials: a name, or the path of a task file (.yaml)"),
    Parameter("objects", 3, "movable objects of the trial", 1, 100),
    Parameter("seed", 0, "which trials, as in `fail2progress demo`: they count from 10,000 + 100 seed", 0, 10**6),
)
_PROCESSES = Parameter("processes", 1, "processes for simulation; 0: one for every core", 0, 256)
SLOP = 0.02
"""Seconds by which the stamps of one moment's images may differ: colour and depth of real drivers do."""
_SLOP = Parameter("slop", SLOP, "seconds by which the stamps of one frame's images may differ", 0.0, 1.0)
_SIMULATOR = Parameter(
    "simulator", "mujoco", "which simulator: a name (`fail2progress simulators ls`) or a file with its options"
)

_NODES = (
    NodeEntry(
        "segmentation",
        "RGB-D images to segmented clouds in the planning frame",
        (
            Parameter(
                "segmenter",
                "label-image",
                "fused, geometric, learned, open-vocabulary, label-image (a detector's), another package's, or a YAML/JSON file",
            ),
            Parameter("planning_frame", "planning", "frame of the clouds"),
            Parameter("urdf", "", "URDF of the robot: its own parts, where tf has its links, are left out of the images"),
            Parameter("obstacles", False, "also tell all that the camera sees, segment or not, for a robot that drives"),
            _SLOP,
        ),
        (*CAMERA, *LABELS, IMU, "tf", "tf_static", "steps", "looks", "heartbeat"),
        ("segments", "segments/whole", "obstacles", "costmap"),
    ),
    NodeEntry(
        "relations",
        "relations detected in segments; hidden objects are remembered",
        (
            Parameter(
                "relations",
                "combined",
                "relation detector: combined, learned (the model's own), geometric, or one of another package",
            ),
        ),
        ("segments", "steps", "model_updates"),
        ("relations", "model_states"),
        uses_model=True,
    ),
    NodeEntry(
        "planner",
        "reaches goals: plans skills, has them carried out, waits for the monitor's verdict, learns from failures",
        (
            Parameter("observation_timeout", 20.0, "seconds to wait for relations after a skill", 0.5, 600.0),
            Parameter("verdict_timeout", 30.0, "seconds to wait for the monitor", 0.5, 600.0),
            Parameter("skill_timeout", 300.0, "seconds to wait for a skill to end", 1.0, 3600.0),
            Parameter("learn_timeout", 240.0, "seconds to wait for a lesson after a failure; 0: go on at once", 0.0, 3600.0),
            Parameter("max_skills", 20, "skills that one task may take", 1, 1000),
        ),
        ("relations", "verdicts", "failures", "failure_reports", "model_updates"),
        ("plan", "steps", "heartbeat", "corrections", "model_states"),
        actions=("execute_task",),
        calls=("execute_skill",),
        uses_model=True,
        threads=6,
    ),
    NodeEntry(
        "monitor",
        "what is seen after a skill against what was expected; failures are durable before they are published",
        (
            Parameter(
                "surprises",
                True,
                "whether a motion far from what was expected becomes an event, to learn from, though the plan goes on",
            ),
        ),
        ("steps", "relations"),
        ("verdicts", "failures"),
    ),
    NodeEntry(
        "classifier",
        "rebuilds the scene of a failure, repeats the skill in simulation and says of what kind the failure is",
        (_PROCESSES, _SIMULATOR),
        ("failures",),
        ("failure_reports",),
        services=("classify_failure",),
        threads=3,
    ),
    NodeEntry(
        "learner",
        "from a failure report to a better model, if the gate lets it through",
        (
            _PROCESSES,
            _SIMULATOR,
            Parameter("seed", 0, "of everything random in learning", 0, 10**6),
            Parameter("samples", 20, "scenes to learn from (M of the paper)", 1, 1000),
            Parameter("epochs", 200, "of fine-tuning", 1, 10000),
            Parameter("patience", 45.0, "seconds of processor time in which other data are tried while nothing passes", 0, 3600),
        ),
        ("failure_reports", "model_updates"),
        ("model_updates", "model_states", "view/particles"),
        services=("load_model", "roll_back_model", "query_model"),
        actions=("learn_from_failure",),
        threads=4,
    ),
    NodeEntry(
        "sim_stretch",
        "a simulated Stretch RE2: the topics, services and actions of the real one",
        (
            *_TASK,
            Parameter("robot", "stretch", "own joints, or a free hand", choices=("stretch", "hand")),
            _SIMULATOR,
            Parameter("rate", 5.0, "images a second while nothing moves", 0.2, 60.0),
            Parameter("moving_rate", 1.0, "images a second while it moves; each costs a good part of the skill", 0.1, 60.0),
            Parameter("client_timeout", 2.0, "seconds without a client's heartbeat after which motion stops; 0: none", 0.0, 60.0),
            Parameter("pace", 0.0, "simulated seconds a second; 0: as fast as it can", 0.0, 100.0),
        ),
        ("heartbeat", "corrections", "segments"),
        (*CAMERA, *LABELS, IMU, "joint_states", "tf", "tf_static", "looks"),
        services=("stop_the_robot", "resume_the_robot", "set_trial"),
        actions=("execute_skill", "aim_camera"),
        threads=5,
    ),
    NodeEntry(
        "stretch",
        "the real Stretch RE2, by stretch_body or a running stretch_driver; its camera comes from the RealSense driver",
        (
            Parameter("client_timeout", 0.5, "seconds without a client's heartbeat after which motion stops; 0: none", 0.0, 5.0),
            Parameter("rate", 15.0, "joint states a second", 1.0, 100.0),
            Parameter(
                "driver",
                "auto",
                "by what the robot is moved: stretch_body, a running stretch_driver, or what is there",
                choices=("auto", "stretch_body", "stretch_driver"),
            ),
            Parameter("stop_within", 0.2, "seconds of a stretch_driver's stop: motion is slow enough for it", 0.15, 2.0),
            Parameter("free_space", True, "drive only where the camera has seen nothing in the way (topic obstacles)"),
            Parameter("publish_links", True, "frames of the links; false where a robot_state_publisher gives them"),
        ),
        ("heartbeat", "segments", "obstacles", "corrections"),
        ("joint_states", "tf", "looks"),
        services=("stop_the_robot", "resume_the_robot", "home_the_robot", "look_around"),
        actions=("execute_skill", "aim_camera"),
        threads=5,
    ),
    NodeEntry(
        "recorder",
        "everything on the wire into a bag in the rosbag2 layout",
        (
            Parameter("bag", "", "folder of the bag; empty: bag in the state folder, numbered"),
            Parameter("image_rate", 1.0, "images a second that are kept; 0: all", 0.0, 60.0),
        ),
        RECORDED,
        (),
    ),
    NodeEntry(
        "view",
        "clouds and markers of standard types for RViz and Foxglove, and a time line by rerun",
        (
            Parameter("view", "none", "time line by rerun: none, a file, or also a live page", choices=("none", "file", "page")),
            Parameter("time_line", "", "file of the time line (.rrd), numbered if one is there; empty: run.rrd beside the bags"),
        ),
        ("segments", "relations", "plan", "steps", "failures", "model_updates", "view/particles"),
        ("view/cloud", "view/markers", "view/detections"),
        also_hears=CAMERA[:2],
    ),
    NodeEntry(
        "task",
        "asks for one task, tells its progress, writes the result and ends",
        (
            *_TASK,
            Parameter("goal", "", "another goal than the task's own, such as inside(capsule_1, cup_1); empty: the task's"),
            Parameter("story", False, "trials by one plan each until one fails, then the same again with what was learnt"),
            Parameter("stay", False, "no task of its own: the stack stays up for the goals of others, until it is stopped"),
            Parameter("result", "", "file for the result as JSON"),
            Parameter("attempts", 5, "how often a task is asked for again where a node was lost", 1, 100),
        ),
        ("segments",),
        requests=("set_trial",),
        calls=("execute_task",),
        threads=2,
    ),
    NodeEntry(
        "player",
        "plays a bag for the rest of the stack, and ends when all of it has been worked off",
        (
            Parameter("bag", "", "folder or file of the bag"),
            Parameter(
                "source",
                "",
                "where observations come from; empty: the recorded segments if there are any, else the camera",
                choices=("", "segments", "camera"),
            ),
            Parameter("topics", "", "recorded topics for the stack's, by spaces: depth:=/depth_to_rgb/image_raw"),
            Parameter("robot", "", "namespace of the robot that is played, where the bag holds several"),
            Parameter("camera", "", "part of the topics' names of the camera that is played, where the bag holds several"),
            _SLOP,
            Parameter("rate", 0.0, "times real time; 0: as fast as it is taken", 0.0, 1000.0),
        ),
    ),
)
NODES: Mapping[str, NodeEntry] = MappingProxyType({entry.name: entry for entry in _NODES})

_CORE = ("segmentation", "relations", "monitor", "classifier", "learner")
STACKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sim": (*_CORE, "planner", "recorder", "view", "sim_stretch", "task"),
        "robot": (*_CORE, "planner", "recorder", "view", "stretch"),
        "replay": (*_CORE, "view", "player"),
    }
)
LAST: Mapping[str, str | None] = MappingProxyType({"sim": "task", "robot": None, "replay": "player"})
"""The node with whose end a stack has done its work."""
ROBOT = "stretch"
"""The node of the stack `robot` whose place a node of somebody's own may take."""


def nodes(stack: str, own_robot: bool = False) -> tuple[str, ...]:
    """The nodes of a stack by name; own_robot: without the one that moves a Stretch."""
    return tuple(name for name in STACKS[stack] if not (own_robot and name == ROBOT))


def parameters(entry: NodeEntry) -> tuple[Parameter, ...]:
    """All parameters of a node."""
    model = Parameter("model", "", "weights to start from; empty: the registry's current ones, or the package's")
    own = {parameter.name for parameter in entry.parameters}
    shared = (*COMMON, model) if entry.uses_model or entry.name in ("learner", "monitor") else COMMON
    return (*(p for p in shared if p.name not in own), *entry.parameters)
