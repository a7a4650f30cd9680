"""Owns: what holds for every test: no example of a property has to be quick, as other work may share the machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
