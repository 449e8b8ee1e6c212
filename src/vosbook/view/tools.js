// The tools: what a press of pointer or key does, from `down` by `move` to `up`. `cancel` drops the press under way.

const DOUBLE_CLICK_MS = 400;
const DOUBLE_CLICK_PX = 6; // how far apart on the screen the two clicks may be; twice that for fingers
const FIRST_CORNER_PX = 14; // the same for a click on a polygon's first corner

const TOOLS = [
  ["brush", "b", "brush"],
  ["eraser", "e", "eraser"],
  ["polygon", "p", "polygon: click its corners, or draw its outline"],
  ["box", "g", "box: drag one around an object, and it is looked for inside (GrabCut); strokes of brush and eraser " +
    "made before it say what is the object, and what is not"],
  ["click", "c", "click: on an object to find it, on what is missing to add it, on what is too much to take it away"],
];

// A stroke of brush or eraser, by pointer or by keys.
function brushTool(painter, erases) {
  let [last, value] = [null, 0];
  return {
    hasRing: true,
    down(point) {
      value = (erases ? 0 : painter.object()) | SURE;
      painter.sheet.begin();
      last = point;
      painter.sheet.draw(paintLine, point, point, painter.radius(), value);
    },
    move(point) {
      painter.sheet.draw(paintLine, last, point, painter.radius(), value);
      last = point;
    },
    up() {
      painter.sheet.end();
      painter.changed();
    },
    cancel: () => painter.sheet.cancel(),
  };
}

// Corners one by one, closed by Enter, by a double click, or by a click on the first; or an outline in one stroke.
function polygonTool(painter) {
  let points = [];
  let owner = null; // the object that it is drawn for
  let [before, drawn] = [0, 0]; // points before this press, and those that its stroke has added
  let pressed = -Infinity; // when
  const near = (a, b, pixels) => Math.hypot(a[0] - b[0], a[1] - b[1]) * painter.scale() < pixels;
  const show = () => {
    painter.guide.line(points);
    painter.polygonIs(points.length, owner);
  };
  const reset = () => {
    [points, before, drawn] = [[], 0, 0];
    show();
    painter.keep();
  };
  const finish = () => {
    if (points.length < 3) return;
    painter.sheet.step(fillPolygon, points, owner | SURE);
    reset();
    painter.changed();
  };
  const closes = (point, event) => {
    const now = event?.timeStamp ?? performance.now();
    const isSecond = now - pressed < DOUBLE_CLICK_MS;
    pressed = now;
    const reach = event?.pointerType === "touch" ? 2 : 1;
    if (points.length > 2 && near(point, points[0], FIRST_CORNER_PX * reach)) return true;
    return isSecond && points.length && near(point, points.at(-1), DOUBLE_CLICK_PX * reach);
  };
  return {
    down(point, event) {
      [before, drawn] = [points.length, 0];
      if (closes(point, event)) return finish();
      if (!points.length) owner = painter.object();
      points.push(point);
      show();
    },
    move(point) {
      if (!points.length || near(point, points.at(-1), 3)) return;
      points.push(point);
      drawn++;
      show();
    },
    up: () => (drawn > 4 ? finish() : painter.keep()),
    cancel() {
      points.length = Math.min(points.length, before);
      show();
    },
    finish,
    reset,
    // Another tool or object was chosen: what can be closed is. Fewer corners stay, and are the chosen object's.
    settle() {
      finish();
      owner = painter.object();
    },
    // Takes the last corner back; false where there is none.
    back() {
      if (!points.pop()) return false;
      show();
      painter.keep();
      return true;
    },
    open: () => ({ points, owner }),
    reopen(kept) {
      ({ points, owner } = kept);
      show();
    },
  };
}

// A box, inside which Python looks for the object.
function boxTool(painter) {
  let [start, end] = [null, null];
  const reset = () => {
    [start, end] = [null, null];
    painter.guide.box(null);
  };
  return {
    down(point) {
      [start, end] = [point, point];
    },
    move(point) {
      end = point;
      painter.guide.box(start, end);
    },
    up() {
      const { left, top, right, bottom } = clipBox(boxAround([start, end], 0), painter.size);
      reset();
      painter.ask({ box: [left, top, right, bottom] });
    },
    cancel: reset,
  };
}

// A click, at which Python looks for the object; in what an earlier click found it says what does not belong to it.
function clickTool(painter) {
  let at = null;
  const middle = ([x, y]) => [Math.floor(x) + 0.5, Math.floor(y) + 0.5];
  const isInside = ([x, y]) => x >= 0 && y >= 0 && x < painter.size[1] && y < painter.size[0];
  return {
    down: (point) => (at = middle(point)),
    move() {},
    up() {
      if (!isInside(at)) return;
      const [x, y] = at.map(Math.floor);
      const pixel = painter.sheet.pixels[y * painter.size[1] + x];
      const away = labelOf(pixel) === painter.object();
      if (away && pixel & SURE) return painter.tell("this was painted, found in a box, or clicked on: use the eraser");
      painter.ask({ click: [x, y], away }, { point: at, value: (away ? 0 : painter.object()) | SURE });
    },
    cancel() {},
  };
}
