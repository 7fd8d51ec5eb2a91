"""The page's files, and the page in a real browser; boxes are compared with the recognizer's."""

import base64
import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
import pytest

from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.drawing import labels
from landmark_fer.drawing.overlay_options import browser_options
from landmark_fer.live.sources.opening import open_source
from landmark_fer.live.web.application import ROUTES
from landmark_fer.live.web.site import CONTENT_TYPES, read_pages
from landmark_fer.perception.images import read_image
from tests.live.web.client import TOKEN, as_file, live_server
from tools.browser import chromium, find_chromium

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "landmark_fer" / "live" / "web" / "page"
needs_chromium = pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed")

# Stores the last frame that was sent, and its response.
SPY = """
window.spied = {};
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (data instanceof Blob) spied.sent = data;
  if (!this.spied) {
    this.spied = true;
    this.addEventListener("message", ({ data }) => {
      if (typeof data === "string") Object.assign(spied, { response: JSON.parse(data), frame: spied.sent });
    });
  }
  return send.call(this, data);
};
"""
LAST_PAIR = """(async () => {
  const { response, frame } = spied;
  const bytes = new Uint8Array(await frame.arrayBuffer());
  return { response, frame: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
})()"""

# The outermost columns and rows of the overlay that have the expression's colour, in shares of the canvas.
OUTLINE = """(async () => {
  const facts = await (await fetch("/page/facts.json")).json();
  const canvas = document.getElementById("overlay");
  const { width, height } = canvas;
  const colour = facts.colours[spied.response.faces[0].expression];
  const rgb = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  const columns = [], rows = [];
  let painted = 0;
  for (let at = 0; at < data.length; at += 4) {
    painted += data[at + 3] > 0;
    if (data[at + 3] < 250 || rgb.some((value, channel) => Math.abs(data[at + channel] - value) > 3)) continue;
    columns.push((at / 4) % width);
    rows.push(Math.floor(at / 4 / width));
  }
  return { left: Math.min(...columns) / width, right: (Math.max(...columns) + 1) / width,
    bottom: (Math.max(...rows) + 1) / height, painted };
})()"""

