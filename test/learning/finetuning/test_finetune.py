import copy

import pytest
import torch

from fail2progress.learning.finetuning.finetune import Epochs, FinetuneOptions, finetune
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.training.losses import view
from fail2progress.models.training.transitions import Transitions, select
from fail2progress.skills.vocabulary import current

RELATIONS = {"messages.along", "handed_on.by_relation", "falling.strength", "falling.verge", "falling.travel"}
BRIEF = FinetuneOptions(epochs=10, replay=4)


@pytest.fixture(params=[False, True], ids=["plain", "relational"])
def either(request: pytest.FixtureRequest) -> Points2Plans:
    torch.manual_seed(0)
    return Points2Plans(Points2PlansConfig(relational=request.param, feedforward=64, layers=1)).eval()


def changed(one: Points2Plans, other: Points2Plans) -> set[str]:
    after = other.state_dict()
    return {key for key, value in one.state_dict().items() if not torch.equal(value, after[key])}


def tune(model: Points2Plans, data: Transitions, options: FinetuneOptions = BRIEF, seed: int = 0) -> Points2Plans:
    tuned = finetune(model, select(data, range(6)), select(data, range(20, 30)), options, seed)
    assert isinstance(tuned, Points2Plans)
    return tuned


def test_the_model_itself_and_the_encoder_stay_as_they_are(either: Points2Plans, data: Transitions) -> None:
    before = copy.deepcopy(either)
    tuned = tune(either, data)
    assert not changed(before, either) and all(p.requires_grad for p in either.parameters())
    assert all(parameter.grad is None for parameter in either.parameters())
    different = changed(either, tuned)
    assert different and not any(key.startswith("encoder.") for key in different)
    if either.config.relational:
        assert different == RELATIONS
    else:
        assert {"position.2.weight", "binary.subject.weight", "box.0.weight"} <= different
    assert not tuned.training and all(p.requires_grad for p in tuned.parameters())


def test_everything_is_adjusted_only_where_that_is_asked_for(model: Points2Plans, data: Transitions) -> None:
    tuned = tune(model, data, FinetuneOptions(epochs=4, replay=4, adjusts="relations"))
    assert changed(model, tuned) == RELATIONS
    tuned = tune(model, data, FinetuneOptions(epochs=4, replay=4, adjusts="networks"))
    assert {key.split(".")[0] for key in changed(model, tuned)} == {"messages", "handed_on", "tipping", "falling", "growth"}
    tuned = tune(model, data, FinetuneOptions(epochs=4, replay=4, adjusts="all"))
    assert len(changed(model, tuned)) > 20 and not any(key.startswith("yielding") for key in changed(model, tuned))
    tuned = tune(model, data, FinetuneOptions(epochs=4, replay=4, adjusts="neighbours"))
    assert {key.split(".")[0] for key in changed(model, tuned)} == {"yielding"}


def test_distillation_keeps_the_new_model_near_the_old_one(model: Points2Plans, data: Transitions) -> None:
    old = select(data, range(20, 30))
    batch = old.batch(torch.arange(len(old)), torch.Generator().manual_seed(0))
    apart = []
    for weight in (0.0, 50.0):
        tuned = tune(model, data, FinetuneOptions(epochs=25, replay=10, adjusts="all", learning_rate=1e-3, distillation=weight))
        with torch.no_grad():
            one, other = (view(m, old, batch, torch.zeros(len(old), 3), None).effect.displacement for m in (model, tuned))
        apart.append(float((one - other).abs().mean()))
    assert apart[1] < 0.7 * apart[0]


def test_weights_that_nobody_knows_are_named() -> None:
    with pytest.raises(ValueError, match="unknown weights to adjust 'some'; known: relations, networks, all, neighbours, ladder"):
        FinetuneOptions(adjusts="some")


def test_the_same_seed_gives_the_same_weights(either: Points2Plans, data: Transitions) -> None:
    one, other = tune(either, data), tune(either, data)
    assert not changed(one, other)
    assert changed(one, tune(either, data, seed=1))


def test_progress_ends_at_its_total(model: Points2Plans, data: Transitions) -> None:
    heard: list[tuple[int, int]] = []
    finetune(
        model, select(data, range(6)), select(data, range(20, 30)), BRIEF, 0, lambda done, total: heard.append((done, total))
    )
    assert {total for _, total in heard} == {10 * (6 + 4)} and heard[-1] == (100, 100)
    assert [done for done, _ in heard] == sorted({done for done, _ in heard})


