"""Opened: a page in a browser, and what the browser complained of or asked for."""

from __future__ import annotations

PIXELS = """canvas => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  let painted = 0;
  for (let k = 0; k < data.length; k += 4)
    if (data[k + 3] > 200) { painted++; seen.add(data[k] << 16 | data[k + 1] << 8 | data[k + 2]); }
  return [painted, seen.size];
}"""


class Opened:
    """An opened page, and what its browser complained of or asked for."""

    def __init__(self, browser, address: str, **context: object) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self._hear(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]", timeout=60_000)

    def _hear(self, text: str) -> None:
        """Keep what the console says, but for its advice on the tests' own reading of canvases."""
        if "willReadFrequently" not in text:
            self.complaints.append(text)
