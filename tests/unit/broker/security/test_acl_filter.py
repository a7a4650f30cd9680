"""Owns: which entries filters let pass, held against a plain reading; which entries are kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.broker.security.acl_filter import normal, passes, refuse_filter
from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.acls import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    PatternType,
    ResourceType,
)
from tests.unit.broker.security.test_acl_table import bindings, entry

filters = st.builds(
    AclBindingFilter,
    resource_type_filter=st.sampled_from((ResourceType.ANY, ResourceType.TOPIC, ResourceType.GROUP)),
    resource_name_filter=st.sampled_from((None, "a", "ab", "abc", "*")),
    pattern_type_filter=st.sampled_from(
        (PatternType.ANY, PatternType.MATCH, PatternType.LITERAL, PatternType.PREFIXED)
    ),
    principal_filter=st.sampled_from((None, "User:ann", "User:*")),
    host_filter=st.sampled_from((None, "*", "1.2.3.4")),
    operation=st.sampled_from((AclOperation.ANY, AclOperation.READ, AclOperation.ALL)),
    permission_type=st.sampled_from((AclPermissionType.ANY, AclPermissionType.ALLOW, AclPermissionType.DENY)),
)


def pattern_fits(wanted: AclBindingFilter, one: AclBinding) -> bool:
    name, kind = wanted.resource_name_filter, wanted.pattern_type_filter
    match kind:
        case PatternType.ANY:
            return name in (None, one.resource_name)
        case PatternType.MATCH:
            if name is None:
                return True
            if one.resource_pattern_type is PatternType.PREFIXED:
                # The pattern that is called so, or one whose beginning the name has.
                return name.startswith(one.resource_name)
            return one.resource_name in (name, "*")
        case _:
            return one.resource_pattern_type is kind and name in (None, one.resource_name)


@settings(deadline=None, max_examples=500)
@given(filters, bindings)
def test_a_filter_lets_pass_what_it_says(wanted, one):
    def fits(asked, found):
        return asked in (1, found)

    expected = (
        fits(wanted.resource_type_filter, one.resource_type)
        and pattern_fits(wanted, one)
        and wanted.principal_filter in (None, one.principal)
        and wanted.host_filter in (None, one.host)
        and fits(wanted.operation, one.operation)
        and fits(wanted.permission_type, one.permission_type)
    )

    assert passes(wanted, one) is expected


@pytest.mark.parametrize(
    "field", ["resource_type_filter", "pattern_type_filter", "operation", "permission_type"]
)
def test_a_filter_of_a_word_that_is_not_known_is_refused(field):
    kinds = {
        "resource_type_filter": ResourceType,
        "pattern_type_filter": PatternType,
        "operation": AclOperation,
        "permission_type": AclPermissionType,
    }

    assert refuse_filter(AclBindingFilter(**{field: kinds[field](99)})).code is ErrorCode.INVALID_REQUEST
    assert refuse_filter(AclBindingFilter()) is None


@pytest.mark.parametrize(
    ("binding", "code"),
    [
        (entry(""), ErrorCode.INVALID_REQUEST),
        (entry("x" * 1_025), ErrorCode.INVALID_REQUEST),
        (entry("a", AclOperation.CLUSTER_ACTION), ErrorCode.INVALID_REQUEST),
        (entry("a", AclOperation.ANY), ErrorCode.INVALID_REQUEST),
        (entry("a", AclOperation(77)), ErrorCode.INVALID_REQUEST),
        (entry("a", resource_type=ResourceType.ANY), ErrorCode.INVALID_REQUEST),
        (entry("a", resource_type=ResourceType(77)), ErrorCode.INVALID_REQUEST),
        (entry("a", AclOperation.ALTER, resource_type=ResourceType.CLUSTER), ErrorCode.INVALID_REQUEST),
        (entry("a", principal="ann"), ErrorCode.INVALID_PRINCIPAL_TYPE),
        (entry("a", principal="User:"), ErrorCode.INVALID_PRINCIPAL_TYPE),
        (entry("a", principal=":ann"), ErrorCode.INVALID_PRINCIPAL_TYPE),
        (entry("a", principal=""), ErrorCode.INVALID_PRINCIPAL_TYPE),
        (entry("a", host="example.com"), ErrorCode.INVALID_REQUEST),
        (entry("a", host=""), ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_could_never_apply_is_not_kept(binding, code):
    refusal = normal(binding)

    assert isinstance(refusal, Refusal)
    assert refusal.code is code


@pytest.mark.parametrize("permission", [AclPermissionType.ANY, AclPermissionType(9)])
@pytest.mark.parametrize("pattern", [PatternType.ANY, PatternType.MATCH, PatternType(9)])
def test_entries_say_yes_or_no_and_to_what(permission, pattern):
    binding = AclBinding(
        resource_type=ResourceType.TOPIC,
        resource_name="a",
        resource_pattern_type=pattern,
        principal="User:ann",
        operation=AclOperation.READ,
        permission_type=permission,
    )

    assert isinstance(normal(binding), Refusal)


def test_hosts_are_kept_in_one_spelling():
    assert normal(entry("a", host="::ffff:10.0.0.1")).host == "10.0.0.1"
    assert normal(entry("a", host="*")).host == "*"
