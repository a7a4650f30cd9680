"""Owns: deciding by ACLs, held against the plainest possible reading of the rules."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.broker.security.acl_table import AclTable, Resource, Subject, canonical_host
from streamz_core.protocol.messages.acls import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
)

NAMES = ("", "a", "ab", "abc", "b", "*")
PRINCIPALS = ("User:ann", "User:bob", "User:*")
HOSTS = ("1.2.3.4", "::1", "*")
OPERATIONS = (
    AclOperation.READ,
    AclOperation.WRITE,
    AclOperation.DESCRIBE,
    AclOperation.DESCRIBE_CONFIGS,
    AclOperation.ALTER_CONFIGS,
    AclOperation.DELETE,
    AclOperation.ALL,
)
ASKED = tuple(one for one in OPERATIONS if one is not AclOperation.ALL)
KINDS = (ResourceType.TOPIC, ResourceType.GROUP)
SUBJECTS = tuple(Subject(*one) for one in product(("User:ann", "User:bob", "User:eve"), ("1.2.3.4", "::1")))

bindings = st.builds(
    AclBinding,
    resource_type=st.sampled_from(KINDS),
    resource_name=st.sampled_from(NAMES[1:]),
    resource_pattern_type=st.sampled_from((PatternType.LITERAL, PatternType.PREFIXED)),
    principal=st.sampled_from(PRINCIPALS),
    host=st.sampled_from(HOSTS),
    operation=st.sampled_from(OPERATIONS),
    permission_type=st.sampled_from((AclPermissionType.ALLOW, AclPermissionType.DENY)),
)


def entry(name="a", operation=AclOperation.READ, *, deny=False, prefixed=False, **more) -> AclBinding:
    return AclBinding(
        resource_type=more.pop("resource_type", ResourceType.TOPIC),
        resource_name=name,
        resource_pattern_type=PatternType.PREFIXED if prefixed else PatternType.LITERAL,
        principal=more.pop("principal", "User:ann"),
        operation=operation,
        permission_type=AclPermissionType.DENY if deny else AclPermissionType.ALLOW,
        **more,
    )


# -- the rules, read as plainly as they are written -------------------------------------------------------


def stands_for(binding: AclBinding, resource: Resource) -> bool:
    if binding.resource_type is not resource.type:
        return False
    if binding.resource_pattern_type is PatternType.PREFIXED:
        return resource.name.startswith(binding.resource_name)
    return binding.resource_name in ("*", resource.name)


def is_about(binding: AclBinding, subject: Subject) -> bool:
    return binding.principal in ("User:*", subject.principal) and binding.host in ("*", subject.host)


def plainly(entries, subject: Subject, operation: AclOperation, resource: Resource) -> bool:
    mine = [one for one in entries if stands_for(one, resource) and is_about(one, subject)]
    denied = [one for one in mine if one.permission_type is AclPermissionType.DENY]
    if any(one.operation in (operation, AclOperation.ALL) for one in denied):
        return False
    enough = {operation, AclOperation.ALL}
    if operation is AclOperation.DESCRIBE:
        enough |= {AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE, AclOperation.ALTER}
    if operation is AclOperation.DESCRIBE_CONFIGS:
        enough |= {AclOperation.ALTER_CONFIGS}
    return any(one.operation in enough for one in mine if one not in denied)


@settings(deadline=None, max_examples=200)
@given(st.lists(bindings, max_size=8))
def test_it_decides_as_the_rules_say(entries):
    table = AclTable(entries)

    for subject, operation, kind, name in product(SUBJECTS, ASKED, KINDS, NAMES):
        resource = Resource(kind, name)
        expected = plainly(entries, subject, operation, resource)
        # Twice: the second answer comes from the cache.
        assert table.permits(subject, operation, resource) is expected
        assert table.permits(subject, operation, resource) is expected


@settings(deadline=None, max_examples=200)
@given(st.lists(bindings, max_size=6))
def test_some_name_is_permitted_if_there_is_one(entries):
    """Names that no entry has in it stand for all the others; ``permits_some`` may only err by saying no."""
    table = AclTable(entries)
    names = [*NAMES, *(f"{name}~" for name in NAMES), "~"]

    for subject, operation, kind in product(SUBJECTS, (AclOperation.WRITE, AclOperation.READ), KINDS):
        # The wildcard is a name of patterns, not of topics.
        found = any(
            plainly(entries, subject, operation, Resource(kind, name))
            for name in names
            if name not in ("", "*")
        )
        assert table.permits_some(subject, operation, kind) is found


@pytest.mark.parametrize(
    ("entries", "name", "permitted"),
    [
        ([], "a", False),
        ([entry("a")], "a", True),
        ([entry("a")], "ab", False),
        ([entry("a", prefixed=True)], "ab", True),
        ([entry("*")], "anything", True),
        ([entry("*", prefixed=True)], "anything", False),
        ([entry("a"), entry("a", deny=True)], "a", False),
        ([entry("*"), entry("a", prefixed=True, deny=True)], "ab", False),
        ([entry("*"), entry("a", prefixed=True, deny=True)], "b", True),
        ([entry("a", AclOperation.ALL)], "a", True),
        ([entry("a"), entry("a", AclOperation.ALL, deny=True)], "a", False),
        ([entry("a"), entry("a", AclOperation.DESCRIBE, deny=True)], "a", True),
        ([entry("a", principal="User:bob")], "a", False),
        ([entry("a", principal="User:*")], "a", True),
        ([entry("a", principal="Group:ann")], "a", False),
        ([entry("a", host="9.9.9.9")], "a", False),
        ([entry("a", resource_type=ResourceType.GROUP)], "a", False),
    ],
)
def test_the_cases_that_are_asked_about_most(entries, name, permitted):
    asked = (Subject("User:ann", "1.2.3.4"), AclOperation.READ, Resource(ResourceType.TOPIC, name))

    assert AclTable(entries).permits(*asked) is permitted


def test_reading_implies_describing_and_not_the_other_way():
    subject, topic = Subject("User:ann", "::1"), Resource(ResourceType.TOPIC, "a")
    reader, describer = AclTable([entry("a")]), AclTable([entry("a", AclOperation.DESCRIBE)])

    assert reader.permits(subject, AclOperation.DESCRIBE, topic)
    assert not describer.permits(subject, AclOperation.READ, topic)


def test_the_cache_does_not_grow_with_what_strangers_ask():
    table = AclTable([entry("a")])
    subject = Subject("User:ann", "::1")

    for number in range(50_000):
        table.permits(subject, AclOperation.READ, Resource(ResourceType.TOPIC, str(number)))

    assert len(table._cache) <= 20_000


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("FE80::1%eth0", "fe80::1"),
        ("example.com", None),
        ("", None),
        ("10.0.0.1 ", None),
        ("010.0.0.1", None),
    ],
)
def test_one_spelling_for_each_address(host, canonical):
    assert canonical_host(host) == canonical


def test_a_name_of_any_length_is_decided_by_as_many_steps_as_there_are_patterns():
    """The name is the peer's: deciding must not grow with it, and it must not be kept."""
    asked = []

    class Counting(dict):
        def get(self, key, default=None):
            asked.append(key)
            return super().get(key, default)

    table = AclTable([entry(name, prefixed=True) for name in ("x", "xyz")])
    table._prefixed = Counting(table._prefixed)
    long = Resource(ResourceType.TOPIC, "x" * 1_000_000)

    for _ in range(2):
        assert len(list(table.applying_to(long))) == 1
        table.permits(Subject("User:nobody", "10.0.0.1"), AclOperation.READ, long)
    assert len(asked) == 8
    assert not table._cache
