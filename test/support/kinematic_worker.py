"""A simulator without dynamics, in a process of its own: numpy, the standard library and the frames of the worker protocol.

Objects are moved as commanded, with what lies in their box, and set down on whatever is below. An argument chooses how it
misbehaves.
"""

import os
import sys

import numpy as np

from fail2progress.simulation.wire.serving import Record, Refused, Worker, own_streams, serve

GAP = 0.001
POISON = 666


def boxes(objects, poses):
    half = np.array([item["size_m"] for item in objects]) / 2
    return poses[:, :3] - half, poses[:, :3] + half


def settle(objects, poses):
    """Everything movable down onto the highest solid thing below its middle, lowest first."""
    for i in np.argsort(boxes(objects, poses)[0][:, 2]):
        if not objects[i]["movable"]:
            continue
        low, _ = boxes(objects, poses)
        top = 0.0
        for j, other in enumerate(objects):
            for part in other["parts"]:
                centre, half = poses[j, :3] + part["centre_m"], np.array(part["half_m"])
                over = (np.abs(poses[i, :2] - centre[:2]) < half[:2]).all()
                if j != i and over and centre[2] + half[2] <= low[i, 2] + 0.01:
                    top = max(top, centre[2] + half[2])
        poses[i, 2] = top + objects[i]["size_m"][2] / 2
    return poses


def contact(objects, poses):
    low, high = boxes(objects, poses)
    near = (low[:, None] <= high[None] + GAP).all(2) & (high[:, None] >= low[None] - GAP).all(2)
    np.fill_diagonal(near, False)
    return near


def moved(job, poses):
    call = job.header["call"]
    objects = job.header["objects"]
    names = [item["name"] for item in objects]
    if call["object"] not in names:
        raise Refused("unknown object {!r}".format(call["object"]))
    index, values = names.index(call["object"]), call["parameters"]
    if call["skill"] == "pick_place":
        shift = np.array(values[:3])
    else:
        shift = values[1] * np.array([np.cos(values[0]), np.sin(values[0]), 0])
    low, high = boxes(objects, poses)
    along = (poses[:, :3] > low[index]).all(1) & (poses[:, :3] < high[index]).all(1)
    poses = poses.copy()
    poses[along, :3] += shift
    return settle(objects, poses)


class Kinematic(Worker):
    name = "kinematic"
    batch = 3
    skills = ("pick_place", "push")

    def __init__(self, behaviour):
        self.behaviour = behaviour
        self.tracks = behaviour == "tracks"
        self.done = 0

    def execute(self, jobs):
        for number, job in enumerate(jobs):
            before = settle(job.header["objects"], job.arrays["poses"].copy())
            after = moved(job, before)
            if self.behaviour == "short":
                after = after[:1]
            self.done += 1
            if self.behaviour == "dies" and self.done % 5 == 0:
                os.kill(os.getpid(), 9)
            if self.behaviour == "poison" and job.header["seed"] == POISON:
                print("out of memory", flush=True)
                os.kill(os.getpid(), 9)
            yield number, self.outcome(job, before, after)

    def outcome(self, job, before, after):
        rest = {"openings_m": job.header["openings_m"]}
        header = {"before": rest, "after": rest, "seconds": {"stepping": 0.0, "rays": 0.0, "total": 0.0}, "stable": True}
        arrays = {}
        for when, poses in (("before", before), ("after", after)):
            arrays[when + "/poses"], arrays[when + "/contact"] = poses, contact(job.header["objects"][: len(poses)], poses)
        return Record(header, arrays)

    def settle(self, scene):
        poses = settle(scene.header["objects"], scene.arrays["poses"].copy())
        arrays = {"poses": poses, "contact": contact(scene.header["objects"], poses)}
        return Record({"openings_m": scene.header["openings_m"]}, arrays)


class Twice:
    """A stream that gets every outcome two times."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, data):
        self.stream.write(data * (2 if b'"kind":"outcome"' in data else 1))

    def flush(self):
        self.stream.flush()


if __name__ == "__main__":
    reader, writer = own_streams()
    print("a library talks on standard output")
    behaviour = sys.argv[1] if len(sys.argv) > 1 else ""
    serve(Kinematic(behaviour), reader, Twice(writer) if behaviour == "twice" else writer)
