"""A scene and a goal of one's own: plan, carry out, say what happened."""

import fail2progress as f2p

start = f2p.scene(
    [
        {"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.08)},
        {"name": "pill", "category": "capsule", "size": (0.03, 0.03, 0.03)},
    ],
    seed=1,
)
job = f2p.task(start, ["inside(pill, mug)", "inside(pill, mug) and above(mug, table_b)"], seed=1)

plan = f2p.plan(job)
print(f"expected to reach {plan.goal} with P = {plan.probability:.2f}:", *(str(skill.call) for skill in plan.skills), sep="\n  ")

done = f2p.run(job)
print("carried out:", *(str(step.planned.call) for step in done.episode.taken), sep="\n  ")
print("otherwise than expected:", *(m for failure in done.failures for m in failure.header.mismatches), sep="\n  ")
print("the goal holds" if done.success else f"the goal does not hold: {done.episode.outcome}")
