"""The explorer's other pages in a real browser: neighbours, odd ones, runs, comparison, phone, keys, safety."""

from __future__ import annotations

import io

from exploring import Visitor
from PIL import Image

WHERE = (
    "#map?run=first&image=test:3", "#neighbours?run=first&second=second&image=test:3", "#odd?run=first&split=train",
    "#runs", "#run?run=first", "#compare?run=first&second=second",
)  # fmt: skip


def png(size: int = 40) -> bytes:
    """A picture of the reader's own."""
    made = io.BytesIO()
    Image.linear_gradient("L").resize((size, size)).convert("RGB").save(made, "PNG")
    return made.getvalue()


def test_neighbours_side_by_side_with_what_they_share(visitor) -> None:
    visitor.visit("#neighbours?run=first&second=second&split=test&image=test:3&k=6")
    page = visitor.page
    page.wait_for_selector(".lists [data-run=second]")
    one, two = (page.locator(f".lists [data-run={run}] .sheet").first for run in ("first", "second"))
    assert one.locator(".tile").count() == two.locator(".tile").count() == 6
    shared = one.locator(".shared img").evaluate_all("list => list.map(i => i.alt)")
    assert sorted(shared) == sorted(two.locator(".shared img").evaluate_all("list => list.map(i => i.alt)"))
    assert page.locator(".agreement").inner_text().strip().startswith(f"in both runs: {len(shared)} of 6")
    left, right = (page.locator(f".lists [data-run={run}]").bounding_box() for run in ("first", "second"))
    assert left["x"] + left["width"] <= right["x"]
    one.locator(".face").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    visitor.wait("!location.hash.includes('image=test:3&')")
    page.wait_for_selector(".lists [data-run=second]")


def test_upload_finds_neighbours_in_both_runs(visitor) -> None:
    visitor.visit("#neighbours?run=first&second=second&split=test")
    assert visitor.page.locator(".sheet .tile").count() > 10
    visitor.page.set_input_files("#upload", {"name": "mine.png", "mimeType": "image/png", "buffer": png()})
    visitor.page.wait_for_selector(".lists [data-run=second]")
    assert visitor.page.locator(".lists [data-run=first] .tile").count() == 24
    visitor.page.set_input_files("#upload", {"name": "not.png", "mimeType": "image/png", "buffer": b"no image"})
    visitor.wait("document.querySelector('.found .state-title')?.innerText === 'No neighbours to show'")
    visitor.forgive(400)


def test_odd_ones_are_walked_through_selected_and_exported(visitor) -> None:
    visitor.visit("#odd?run=first&split=train")
    page = visitor.page
    page.wait_for_selector(".sheet .tile", timeout=60_000)
    page.locator(".face").first.focus()
    for key in ("Space", "ArrowRight", "Space", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_selector(".panel .detail")
    assert page.locator(".bar strong").inner_text() == "2 selected"
    page.keyboard.press("End")
    visitor.settle()
    last = page.locator(".face").last
    assert last.evaluate("face => face === document.activeElement")
    assert page.locator(".panel .detail .hint").inner_text() in last.locator("img").get_attribute("alt")
    rows = visitor.download(page.locator(".bar").get_by_text("Export CSV").click).read_text("utf-8").splitlines()
    assert len(rows) == 3
    page.get_by_text("On the map").click()
    visitor.wait("document.querySelector('.selection')?.innerText.startsWith('2 selected')")


def test_every_kind_of_odd_ones_is_a_sheet_or_says_that_there_is_none(visitor) -> None:
    for kind in ("anomalies", "hubs", "duplicates", "confusions"):
        visitor.visit(f"#odd?run=first&split=train&kind={kind}")
        visitor.page.wait_for_selector(".groups .tile, .groups .state", timeout=60_000)
        assert visitor.page.locator(".chips [aria-pressed=true]").get_attribute("data-key") == kind
        said = visitor.page.locator(".groups").inner_text()
        assert visitor.page.locator(".groups .tile").count() or "None found" in said


def test_runs_show_scores_states_and_losses(visitor) -> None:
    visitor.visit("#runs")
    page = visitor.page
    assert page.locator(".card").count() == 5
    card = page.locator(".card[data-run=first]")
    assert "%" in card.locator(".value").first.inner_text()
    assert card.locator(".badge").inner_text() == "finished"
    page.locator(".card[data-run=broken] .chart").first.wait_for()
    card.locator("h2 a").click()
    visitor.wait("document.querySelectorAll('.page-run .chart').length >= 2")
    assert page.locator(".page-run .chart polyline").first.evaluate("line => line.getTotalLength()") > 100
    assert "[40.0, 80.0]" in page.locator(".page-run table tbody tr").first.inner_text()
    assert "rank 9 (threshold 2): ok" in page.locator(".page-run .evidence").inner_text()


def test_two_runs_are_compared(visitor) -> None:
    visitor.visit("#compare?run=first&second=second&split=train")
    page = visitor.page
    page.wait_for_selector("section .sheet .tile", timeout=60_000)
    assert page.locator("table tbody tr").count() >= 1
    assert "% are the same in both runs" in page.locator("section .says").inner_text()
    assert [painted > 150 for painted, _ in visitor.painted()] == [True, True]
    shares = page.locator("section .sheet .line:first-of-type").all_inner_texts()
    assert [int(text.split()[0]) for text in shares] == sorted(int(text.split()[0]) for text in shares)
    page.locator("section .sheet .face").first.focus()
    assert min(visitor.rings()) > 10
    page.keyboard.press("Enter")
    page.wait_for_selector(".found .lists [data-run=second] .tile")


def test_everything_can_be_reached_by_tab(visitor) -> None:
    seen = []
    for _ in range(40):
        visitor.page.keyboard.press("Tab")
        seen.append(visitor.page.evaluate("document.activeElement.tagName + '.' + document.activeElement.className"))
        if seen[-1] == "CANVAS.overlay":
            break
    assert seen[0] == "A.skip"
    assert seen[-1] == "CANVAS.overlay"
    assert "SELECT." in seen
    outline = visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    visitor.page.keyboard.press("?")
    assert "Shift + arrows" in visitor.page.locator("dialog").inner_text()
    visitor.page.keyboard.press("Escape")
    visitor.page.locator("dialog").wait_for(state="detached")
    assert visitor.page.locator("dialog").count() == 0


def test_phone_is_narrow_dark_and_complete(browser, explored: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
    visitor = Visitor(browser, explored, "#map?run=first&split=test", color_scheme="dark", **phone)
    page = visitor.page
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(227, 229, 233)"
    assert visitor.painted()[0][0] > 500
    for where in WHERE:
        visitor.visit(where)
        visitor.settle()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, where
    assert visitor.complaints == []
    visitor.context.close()


def test_images_have_texts_and_names_are_never_markup(visitor) -> None:
    visitor.visit("#neighbours?run=first&split=test&image=test:3")
    visitor.page.wait_for_selector(".lists .tile")
    alts = visitor.page.locator("img").evaluate_all("list => list.map(image => image.alt)")
    assert all("test image" in alt for alt in alts)
    policy = visitor.page.request.get(visitor.server).headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy
    assert "default-src 'none'" in policy
