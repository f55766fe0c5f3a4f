from fail2progress.core.relations import BINARY, UNARY
from fail2progress.core.vocabulary import VERSION_1
from fail2progress.skills.registry import SKILLS
from fail2progress.skills.vocabulary import current


def test_it_is_that_of_the_registered_skills_and_the_relations() -> None:
    spoken = current()
    assert spoken.names == tuple(SKILLS) and spoken.binary == BINARY and spoken.unary == UNARY
    for signature, skill in zip(spoken.skills, SKILLS.values(), strict=True):
        assert signature.parameters == tuple((p.name, p.unit) for p in skill.parameters)


def test_what_version_1_was_written_in_can_be_read() -> None:
    assert VERSION_1.difference(current()) == ""
