"""Between ROS messages and the core's types."""