# Draws faces with the given boxes on a canvas of some width over an image of 640x480. Returns the filled rectangles in
# CSS pixels, the sizes of the fonts, and the texts.
DRAWN_OVER = """(async (boxes, width, label = "surprise") => {
  const { drawResponse } = await import("/page/drawing.js");
  const facts = await (await fetch("/page/facts.json")).json();
  const canvas = document.body.appendChild(document.createElement("canvas"));
  Object.assign(canvas.style, { width: `${width}px`, height: `${0.75 * width}px` });
  const drawn = [], fonts = [], texts = [], pen = canvas.getContext("2d");
  const { fill, roundRect, fillText } = pen;
  let last;
  pen.roundRect = (...sides) => { last = sides; roundRect.apply(pen, sides); };
  pen.fill = () => {
    const sides = last?.slice(0, 4).map((side) => side / devicePixelRatio);
    if (last) drawn.push({ sides, bars: pen.fillStyle.startsWith("rgba") });
    last = null;
    fill.apply(pen);
  };
  pen.fillText = (...text) => {
    texts.push(text[0]);
    fonts.push(parseFloat(pen.font.match(/[\\d.]+(?=px)/)[0]) / devicePixelRatio);
    fillText.apply(pen, text);
  };
  const probabilities = Object.fromEntries(facts.classes.map((name) => [name, 1 / facts.classes.length]));
  const expression = label.split(" or ")[0];
  const names = { label, expression, likeliest: expression };
  const faces = boxes.map(([x, y, width, height], at) =>
    ({ track_id: at + 1, box: { x, y, width, height }, landmarks: [], confidence: 0.72, probabilities, ...names }));
  drawResponse(canvas, { width: 640, height: 480, faces }, facts, { box: true, label: true, bars: true });
  canvas.remove();
  return { drawn, fonts, texts };
})"""
GRID = [[20 + 210 * column, 60 + 220 * row, 110, 110] for row in range(2) for column in range(3)]
CROWDS = {  # boxes of faces, and the number that has room for bars at least
    "alone": ([[240, 130, 150, 150]], 1),
    "one at the right edge": ([[168, 130, 150, 150], [545, 165, 150, 130]], 2),
    "side by side": ([[80, 120, 140, 140], [240, 120, 140, 140], [400, 120, 140, 140]], 3),
    "one above the other": ([[40, 60, 120, 120], [60, 290, 120, 120]], 2),
    "as large as the image": ([[20, 20, 600, 440]], 0),
    "six": (GRID, 4),
    "twenty small": ([[30 + 120 * (n % 5), 50 + 110 * (n // 5), 50, 50] for n in range(20)], 0),
}

# Controls and texts, as rectangles.
RECTANGLES = """[
  ...document.querySelectorAll("button, select, label, h1, h2, h3, #chart, .status, .legend, .bar, summary, .notice")]
  .filter((element) => element.checkVisibility() && !element.closest(".cover[hidden]"))
  .map((element) => ({ text: element.textContent.trim().slice(0, 30), ...element.getBoundingClientRect().toJSON() }))"""


@pytest.fixture(scope="session")
def off_centre(astronaut):
    """The astronaut at the left of an image of 640x480, so that mirroring is visible."""
    image = np.full((480, 640, 3), 200, np.uint8)
    image[90:390, :512] = astronaut[:300]
    return image


@pytest.fixture(scope="module")
def camera_file(tmp_path_factory, off_centre):
    path = tmp_path_factory.mktemp("camera") / "clip.mjpeg"
    frame = cv2.imencode(".jpg", off_centre[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    path.write_bytes(frame * 10)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory, camera_file):
    with chromium(tmp_path_factory.mktemp("profile"), camera=camera_file) as page:
        page.before_each_page(SPY)
        yield page


def start_camera(page, server):
    page.open(server.url)
    page.until("document.getElementById('start').checkVisibility() && spied && document.querySelector('#legend li')")
    page.run("document.getElementById('start').click()")
    page.until("spied.response?.faces?.length && document.querySelector('.face h3')", seconds=120)


def last_pair(page):
    """Return the last response and its image."""
    pair = page.run(LAST_PAIR)
    return pair["response"], read_image(base64.b64decode(pair["frame"]))


def test_the_page_uses_no_other_site():
    for path in PAGE.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "").replace("https:// pages", "")
        assert "//" not in "".join(line.split("// ")[0] for line in text.splitlines()).replace("data://", ""), path.name
        assert " style=" not in text and "<script>" not in text and "onclick" not in text, path.name


def test_labels_have_the_same_costs_as_in_the_window():
    text = (PAGE / "drawing.js").read_text(encoding="utf-8")
    sides = re.search(r"const LABEL_SIDES = \{(.*?)\}", text)[1]
    assert {name: float(cost) for name, cost in re.findall(r"(\w+): ([\d.]+)", sides)} == labels.LABEL_SIDES
    for name in ("COST_OF_OTHERS", "COST_OF_SHORT", "COST_OF_CUT", "STEADY"):
        assert float(re.search(rf"const {name} = ([\d.]+);", text)[1]) == getattr(labels, f"_{name}")


def test_every_file_is_served_with_its_type(server):
    pages = read_pages(ROUTES)
    assert {f"/page/{path.name}" for path in PAGE.iterdir()} <= set(pages)
    for address, (content, content_type) in pages.items():
        response = server.request(address)
        assert (response.status, response.content) == (200, content)
        assert response.headers["content-type"] == content_type and content_type in CONTENT_TYPES.values()


def test_every_file_is_packaged():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (package,) = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert PAGE.is_relative_to(ROOT / package)
    tracked = subprocess.run(["git", "ls-files", PAGE], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {path.name for path in PAGE.iterdir()} == {Path(line).name for line in tracked.splitlines()}


def test_the_page_gets_expressions_colours_and_options(server, recognizer):
    facts = server.request("/page/facts.json").json
    assert facts["classes"] == list(recognizer.classes) == [name for name in EXPRESSIONS if name in facts["classes"]]
    assert facts["colours"]["happy"] == "#f0e442" and facts["colours"]["uncertain"] == "#808080"
    assert sorted(point for group in facts["groups"] for point in group["points"]) == list(range(68))
    assert facts["details"] == {"model": "bundled"}
    assert facts["options"] == browser_options()


@needs_chromium
def test_boxes_fit_the_face_in_the_visitors_camera(page, server, recognizer, off_centre):
    start_camera(page, server)
    response, image = last_pair(page)
    (face,), own = response["faces"], recognizer.recognize(image)[0]
    assert image.shape == off_centre.shape
    np.testing.assert_allclose(face["landmarks"], own.face.landmarks, atol=0.01)
    assert face["box"]["x"] == pytest.approx(own.face.box.x, abs=0.01)
    assert own.face.box.overlap(recognizer.recognize(off_centre)[0].face.box) > 0.8
    page.run("document.getElementById('bars').click(); document.getElementById('landmarks').click()")
    outline = page.run(OUTLINE)
    assert outline["left"] == pytest.approx(1 - (own.face.box.x + own.face.box.width) / 640, abs=0.012)  # mirrored
    assert outline["bottom"] == pytest.approx((own.face.box.y + own.face.box.height) / 480, abs=0.012)
    page.run("document.getElementById('mirror').click()")
    plain = page.run(OUTLINE)
    assert plain["left"] == pytest.approx(own.face.box.x / 640, abs=0.012)
    page.run("document.getElementById('landmarks').click()")
    assert page.run(OUTLINE)["painted"] > plain["painted"]
    assert page.complaints == []


@needs_chromium
def test_chart_and_texts_follow_the_camera(page, server):
    start_camera(page, server)
    chart = "document.getElementById('chart').toDataURL()"
    before = crc32(page.run(chart).encode())
    page.until("document.getElementById('chart').getAttribute('aria-label').includes('face 1')", seconds=120)
    assert crc32(page.run(chart).encode()) != before
    response, _ = last_pair(page)
    shown = page.run("document.querySelector('.face h3').textContent")
    assert response["faces"][0]["expression"] in shown
    assert "frames/s, delay" in page.until("document.querySelector('.running #status-text')?.textContent", seconds=120)
    assert "face 1" in page.until("document.getElementById('announcement').textContent")
    assert "face 1" in page.until("document.getElementById('overlay').getAttribute('aria-label')")
    assert page.complaints == []


@needs_chromium
def test_stopping_releases_the_camera_and_the_server(page, server):
    start_camera(page, server)
    page.run("document.getElementById('stop').click()")
    assert page.run("document.getElementById('video').srcObject") is None
    assert page.run("document.getElementById('cover').checkVisibility()")
    assert page.run("document.querySelector('.none').checkVisibility()")
    assert page.run("document.querySelector('.none').textContent") == "no image", "the server looked at none"
    deadline = time.monotonic() + 60
    while server.request("/v1/health").json["visitors"]:
        assert time.monotonic() < deadline
    page.run("document.getElementById('start').click()")
    page.until("document.querySelector('.face h3')", seconds=120)
    assert page.complaints == []


@needs_chromium
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width, height", [(375, 812), (320, 640), (812, 375), (1280, 900), (1920, 1080)])
def test_elements_fit_the_page_and_do_not_overlap(page, server, width, height, dark):
    page.resize(width, height, phone=width < 900, dark=dark)
    start_camera(page, server)
    assert page.check_rectangles(RECTANGLES, width) > 15
    assert page.complaints == []


@needs_chromium
@pytest.mark.parametrize("boxes, at_least", CROWDS.values(), ids=CROWDS)
def test_bars_leave_the_image_to_be_seen(page, server, boxes, at_least):
    page.open(server.url)
    for width in (640, 1180, 345):
        result = page.run(f"{DRAWN_OVER}({json.dumps(boxes)}, {width})")
        bars = check_bars(result, boxes, width)
        numbers = [text for text in result["texts"] if text.isdecimal()]
        assert len(set(numbers)) == len(numbers) == (len(bars) if len(boxes) > 1 else 0), "each panel names its face"
        assert at_least <= len(bars) <= len(boxes) or width == 345


@needs_chromium
@pytest.mark.parametrize("box", [[0, 0, 150, 150], [240, 4, 150, 150], [490, -20, 150, 150], [200, 0, 430, 430]])
def test_a_label_leaves_its_face_to_be_seen(page, server, box):
    page.open(server.url)
    result = page.run(f"{DRAWN_OVER}({json.dumps([box])}, 640)")
    x, y, across, down = next(rectangle["sides"] for rectangle in result["drawn"] if not rectangle["bars"])
    left, top, wide, high = box
    shared = [
        max(0, min(x + across, left + wide) - max(x, left)),
        max(0, min(y + down, top + high) - max(y, top)),
    ]
    assert 0 <= y <= 480 - down and shared[0] * shared[1] <= 0.25 * across * down


@needs_chromium
def test_bars_stay_where_they_are_next_to_a_face_that_sways(page, server):
    page.open(server.url)
    xs = [*([260] * 30), *([240] * 30)] * 2
    draw_all = f"for (const x of {xs}) all.push(await {DRAWN_OVER}([[x, 200, 170, 170]], 362));"
    drawn = page.run(f"(async () => {{ const all = []; {draw_all} return all; }})()")
    seen = set()
    for x, result in zip(xs, drawn, strict=True):
        (bars,) = [rectangle["sides"] for rectangle in result["drawn"] if rectangle["bars"]]
        seen.add((bars[0] < 362 * x / 640, bars[3]))
    assert len(seen) == 1


@needs_chromium
def test_a_short_label_has_both_names(page, server):
    page.open(server.url)
    result = page.run(f"{DRAWN_OVER}([[200, 200, 150, 150]], 160, 'neutral or sad')")
    assert [text for text in result["texts"] if " or " in text] == ["1  neutral or sad"]


def check_bars(result, boxes, width):
    """Check that bars cover at most a fifth of an image and no face, no label and no other bars; return them."""
    scale, height = width / 640, 0.75 * width
    bars = [rectangle["sides"] for rectangle in result["drawn"] if rectangle["bars"]]
    labels = [rectangle["sides"] for rectangle in result["drawn"] if not rectangle["bars"]]
    others = [[scale * side for side in box] for box in boxes] + labels
    for index, (x, y, across, down) in enumerate(bars):
        assert x >= 0 and y >= 0 and x + across <= width and y + down <= height
        for left, top, wide, high in others + bars[:index]:
            assert x + across <= left or left + wide <= x or y + down <= top or top + high <= y
    assert sum(across * down for _, _, across, down in bars) <= 0.2 * width * height
    assert min(result["fonts"]) >= 13
    return bars


@needs_chromium
def test_keys_and_a_tap_show_details_and_switch_options(page, server):
    start_camera(page, server)
    shown = "document.querySelector('dl.details')?.checkVisibility()"
    hint = "document.getElementById('hint').checkVisibility() && document.getElementById('hint').textContent"
    assert "l landmarks" in page.until(hint) and "d details" in page.run(hint)
    assert not page.run(shown)
    page.press("d", text="d")
    page.until(shown)
    rows = dict(
        zip(
            *page.run(
                "['dt', 'dd'].map((tag) => [...document.querySelectorAll(`dl.details ${tag}`)]"
                ".map((each) => each.textContent))"
            ),
            strict=True,
        )
    )
    assert rows["size"].endswith(" px") and set(rows) >= {"yaw pitch roll", "sharpness", "mouth opening"}
    assert page.check_rectangles(RECTANGLES.replace(".bar,", ".bar, dl.details,"), 1280) > 15
    page.run("document.getElementById('overlay').click()")
    page.until(f"!{shown}")
    for key, name in (("l", "landmarks"), ("b", "bars"), ("m", "mirror")):
        before = page.run(f"document.getElementById('{name}').checked")
        page.press(key, text=key)
        assert page.run(f"document.getElementById('{name}').checked") is not before
    page.until(f"!({hint})")
    page.press("h", text="h")
    assert page.until(hint)
    page.press(" ", text=" ")
    page.until("document.getElementById('cover').checkVisibility()")
    assert not page.run(hint)
    assert page.complaints == []


@needs_chromium
@pytest.mark.parametrize("width", [375, 1280])
def test_details_of_several_faces_do_not_overlap(page, server, width):
    page.resize(width, 900, phone=width < 900)
    start_camera(page, server)
    page.press("d", text="d")
    page.until("document.querySelector('dl.details')?.checkVisibility()")
    copy = "document.getElementById('faces').append(document.querySelector('.face').cloneNode(true))"
    page.run(f"for (let n = 0; n < 3; n++) {copy}")
    inside = RECTANGLES.replace(".bar,", ".bar, dl.details dt, dl.details dd,")
    assert page.check_rectangles(inside, width) > 15


@needs_chromium
@pytest.mark.parametrize(
    ("tops", "at_top"), [((100,), False), ((300,), True), ((0, 300), False)], ids=["middle", "bottom", "both"]
)
def test_the_keys_are_named_where_no_face_is(page, server, tops, at_top):
    page.open(server.url)
    faces = json.dumps([{"box": {"x": 50, "y": y, "width": 150, "height": 150}} for y in tops])
    page.run(
        "import('/page/status.js').then(({ Hint, byId }) => new Hint(byId('hint')).show(['h'], "
        f"{{ height: 480, faces: {faces} }}))"
    )
    assert page.run("document.getElementById('hint').classList.contains('at-top')") is at_top


@needs_chromium
def test_the_key_e_shows_why_next_to_the_image(page, server):
    start_camera(page, server)
    assert page.run("spied.response.faces[0].explanation") is None
    overlay = page.run(OUTLINE)
    page.press("e", text="e")
    page.until("document.querySelector('.explanation')?.checkVisibility()")
    explanation = page.run("spied.response.faces[0].explanation")
    title, *cues = page.run("document.querySelector('.explanation').innerText").split("\n")
    assert title.lower() == explanation["title"] and explanation["cues"][0]["words"] in cues
    side = page.until("(({ width, height }) => width === 96 && height)(document.querySelector('.explanation canvas'))")
    assert side == 96 and page.run("document.querySelector('.explanation canvas').classList.contains('mirrored')")
    assert page.run(OUTLINE) == overlay, "nothing more covers the image"
    inside = RECTANGLES.replace(".bar,", ".bar, .explanation li, .explanation canvas,")
    for width in (1280, 375):
        page.resize(width, 812, phone=width < 900)
        assert page.check_rectangles(inside, width) > 15
    page.press("e", text="e")
    page.until("!document.querySelector('.explanation').checkVisibility()")
    page.until("spied.response.faces[0].explanation === null")
    assert page.complaints == []


@needs_chromium
def test_the_last_image_of_a_source_stays(page, make_reader, recognizer, astronaut, tmp_path):
    (tmp_path / "1.png").write_bytes(as_file(astronaut, "PNG"))
    with open_source(tmp_path) as source, live_server(make_reader, source=source, classes=recognizer.classes) as client:
        page.open(client.url)
        page.until("document.querySelector('.cover.ended')?.checkVisibility()", seconds=120)
        for width in (1280, 360):
            page.resize(width, 640, phone=width < 900)
            assert page.run("document.getElementById('status-text').textContent") == "The source has ended."
            cover, stage = (
                page.run(f"document.getElementById('{name}').getBoundingClientRect().height")
                for name in ("cover", "stage")
            )
            assert cover < 0.2 * stage and not page.run("document.getElementById('stop').checkVisibility()")
            assert page.run("document.getElementById('image').width") == 512
            assert page.run("document.querySelector('.face h3').checkVisibility()")
            page.press(" ", text=" ")  # once more: the server has no other image
            page.until("document.querySelector('.cover.ended').checkVisibility()")
        assert client.request("/v1/health").json["visitors"] == 0
        assert page.complaints == []


@needs_chromium
def test_the_keyboard_reaches_all_controls(page, server):
    start_camera(page, server)
    page.run("document.activeElement.blur()")
    reached = []
    for _ in range(10):
        page.press("Tab")
        reached.append(page.run("document.activeElement.id || document.activeElement.tagName"))
    assert {"landmarks", "bars", "mirror", "stop", "SUMMARY"} <= set(reached)


@needs_chromium
def test_the_servers_source_is_shown(page, make_reader, recognizer):
    with (
        open_source("demo") as source,
        live_server(make_reader, source=source, classes=recognizer.classes) as client,
    ):
        page.open(client.url)
        page.until("document.querySelector('.face h3')", seconds=120)
        assert page.run("document.querySelector('input[name=mode]:checked').value") == "source"
        size = page.run("[document.getElementById('image').width, document.getElementById('image').height]")
        assert size == [640, 480]
        outline = page.run(OUTLINE)
        box = page.run("spied.response.faces[0].box")
        assert outline["left"] == pytest.approx(box["x"] / 640, abs=0.06)  # the clip moves on meanwhile
        page.run("document.querySelector('input[value=camera]').click()")
        assert page.run("document.getElementById('start').checkVisibility()")
        assert page.complaints == []


@needs_chromium
def test_a_lost_server_is_reported_and_can_be_started_again(page, make_reader, recognizer):
    with live_server(make_reader, classes=recognizer.classes) as client:
        start_camera(page, client)
    page.until("document.getElementById('cover-text').textContent.includes('server')")
    assert page.run("document.getElementById('start').checkVisibility()")


@needs_chromium
def test_the_token_form_works_and_hides_the_token_from_scripts(page, make_reader, recognizer):
    with live_server(make_reader, classes=recognizer.classes, token=TOKEN) as client:
        page.open(client.url)
        page.leave("document.getElementById('token').value = 'wrong-token'; document.forms[0].requestSubmit()")
        page.until("document.getElementById('message')?.textContent.includes('token is wrong')")
        page.leave(f"document.getElementById('token').value = '{TOKEN}'; document.forms[0].requestSubmit()")
        page.until("document.getElementById('start')?.checkVisibility()")
        assert page.run("document.cookie") == ""
        page.complaints.clear()
        start_camera(page, client)
        assert page.complaints == []


@needs_chromium
def test_the_api_page_shows_the_description(page, server):
    page.open(server.url + "docs")
    page.until("document.querySelectorAll('#operations section').length >= 8")
    text = page.run("document.body.innerText")
    operations = ("POST /v1/recognize", "GET /v1/health", "GET /v1/watch")
    for word in (*operations, "time_s", "probabilities", "landmarks", "curl --data-binary"):
        assert word in text
    assert page.complaints == []


@needs_chromium
@pytest.mark.slow
def test_a_missing_camera_is_reported(tmp_path, server):
    with chromium(tmp_path / "profile", devices=0) as page:
        page.open(server.url)
        page.until("document.getElementById('start').checkVisibility() && document.querySelector('#legend li')")
        page.run("document.getElementById('start').click()")
        page.until("document.getElementById('cover-text').textContent.includes('No camera was found')")
        assert page.run("document.getElementById('start').checkVisibility()")


def test_ctrl_c_ends_the_server_with_status_0():
    code = (
        "from landmark_fer.live.web.server import serve\n"
        "serve(None, address='127.0.0.1:0', on_ready=lambda url: print(url, flush=True))\n"
        "print('ended')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        url = process.stdout.readline().strip()
        assert json.loads(_fetch(url + "v1/health"))["status"] == "ok"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=120)[0] == "ended\n"
        assert process.returncode == 0
    finally:
        process.kill()


def _fetch(url):
    """Return the body of a response."""
    from urllib.request import urlopen

    with urlopen(url, timeout=60) as response:
        return response.read()
