"""Whether shared memory has room for a stack's nodes: those that get none say little, and lose most images. Imports no ROS."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

SHARED = Path("/dev/shm")
BESIDE = 1 << 19
"""Bytes that a node takes there beside its segment: what the segment is kept by, and ports."""
PROFILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""Variables that name the middleware's profile; Humble knows the second one only."""
_MIDDLEWARE = "rmw_fastrtps"


def shortage(variables: Mapping[str, str], nodes: int) -> str:
    """What is to be said where there is too little room for so many nodes with these variables; empty where there is enough."""
    needed = nodes * taken(variables)
    if not needed or not SHARED.is_dir() or (free := shutil.disk_usage(SHARED).free) >= needed:
        return ""
    room = f"{SHARED} has {free / 1e6:.0f} MB free, {nodes} nodes take {needed / 1e6:.0f} MB"
    return f"{room}, and images are lost without: give a container more (docker run --shm-size=512m), or end what else uses it"


def taken(variables: Mapping[str, str]) -> int:
    """Bytes of shared memory that a node takes from its start on; 0 where that is the middleware's default, which is little."""
    profile = next((variables[name] for name in PROFILES if variables.get(name)), "")
    if not profile or not variables.get("RMW_IMPLEMENTATION", _MIDDLEWARE).startswith(_MIDDLEWARE):
        return 0
    try:
        found = [item.text for item in ElementTree.parse(profile).iter() if item.tag.rpartition("}")[2] == "segment_size"]
        return max(int(text or 0) for text in found) + BESIDE if found else 0
    except (OSError, ValueError, ElementTree.ParseError):  # the middleware says so itself
        return 0