def test_more_replay_than_there_is(model: Points2Plans, data: Transitions) -> None:
    heard: list[int] = []
    options = FinetuneOptions(epochs=2, replay=50, adjusts="networks")
    finetune(model, select(data, range(6)), select(data, range(20, 23)), options, 0, lambda done, total: heard.append(total))
    assert set(heard) == {2 * 9}
    assert changed(model, tune(model, data, FinetuneOptions(epochs=2, replay=0)))


def test_every_lesson_has_an_equal_share_of_an_epoch() -> None:
    epochs = Epochs(4, (torch.arange(4, 34), torch.arange(34, 40), torch.arange(40, 240)), (10, 5, 5))
    drawn = [epochs(torch.Generator().manual_seed(seed)).tolist() for seed in range(3)]
    for rows in drawn:
        assert len(rows) == len(set(rows)) == 24
        sets = range(4), range(4, 34), range(34, 40), range(40, 240)
        assert [sum(row in numbers for row in rows) for numbers in sets] == [4, 10, 5, 5]
    assert len({tuple(rows) for rows in drawn}) == 3


def test_what_is_said_of_other_skills_stays_and_is_not_replayed(model: Points2Plans, data: Transitions) -> None:
    """A few weights have a row for every skill: a lesson of pushes leaves what was learnt of carrying, and of the replayed
    executions takes those of pushes."""
    push = current().names.index("push")
    pushes = (data.skill == push).nonzero().flatten()
    heard: list[int] = []
    options = FinetuneOptions(epochs=4, replay=100, adjusts="relations")
    with torch.no_grad():
        model.messages.along += 0.1
    tuned = finetune(
        model, select(data, pushes[:6].tolist()), data, options, 0, lambda done, total: heard.append(total), lessons=[data]
    )
    before, after = ({key: value for key, value in one.state_dict().items() if key in RELATIONS} for one in (model, tuned))
    rows = "messages.along", "handed_on.by_relation"
    moved = torch.stack([(before[key] != after[key]).any(dim=1) for key in rows])
    assert moved.tolist() == [[skill == push for skill in range(len(current().skills))]] * 2
    assert set(heard) == {4 * (6 + len(pushes) + min(len(pushes), options.lessons))}


def test_lessons_are_trained_on_within_a_bound(model: Points2Plans, data: Transitions) -> None:
    heard: list[int] = []
    lessons = [select(data, range(30 + 6 * i, 36 + 6 * i)) for i in range(3)]
    options = FinetuneOptions(epochs=2, replay=4, lessons=7, adjusts="networks")
    few, rest = select(data, range(6)), select(data, range(20, 30))
    tuned = finetune(model, few, rest, options, 0, lambda done, total: heard.append(total), lessons=lessons)
    assert set(heard) == {2 * (6 + 4 + 3 * 3)} and changed(model, tuned)


@pytest.mark.parametrize(
    ("adjusts", "replay", "rehearsed", "held", "agrees"),
    [
        ("relations", 4, False, False, False),
        ("relations", 4, True, False, True),
        ("relations", 0, True, False, True),
        ("networks", 4, False, False, False),
        ("networks", 4, False, True, True),
        ("networks", 0, False, True, False),
        ("networks", 4, True, False, True),
        ("all", 0, False, False, False),
        ("all", 0, True, False, True),
    ],
)
def test_few_weights_agree_with_the_old_model_where_they_are_held_to_it(
    model: Points2Plans, data: Transitions, adjusts: str, replay: int, rehearsed: bool, held: bool, agrees: bool
) -> None:
    """And where lessons are rehearsed, even if nothing else is."""
    parts = select(data, range(6)), select(data, range(20, 30))
    lessons = [select(data, range(30, 36))] * rehearsed
    options = [
        FinetuneOptions(epochs=2, replay=replay, adjusts=adjusts, distillation=weight, held=held) for weight in (0.0, 50.0)
    ]
    one, other = (finetune(model, *parts, each, 0, lessons=lessons) for each in options)
    assert isinstance(one, Points2Plans) and isinstance(other, Points2Plans) and bool(changed(one, other)) == agrees
