"""Owns: that the documentation has the table that is enforced."""

from streamz_core.server.security.api_table import as_markdown
from tests.house.sources import ROOT


def test_the_page_has_the_table_of_the_server():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

    assert page.endswith("\n\n" + as_markdown()), "end the page with api_table.as_markdown()"
