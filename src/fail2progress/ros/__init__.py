"""The ROS 2 stack: thin nodes around the core, and the graph that says which there are. Only this room imports ROS."""
