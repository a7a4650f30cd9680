from __future__ import annotations

import pytest

from streamz_core.cli.config_list import names, settings
from streamz_core.cli.options import OptionError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1,b=2", {"a": "1", "b": "2"}),
        ("a=[1,2],b=2", {"a": "1,2", "b": "2"}),
        (" a = 1 , b=[] ", {"a": "1", "b": ""}),
        ("a=,b=x", {"a": "", "b": "x"}),
        ("a=x=y", {"a": "x=y"}),
    ],
)
def test_settings_are_listed_with_commas(text, found):
    assert settings(text, "--add-config") == found


@pytest.mark.parametrize("text", ["a", "=1", "a=1,b", "a=[1,2", "a=1]", "a=1,a=2", "a=1,,b=2"])
def test_what_is_no_list_of_settings_is_refused(text):
    with pytest.raises(OptionError, match="--add-config"):
        settings(text, "--add-config")


def test_names_are_listed_with_commas():
    assert names("a, b,,c") == ["a", "b", "c"]
