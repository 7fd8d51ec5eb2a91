"""Templates: escaped in HTML, strict about variables."""

import pytest
from jinja2 import DictLoader, UndefinedError

from landmark_fer.core import templates


@pytest.fixture
def environment(monkeypatch):
    """The Jinja2 environment of all templates, with two small ones added."""
    environment = templates._environment("landmark_fer.reports").overlay(
        loader=DictLoader({"a.html": "<p>{{ text }}</p>", "a.md": "# {{ text }}\n"})
    )
    monkeypatch.setattr(templates, "_environment", lambda package: environment)


def test_values_are_escaped_in_html_only(environment):
    assert templates.render_template("any", "a.html", text="<b>&") == "<p>&lt;b&gt;&amp;</p>"
    assert templates.render_template("any", "a.md", text="<b>&") == "# <b>&\n"


def test_a_missing_variable_is_an_error(environment):
    with pytest.raises(UndefinedError, match="'text' is undefined"):
        templates.render_template("any", "a.html")
