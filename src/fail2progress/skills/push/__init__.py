"""Move the closed gripper against an object."""
