"""MuJoCo Warp: many scenes at once, on a GPU where there is one."""
