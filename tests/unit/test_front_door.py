from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import streamz_core


def test_every_name_is_there():
    for name in streamz_core.__all__:
        assert getattr(streamz_core, name).__name__ == name


def test_the_table_of_names_is_the_one_type_checkers_see():
    source = Path(streamz_core.__file__).read_text()

    typed = re.findall(r"^    from streamz_core\S+ import \w+ as (\w+)$", source, re.MULTILINE)
    assert sorted(typed) == streamz_core.__all__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Ap'"):
        _ = streamz_core.Ap


def test_importing_the_package_imports_next_to_nothing():
    code = (
        "import sys, streamz_core;"
        "print(*(m for m in sys.modules if m.startswith('streamz_core')), 'asyncio' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out.split() == ["streamz_core", "False"]


def test_declaring_an_app_needs_no_event_loop_and_touches_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = streamz_core.App("a", broker=f"file://{tmp_path}/data")
    topic = app.topic("t", value_type=int)
    app.Table("counts", default=int).tumbling(10)

    @app.agent(topic)
    async def count(stream):
        pass

    assert list(tmp_path.iterdir()) == []
