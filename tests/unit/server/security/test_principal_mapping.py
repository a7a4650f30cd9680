"""Owns: Kafka's rules from certificates' names to users' (KIP-371), with the examples of its documentation."""

import pytest

from streamz_core.errors import Misuse
from streamz_core.server.security.principal_mapping import mapped, parse_rules

DOCUMENTED = (
    "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/,"
    "RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L,"
    "RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/L,"
    "DEFAULT"
)


@pytest.mark.parametrize(
    ("rules", "name", "user"),
    [
        ("", "CN=ann,O=x", "CN=ann,O=x"),
        ("DEFAULT", "CN=ann,O=x", "CN=ann,O=x"),
        (
            DOCUMENTED,
            "CN=serviceuser,OU=ServiceUsers,O=Unknown,L=Unknown,ST=Unknown,C=Unknown",
            "serviceuser",
        ),
        (DOCUMENTED, "CN=adminUser,OU=Admin,O=Unknown,L=Unknown,ST=Unknown,C=Unknown", "adminuser@admin"),
        (DOCUMENTED, "OU=x,CN=Ann.B", "ann.b"),
        (DOCUMENTED, "O=nobody", "O=nobody"),
        (r"RULE:^CN=(.*)$/$1\/x/U", "CN=ann", "ANN/X"),
        ("RULE:^CN=(.*)$/$1/", "O=other", None),
        ("RULE:CN=ann/admin/", "CN=anna", None),
        ("RULE:^CN=(a)?(.*)$/$1-$2/", "CN=bob", "-bob"),
    ],
)
def test_the_first_rule_that_fits_decides(rules, name, user):
    assert mapped(parse_rules(rules), name) == user


@pytest.mark.parametrize(
    "text", ["CN=(.*)", "RULE:x", "RULE:(/x/", "RULE:x/y/ RULE:z/y/", "RULE:x/y/Q", "default"]
)
def test_what_is_no_rule_is_refused_at_the_start(text):
    with pytest.raises(Misuse, match="principal mapping"):
        parse_rules(text)
