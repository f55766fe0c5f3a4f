"""PointConv, the shape encoder of paper A.11.2, and a base for models that use it."""
