"""The stack from a program: scene, task, simulate, detect, plan, run, learn, evaluate. Defaults work.

`import fail2progress` offers these functions; each module here is imported when one of its functions is first asked for.
"""
