"""Markup: plain text cannot become an element or leave an attribute."""

from __future__ import annotations

from kinfolk.report.markup import grid, join, tag


def test_texts_are_escaped_and_elements_are_kept() -> None:
    assert tag("p", "a < b & c", tag("b", "<i>")) == "<p>a &lt; b &amp; c<b>&lt;i&gt;</b></p>"
    assert join(["<", None, [tag("br"), 3]]) == "&lt;<br>3"


def test_attributes_are_escaped_named_and_left_out() -> None:
    made = tag("a", href='"><script>', class_="x", aria_label="l", hidden=True, title=None, open=False)
    assert made == '<a href="&quot;&gt;&lt;script&gt;" class="x" aria-label="l" hidden></a>'


def test_grid_names_rows_and_columns() -> None:
    made = grid(["k", "v"], [["<a>", "1"], ["b", tag("td", "2", class_="c")]], "label", "caption")
    assert '<th scope="row">&lt;a&gt;</th><td>1</td>' in made
    assert '<td class="c">2</td>' in made
    assert "<caption>caption</caption>" in made
    assert 'aria-label="label"' in made
