"""A Stretch through a running stretch_driver, the robot's own ROS 2 driver, in place of stretch_body."""
