"""The explorer's map in a real browser: drawn, pointed at, walked over, lassoed, filtered, and kept in its address."""

from __future__ import annotations

import numpy as np
import pytest
from exploring import CLASSES

RIGHT_HALF = [(0.5, 0.01), (0.99, 0.01), (0.99, 0.9), (0.5, 0.9)]
IMAGES = 160  # of the training split


def lasso(visitor, corners: list[tuple[float, float]], place: int = 0) -> None:
    """Drag around part of a map with Shift."""
    page = visitor.page
    box = page.locator(".map .overlay").nth(place).bounding_box()
    at = [(box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in corners]
    page.mouse.move(*at[0])
    page.keyboard.down("Shift")
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")


def walk(visitor, steps: int = 1) -> str:
    """Go to a point by keyboard; what is said of it."""
    visitor.page.locator(".map .overlay").first.focus()
    for _ in range(steps):
        visitor.page.keyboard.press("ArrowRight")
    return visitor.page.locator(".tip").first.inner_text()


def test_first_view_needs_no_choice(visitor) -> None:
    assert visitor.page.locator(".maps figure").count() == 1
    painted, colours = visitor.painted()[0]
    assert painted > 500
    assert colours >= 10
    assert visitor.page.locator(".legend button").count() == 10


def test_twelve_maps_are_all_drawn_on_the_screen(visitor) -> None:
    visitor.visit("#map?run=first&second=*&split=test&maps=pca,tsne,laplacian,umap")
    found = visitor.painted()
    assert len(found) == 12
    for painted, colours in found:
        assert painted > 400
        assert colours >= 10
    shown = [visitor.picture(".map", place) for place in (0, 1, 2, 5)]
    for one, other in zip(shown, shown[1:], strict=False):
        assert (np.abs(one - one[40, 3]).max(2) > 40).mean() > 0.01
        assert (np.abs(one - other).max(2) > 40).mean() > 0.01
    walk(visitor)
    assert min(visitor.rings()) > 10


def test_hover_shows_picture_class_number_and_scores(visitor) -> None:
    visitor.visit("#map?run=first&split=train&maps=pca")
    walk(visitor)
    visitor.wait("document.querySelector('.tip').innerText.includes('Anomaly')")
    lines = visitor.page.locator(".tip").inner_text().split("\n")
    assert lines[0] in CLASSES
    assert lines[1].startswith("train image ")
    assert any(line.startswith("Anomaly 0") for line in lines)
    tip = visitor.page.locator(".tip img")
    visitor.wait("document.querySelector('.tip img').naturalWidth > 0")
    assert tip.get_attribute("alt") == f"{lines[0]}, {lines[1]}"
    card = visitor.page.locator(".tip").bounding_box()
    visitor.page.keyboard.press("Escape")
    visitor.page.mouse.move(card["x"] - 14, card["y"] + card["height"] / 2)
    assert visitor.page.locator(".tip").inner_text().split("\n")[:2] == lines[:2]
    visitor.page.mouse.move(2, 2)
    assert not visitor.page.locator(".tip").is_visible()


def test_click_shows_neighbours_of_two_runs_and_rings_them(visitor) -> None:
    visitor.visit("#map?run=first&second=second&split=train&maps=pca")
    walk(visitor)
    card = visitor.page.locator(".tip").first.bounding_box()
    visitor.page.mouse.click(card["x"] - 14, card["y"] + card["height"] / 2)
    visitor.wait("document.querySelectorAll('.panel .lists [data-run]').length === 2")
    assert visitor.page.locator(".panel [data-run=first] .tile").count() == 24
    assert visitor.page.locator(".panel .shared").count() % 2 == 0
    assert visitor.state["image"].startswith("train:")
    nearest = visitor.page.locator(".panel [data-run=first] .sheet").first
    similarities = [float(text) for text in nearest.locator(".line:first-of-type").all_inner_texts()]
    assert similarities == sorted(similarities, reverse=True)
    visitor.page.mouse.move(2, 2)
    assert min(visitor.rings()) > 200
    visitor.page.keyboard.press("Escape")
    assert "image" not in visitor.state
    assert visitor.rings() == [0, 0]


def test_keyboard_walks_zooms_opens_and_selects(visitor) -> None:
    visitor.visit("#map?run=first&split=train&maps=pca")
    points = ".map .points"
    whole = visitor.page.locator(points).evaluate("c => c.toDataURL()")
    one = walk(visitor)
    assert walk(visitor, 2) != one
    visitor.page.keyboard.press("Space")
    visitor.wait("document.querySelector('.selection')?.innerText.startsWith('1 selected')")
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_selector(".panel .tile")
    assert visitor.page.evaluate("document.activeElement.className") == "overlay"
    visitor.page.keyboard.press("Escape")
    assert visitor.page.locator(".panel .detail").count() == 0
    assert visitor.page.locator(".selection").count() == 1
    visitor.page.keyboard.press("Escape")
    assert visitor.page.locator(".selection").count() == 0
    visitor.page.keyboard.press("+")
    visitor.page.keyboard.press("Shift+ArrowLeft")
    visitor.wait("location.hash.includes('window=')")
    assert visitor.page.locator(points).evaluate("c => c.toDataURL()") != whole
    visitor.page.keyboard.press("0")
    visitor.wait("!location.hash.includes('window=')")
    assert visitor.page.locator(points).evaluate("c => c.toDataURL()") == whole


def test_lasso_selects_in_every_map_averages_and_exports(visitor, tmp_path) -> None:
    visitor.visit("#map?run=first&second=second&split=train&maps=pca")
    lasso(visitor, RIGHT_HALF)
    words = visitor.page.locator(".selection h2").inner_text()
    count = int(words.split()[0])
    assert 20 < count < IMAGES - 20
    assert visitor.state["lasso"].startswith("first/pca/")
    assert min(painted for painted, _ in visitor.painted()) > 100
    visitor.page.get_by_text("Neighbours of the mean").click()
    visitor.page.wait_for_selector(".selection [data-run=second] .tile")
    rows = visitor.download(visitor.page.get_by_text("Export CSV").click).read_text("utf-8").splitlines()
    assert len(rows) == count + 1
    assert {"path", "label", "split", "index"} <= set(rows[0].split(","))
    import pyarrow.parquet as pq

    table = pq.read_table(visitor.download(visitor.page.get_by_text("Parquet").click))
    assert table.num_rows == count
    address = visitor.page.url
    visitor.page.goto("about:blank")
    visitor.page.goto(address)
    visitor.page.wait_for_selector(".selection [data-run=second] .tile")
    assert visitor.page.locator(".selection h2").inner_text() == words


def test_colours_and_filters_are_in_the_address(visitor) -> None:
    visitor.visit("#map?run=first&split=train&maps=pca")
    before = visitor.picture(".map")
    visitor.wait("[...document.querySelectorAll('.tools option')].some(o => o.value === 'anomaly' && !o.disabled)")
    visitor.page.get_by_label("Colour").select_option("anomaly")
    visitor.page.wait_for_selector(".legend .ramp")
    assert (np.abs(visitor.picture(".map") - before).max(2) > 40).mean() > 0.003
    visitor.page.get_by_label("Show", exact=True).select_option("3")
    visitor.wait("document.querySelector('.counted').innerText.includes(' of 160 images')")
    shown = visitor.painted()[0][0]
    address = visitor.page.url
    visitor.page.goto("about:blank")
    visitor.page.goto(address)
    visitor.page.wait_for_selector(".legend .ramp")
    visitor.wait("document.querySelector('.counted').innerText.includes(' of 160 images')")
    assert visitor.painted()[0][0] == shown
    assert visitor.page.get_by_label("Show", exact=True).input_value() == "3"


def test_text_filter_asks_the_server(visitor) -> None:
    visitor.visit("#map?run=first&split=train&maps=pca")
    whole = visitor.painted()[0][0]
    visitor.page.get_by_placeholder("path or class").fill("seven")
    visitor.wait("document.querySelector('.counted').innerText.includes('shown')")
    assert 0 < visitor.painted()[0][0] < whole
    assert visitor.state["text"] == "seven"


def test_legend_hides_a_class(visitor) -> None:
    visitor.visit("#map?run=first&split=train&maps=pca")
    before = visitor.painted()[0][0]
    visitor.page.locator(".legend button").first.click()
    visitor.wait("location.hash.includes('hide=0')")
    assert visitor.painted()[0][0] < 0.97 * before


def test_a_map_that_is_not_there_can_be_drawn(visitor) -> None:
    visitor.visit("#map?run=first&split=train&maps=tsne")
    assert "No t-SNE map yet" in visitor.page.locator(".map").inner_text()
    visitor.page.locator(".map button").click()
    visitor.page.wait_for_selector(".map .points", timeout=60_000)
    visitor.forgive(404)
    assert visitor.painted()[0][0] > 150


def test_photos_without_labels_are_coloured_by_cluster(visitor) -> None:
    visitor.visit("#map?run=own&split=train&maps=pca")
    visitor.page.wait_for_selector(".legend button", timeout=60_000)
    assert visitor.painted()[0][0] > 100
    assert visitor.page.get_by_label("Show", exact=True).count() == 0
    assert walk(visitor).split("\n")[0] == "no class"


@pytest.mark.parametrize(
    "where", ["#map?run=broken", "#map?run=nobody", "#nowhere", "#neighbours?run=first&image=test:999999"]
)
def test_what_cannot_be_shown_says_what_to_do(where: str, visitor) -> None:
    visitor.visit(where)
    said = visitor.page.locator(".state").first.inner_text()
    assert len(said.split("\n")) >= 2
