// The mask painter in the browser. It holds the labels and draws them; Python gets them after every stroke.
// Labels are Uint8Array, h*w long, row by row: 0 background, 1..254 objects. A point [x, y] is in pixels of the
// frame, and pixel i covers i..i+1, so that its centre is at i + 0.5. A box is {left, top, right, bottom}, its end
// excluded.

const STEPS = 100; // that can be undone
const MAX_ZOOM = 16;
const FIRST_KEYS = 9; // objects that have a key

// ------------------------------------------------------------------------------------------------- geometry

function clipBox({ left, top, right, bottom }, [height, width]) {
  const clamp = (value, high) => Math.min(high, Math.max(0, value));
  return {
    left: clamp(Math.floor(left), width), right: clamp(Math.ceil(right), width),
    top: clamp(Math.floor(top), height), bottom: clamp(Math.ceil(bottom), height),
  };
}

function boxAround(points, margin) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return {
    left: Math.min(...xs) - margin, right: Math.max(...xs) + margin,
    top: Math.min(...ys) - margin, bottom: Math.max(...ys) + margin,
  };
}

const boxOf = ([height, width]) => ({ left: 0, top: 0, right: width, bottom: height });

const union = (a, b) => a && {
  left: Math.min(a.left, b.left), right: Math.max(a.right, b.right),
  top: Math.min(a.top, b.top), bottom: Math.max(a.bottom, b.bottom),
} || b;

// Gives `id` to every pixel whose centre is at most `radius` from the line between two points. Returns their box.
function paintLine(labels, size, [ax, ay], [bx, by], radius, id) {
  const box = clipBox(boxAround([[ax, ay], [bx, by]], radius), size);
  const [dx, dy] = [bx - ax, by - ay];
  const length2 = dx * dx + dy * dy || 1;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
      const s = Math.min(1, Math.max(0, (px * dx + py * dy) / length2)); // place of the nearest point, from a to b
      if ((px - s * dx) ** 2 + (py - s * dy) ** 2 <= radius * radius) labels[y * size[1] + x] = id;
    }
  }
  return box;
}

// Gives `id` to every pixel whose centre lies inside the polygon (even-odd rule). Returns their box.
function fillPolygon(labels, size, points, id) {
  const box = clipBox(boxAround(points, 0), size);
  for (let y = box.top; y < box.bottom; y++) {
    const crossings = crossingsOfRow(points, y + 0.5);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const first = Math.max(box.left, Math.ceil(crossings[k] - 0.5));
      const end = Math.min(box.right, Math.ceil(crossings[k + 1] - 0.5));
      if (first < end) labels.fill(id, y * size[1] + first, y * size[1] + end);
    }
  }
  return box;
}

// Where a polygon's sides cross the height y, from left to right.
function crossingsOfRow(points, y) {
  const found = [];
  points.forEach(([ax, ay], k) => {
    const [bx, by] = points[(k + 1) % points.length];
    if (ay <= y !== by <= y) found.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
  });
  return found.sort((a, b) => a - b);
}

// --------------------------------------------------------------------------------------------------- labels

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const equalBytes = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

async function encodeLabels(labels) {
  const stream = new Blob([labels]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Pixels of each object, by id; that of the background is 0.
function countPixels(labels) {
  const counts = new Uint32Array(256);
  for (let i = 0; i < labels.length; i++) counts[labels[i]]++;
  return new Map([...counts.entries()].filter(([, count]) => count));
}

function cut(labels, width, { left, top, right, bottom }) {
  const part = new Uint8Array((right - left) * (bottom - top));
  for (let y = top; y < bottom; y++) {
    part.set(labels.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  }
  return part;
}

function paste(labels, width, part, { left, top, right, bottom }) {
  for (let y = top; y < bottom; y++) {
    labels.set(part.subarray((y - top) * (right - left), (y - top + 1) * (right - left)), y * width + left);
  }
}

// The labels with the steps that led to them. A step keeps what its box held before and after it.
function createSheet(size, onDraw) {
  const width = size[1];
  const labels = new Uint8Array(size[0] * width);
  const [done, undone] = [[], []];
  let [before, touched] = [null, null];
  const restore = (from, to, which) => {
    const step = from.pop();
    if (!step) return false;
    paste(labels, width, step[which], step.box);
    onDraw(labels, step.box);
    to.push(step);
    return true;
  };
  return {
    labels,
    // The labels to begin with: no step leads to them.
    open: (others) => onDraw(labels, replaceAll(labels, size, others)),
    begin() {
      before = labels.slice();
      touched = null;
    },
    // `change` is one of the functions above that paint; between `begin` and `end` there may be many.
    draw(change, ...args) {
      const box = change(labels, size, ...args);
      if (box.left >= box.right || box.top >= box.bottom) return;
      touched = union(touched, box);
      onDraw(labels, box);
    },
    end() {
      if (touched) {
        done.push({ box: touched, before: cut(before, width, touched), after: cut(labels, width, touched) });
        if (done.length > STEPS) done.shift();
        undone.length = 0;
      }
      before = null;
    },
    cancel() {
      if (touched) paste(labels, width, cut(before, width, touched), touched);
      if (touched) onDraw(labels, touched);
      before = null;
    },
    undo: () => restore(done, undone, "before"),
    redo: () => restore(undone, done, "after"),
    canUndo: () => done.length > 0,
    canRedo: () => undone.length > 0,
  };
}

const replaceAll = (labels, size, others) => (labels.set(others), boxOf(size));

function eraseObject(labels, size, id) {
  for (let i = 0; i < labels.length; i++) if (labels[i] === id) labels[i] = 0;
  return boxOf(size);
}

// ------------------------------------------------------------------------------------------------- painting

// Paints a box of the labels in their objects' colours. Opacity is the canvas's own, so it costs no painting.
function createLayerPainter(canvas, colours) {
  const context = canvas.getContext("2d");
  const table = new Uint32Array(256);
  const bytes = new Uint8Array(table.buffer);
  for (let id = 1; id < 256; id++) bytes.set([...colours[(id - 1) % colours.length], 255], 4 * id);
  return (labels, { left, top, right, bottom }) => {
    const image = new ImageData(right - left, bottom - top);
    const pixels = new Uint32Array(image.data.buffer);
    for (let y = top, k = 0; y < bottom; y++) {
      for (let x = left; x < right; x++, k++) pixels[k] = table[labels[y * canvas.width + x]];
    }
    context.putImageData(image, left, top);
  };
}

const SVG = "http://www.w3.org/2000/svg";

// Lines over the picture: what is being drawn, and the brush's ring. Each twice, dark below light.
function createGuide([height, width]) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  const twice = (tag) => ["vos-under", "vos-over"].map((name) => {
    const node = document.createElementNS(SVG, tag);
    node.setAttribute("class", name);
    svg.append(node);
    return node;
  });
  const [lines, rings] = [twice("path"), twice("circle")];
  return {
    svg,
    line(points, closed = false) {
      const d = points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("") + (closed ? "Z" : "");
      // A single corner is a line of no length, which round ends make a dot.
      for (const node of lines) node.setAttribute("d", points.length === 1 ? `${d}h0.01` : d);
      for (const node of lines) node.setAttribute("stroke-linecap", "round");
    },
    ring(point, radius) {
      for (const node of rings) {
        node.setAttribute("cx", point ? point[0] : 0);
        node.setAttribute("cy", point ? point[1] : 0);
        node.setAttribute("r", point ? radius : 0);
      }
    },
  };
}

// ---------------------------------------------------------------------------------------------------- tools

const TOOLS = [
  ["brush", "b", "brush"],
  ["eraser", "e", "eraser"],
  ["polygon", "p", "polygon: click its corners, or draw its outline"],
  ["box", "g", "box: drag one around an object, and it is looked for inside (GrabCut)"],
];

// A stroke of brush or eraser, by pointer or by keys.
function brushTool(painter, erases) {
  let last = null;
  const id = () => (erases ? 0 : painter.object());
  return {
    hasRing: true,
    down(point) {
      painter.sheet.begin();
      last = point;
      painter.sheet.draw(paintLine, point, point, painter.radius(), id());
    },
    move(point) {
      painter.sheet.draw(paintLine, last, point, painter.radius(), id());
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
  let drawn = 0; // points of the stroke in progress
  const near = (a, b, pixels) => Math.hypot(a[0] - b[0], a[1] - b[1]) * painter.scale() < pixels;
  const show = () => painter.guide.line(points);
  const reset = () => {
    [points, drawn] = [[], 0];
    show();
  };
  const finish = () => {
    if (points.length < 3) return;
    painter.sheet.begin();
    painter.sheet.draw(fillPolygon, points, painter.object());
    painter.sheet.end();
    reset();
    painter.changed();
  };
  return {
    down(point) {
      drawn = 0;
      if (points.length > 2 && near(point, points[0], 14)) return finish();
      if (points.length && near(point, points.at(-1), 6)) return finish();
      points.push(point);
      show();
    },
    move(point) {
      if (!points.length || near(point, points.at(-1), 3)) return;
      points.push(point);
      drawn++;
      show();
    },
    up: () => drawn > 4 && finish(),
    cancel: reset,
    finish,
    back() {
      points.pop();
      show();
    },
  };
}

// A box, inside which Python looks for the object.
function boxTool(painter) {
  let [start, end] = [null, null];
  const corners = ([ax, ay], [bx, by]) => [[ax, ay], [bx, ay], [bx, by], [ax, by]];
  const reset = () => {
    [start, end] = [null, null];
    painter.guide.line([]);
  };
  return {
    down(point) {
      [start, end] = [point, point];
    },
    move(point) {
      end = point;
      painter.guide.line(corners(start, end), true);
    },
    up() {
      const box = clipBox(boxAround([start, end], 0), painter.size);
      reset();
      painter.assist(box);
    },
    cancel: reset,
  };
}

// --------------------------------------------------------------------------------------------------- pointer

// Mouse, pen and finger draw; a second finger makes it a pinch, which moves and magnifies.
function listenForPointers(stage, view, pen) {
  const fingers = new Map();
  let pinch = null;
  const middle = () => {
    const [a, b] = [...fingers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
  };
  const place = (event) => ({ x: event.clientX, y: event.clientY });
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    if (fingers.size === 1) return pen.down(event);
    if (fingers.size !== 2) return;
    pen.cancel();
    pinch = { ...middle(), zoom: view.zoom() };
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return pen.hover(event);
    fingers.set(event.pointerId, place(event));
    if (!pinch) return pen.move(event);
    const now = middle();
    if (fingers.size === 2) view.set(pinch.zoom * now.apart / pinch.apart, now, { x: now.x - pinch.x, y: now.y - pinch.y });
    [pinch.x, pinch.y] = [now.x, now.y];
  });
  const lift = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (!pinch) event.type === "pointerup" ? pen.up(event) : pen.cancel();
    if (!fingers.size) pinch = null;
  };
  stage.addEventListener("pointerup", lift);
  stage.addEventListener("pointercancel", lift);
  stage.addEventListener("pointerleave", () => pen.hover(null));
}

// The magnified picture: a stage wider than its view, which scrolls.
function createView(view, stage, onZoom) {
  let zoom = 1;
  // `at`: the place on the screen that stays where it is; `by`: how far it moves nevertheless.
  const set = (wanted, at, by = { x: 0, y: 0 }) => {
    const before = stage.getBoundingClientRect();
    const share = [(at.x - by.x - before.left) / before.width, (at.y - by.y - before.top) / before.height];
    zoom = Math.min(MAX_ZOOM, Math.max(1, wanted));
    stage.style.width = `${100 * zoom}%`;
    const after = stage.getBoundingClientRect();
    view.scrollLeft += after.left + share[0] * after.width - at.x;
    view.scrollTop += after.top + share[1] * after.height - at.y;
    onZoom(zoom);
  };
  const centre = () => {
    const { left, top, width, height } = view.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  };
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls; a trackpad's pinch says Control
    event.preventDefault();
    set(zoom * Math.exp(-event.deltaY / 200), { x: event.clientX, y: event.clientY });
  }, { passive: false });
  return { zoom: () => zoom, set, by: (factor) => set(zoom * factor, centre()) };
}

// ---------------------------------------------------------------------------------------------------- state

// Sends the labels to Python, and takes those that Python sets. Labels that come from here are not taken again.
function createMail(model, sheet, onArrival) {
  let [sent, sending, stale] = [new Uint8Array(), null, false];
  let arriving = null;
  const sendAll = async () => {
    while (stale) {
      stale = false;
      sent = await encodeLabels(sheet.labels);
      model.set("_labels", new DataView(sent.buffer));
      model.save_changes();
    }
  };
  return {
    // Resolves when Python has been sent what is drawn now. Calls that come meanwhile share one message.
    send() {
      stale = true;
      sending ??= sendAll().finally(() => (sending = null));
      return sending;
    },
    receive() {
      const bytes = bytesOf(model.get("_labels"));
      if (equalBytes(bytes, sent)) return;
      sent = bytes;
      arriving = decodeLabels(bytes).then(onArrival);
    },
    arrived: () => arriving,
  };
}

function describe(sheet, objects) {
  const counts = countPixels(sheet.labels);
  counts.delete(0);
  if (!counts.size) return "nothing is painted yet: draw over the object";
  const parts = objects.filter(({ id }) => counts.has(id)).map(({ id, name }) => {
    const share = (100 * counts.get(id)) / sheet.labels.length;
    if (share === 100) return `${name} covers the whole frame: erase what is background`;
    return `${name} ${share < 0.1 ? "under 0.1" : share.toFixed(1)} %`;
  });
  return parts.join(", ");
}

function createPainter(model, ui, sheet) {
  const size = model.get("_size");
  const painter = {
    size,
    sheet,
    guide: ui.guide,
    object: () => model.get("object"),
    radius: () => model.get("radius"),
    scale: () => ui.stage.getBoundingClientRect().width / size[1], // screen pixels to a pixel of the frame
    changed() {
      painter.tell(describe(sheet, model.get("_objects")));
      // Not `disabled`: that would take the focus away, and with it the keys.
      ui.undo.ariaDisabled = String(!sheet.canUndo());
      ui.redo.ariaDisabled = String(!sheet.canRedo());
      painter.mail.send();
    },
    tell: (text) => (ui.status.value = text),
    async assist({ left, top, right, bottom }) {
      painter.tell("looking for the object in the box …");
      await painter.mail.send();
      const late = setTimeout(() => painter.tell("no answer yet: the box needs a kernel that is free"), 15000);
      painter.answered = () => clearTimeout(late);
      model.send({ object: model.get("object"), box: [left, top, right, bottom] });
    },
    answered: () => {},
  };
  painter.mail = createMail(model, sheet, (labels) => {
    sheet.begin();
    sheet.draw(replaceAll, labels);
    sheet.end();
    painter.changed();
  });
  return painter;
}

// Everything a user can do, by name: the buttons and the keys share it.
function createActions(model, ui, painter, pen, view) {
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const step = (which) => () => {
    pen.cancel();
    if (painter.sheet[which]()) painter.changed();
  };
  return {
    set,
    undo: step("undo"),
    redo: step("redo"),
    clear() {
      pen.cancel();
      painter.sheet.begin();
      painter.sheet.draw(eraseObject, painter.object());
      painter.sheet.end();
      painter.changed();
    },
    add() {
      const objects = model.get("_objects");
      const id = Math.max(...objects.map((object) => object.id)) + 1;
      if (id > 254) return painter.tell("254 objects are as many as a mask holds");
      model.set("_objects", [...objects, { id, name: `object ${id}` }]);
      set("object", id);
    },
    resize: (factor) => set("radius", Math.min(maxRadius(model), Math.max(0.5, model.get("radius") * factor))),
    zoom: (factor) => view.by(factor),
  };
}

const maxRadius = (model) => Math.max(4, Math.round(Math.max(...model.get("_size")) / 6));

// What a pointer or a key does to the chosen tool. `at` is where the keys have moved it.
function createPen(model, ui, painter) {
  const tools = {
    brush: brushTool(painter, false), eraser: brushTool(painter, true), polygon: polygonTool(painter),
    box: boxTool(painter),
  };
  const tool = () => tools[model.get("tool")];
  const pointOf = (event) => {
    const box = ui.stage.getBoundingClientRect();
    return [(event.clientX - box.left) / painter.scale(), (event.clientY - box.top) / painter.scale()];
  };
  let at = [painter.size[1] / 2, painter.size[0] / 2];
  let [isDown, byKey] = [false, false];
  const go = (point) => {
    at = point;
    painter.guide.ring(tool().hasRing ? at : null, painter.radius());
  };
  const pen = {
    refresh: () => go(at),
    down(event) {
      ui.root.focus({ preventScroll: true });
      pen.cancelStroke();
      isDown = true;
      go(pointOf(event));
      tool().down(at);
    },
    move(event) {
      if (!isDown) return;
      for (const part of event.getCoalescedEvents?.() ?? [event]) tool().move(pointOf(part));
      go(pointOf(event));
    },
    up() {
      if (!isDown) return;
      [isDown, byKey] = [false, false];
      tool().up();
    },
    hover: (event) => !byKey && (event ? go(pointOf(event)) : painter.guide.ring(null)),
    cancelStroke() {
      if (isDown) tool().cancel();
      [isDown, byKey] = [false, false];
    },
    cancel() {
      pen.cancelStroke();
      tools.polygon.cancel();
      tools.box.cancel();
    },
    finish: () => tools.polygon.finish(),
    back: () => tools.polygon.back(),
    keyMove(dx, dy) {
      const reach = Math.max(1, tool().hasRing ? painter.radius() / 2 : painter.size[1] / 100);
      const clamp = (value, high) => Math.min(high, Math.max(0, value));
      go([clamp(at[0] + dx * reach, painter.size[1]), clamp(at[1] + dy * reach, painter.size[0])]);
      if (isDown) tool().move(at);
    },
    // Space puts the tool down, and lifts it; a polygon gets a corner.
    keyPress() {
      if (isDown) return pen.up();
      [isDown, byKey] = [true, true];
      tool().down(at);
      if (tool() === tools.polygon) pen.up();
    },
  };
  return pen;
}

// -------------------------------------------------------------------------------------------------- keyboard

const KEY_HELP = [
  ...TOOLS.map(([, key, what]) => [key, what]),
  ["1 … 9", "object"],
  ["n", "one more object"],
  ["[ ]", "smaller, larger brush"],
  ["Ctrl+Z Ctrl+Y", "undo, redo"],
  ["Enter Backspace", "close the polygon, take its last corner back"],
  ["Esc", "drop what is being drawn"],
  ["+ - 0", "magnify, less, whole frame; also two fingers, or Ctrl and the wheel"],
  ["← ↑ → ↓ Space", "draw without a pointer: move, put down, lift"],
];

function keyActions(model, actions, pen) {
  const keys = {
    n: actions.add,
    "[": () => actions.resize(1 / 1.25),
    "]": () => actions.resize(1.25),
    Enter: pen.finish,
    Backspace: pen.back,
    Escape: pen.cancel,
    "+": () => actions.zoom(1.5),
    "=": () => actions.zoom(1.5), // the same key on many keyboards
    "-": () => actions.zoom(1 / 1.5),
    0: () => actions.zoom(0),
    ArrowLeft: () => pen.keyMove(-1, 0),
    ArrowRight: () => pen.keyMove(1, 0),
    ArrowUp: () => pen.keyMove(0, -1),
    ArrowDown: () => pen.keyMove(0, 1),
    " ": pen.keyPress,
    "Ctrl+z": actions.undo,
    "Ctrl+y": actions.redo,
    "Ctrl+Z": actions.redo, // with Shift
  };
  for (const [tool, key] of TOOLS) keys[key] = () => actions.set("tool", tool);
  for (let k = 1; k <= FIRST_KEYS; k++) {
    keys[k] = () => {
      const object = model.get("_objects")[k - 1];
      if (object) actions.set("object", object.id);
    };
  }
  return keys;
}

// ---------------------------------------------------------------------------------------------------- layout

const button = (text, title, onclick) => element("button", { type: "button", title, onclick }, text);

// Radio buttons that look like tools. `entries`: value, what is shown, what it does in words.
function picker(entries, label, onPick) {
  const group = `vos-${Math.random().toString(36).slice(2)}`; // radios of several painters must not mix
  const radios = entries.map(([value]) => {
    const radio = element("input", { type: "radio", name: group, value });
    radio.addEventListener("change", () => onPick(value));
    return radio;
  });
  const labels = entries.map(([, shown, title], k) =>
    element("label", { className: "vos-pick", title: title ?? "" }, radios[k], ...shown));
  return { radios, field: element("fieldset", { "aria-label": label }, ...labels) };
}

const check = (radios, value) => radios.forEach((radio) => (radio.checked = radio.value === String(value)));

function buildStage(model, ui) {
  const size = model.get("_size");
  const [height, width] = size;
  ui.frame = element("canvas", { className: "vos-frame", width, height });
  ui.layer = element("canvas", { className: "vos-layer", width, height });
  ui.guide = createGuide(size);
  ui.stage = element("div", { className: "vos-stage", role: "img", "aria-label": "the frame, to draw on" },
    ui.frame, ui.layer, ui.guide.svg);
  ui.view = element("div", { className: "vos-view" }, ui.stage);
  ui.status = element("output", {});
  ui.root = element("div", { className: "vos-widget vos-painter", tabIndex: 0, role: "group",
    "aria-label": `mask painter, a frame of ${width} by ${height} pixels` }, ui.view);
  ui.root.style.setProperty("--vos-aspect", width / height);
}

function buildControls(model, ui, actions) {
  const tools = picker(TOOLS.map(([tool, key, what]) => [tool, [tool], `${what} (${key})`]), "tools",
    (tool) => actions.set("tool", tool));
  ui.tools = tools.radios;
  ui.undo = button("Undo", "Ctrl+Z", actions.undo);
  ui.redo = button("Redo", "Ctrl+Y", actions.redo);
  ui.undo.ariaDisabled = ui.redo.ariaDisabled = "true";
  ui.radius = range("brush size", "vos-radius", 0.5, maxRadius(model), 0.5, (value) => actions.set("radius", value));
  ui.opacity = range("opacity", "vos-opacity", 0, 1, 0.05, (value) => (ui.layer.style.opacity = value));
  ui.opacity.value = ui.layer.style.opacity = 0.5;
  ui.objects = element("div", { className: "vos-row" });
  const zoom = [["−", "less", 1 / 1.5], ["+", "magnify", 1.5]].map(([sign, what, factor]) => {
    const node = button(sign, what, () => actions.zoom(factor));
    node.setAttribute("aria-label", what);
    return node;
  });
  ui.root.append(
    element("div", { className: "vos-row" }, tools.field, ui.undo, ui.redo),
    ui.objects,
    element("div", { className: "vos-row" },
      element("label", {}, "brush", ui.radius), element("label", {}, "opacity", ui.opacity), ...zoom),
    element("div", { className: "vos-row vos-status" }, ui.status, helpFor(ui, KEY_HELP)),
    ui.keys);
}

// The objects to choose from; built again when there is one more.
function buildObjects(model, ui, actions) {
  const colours = model.get("_colours");
  const entries = model.get("_objects").map(({ id, name }) =>
    [id, [swatch(colours[(id - 1) % colours.length]), name]]);
  const objects = picker(entries, "objects", (id) => actions.set("object", id));
  ui.objectRadios = objects.radios;
  ui.objects.replaceChildren(objects.field, button("Add object", "n", actions.add),
    button("Clear", "erase the chosen object", actions.clear));
}

// ---------------------------------------------------------------------------------------------------- render

const STATE = ["object", "tool", "radius"];

function render({ model, el }) {
  const ui = {};
  buildStage(model, ui);
  const sheet = createSheet(model.get("_size"), createLayerPainter(ui.layer, model.get("_colours")));
  const painter = createPainter(model, ui, sheet);
  const pen = createPen(model, ui, painter);
  const view = createView(ui.view, ui.stage, pen.refresh);
  const actions = createActions(model, ui, painter, pen, view);
  buildControls(model, ui, actions);
  el.append(ui.root);

  const refresh = () => {
    check(ui.tools, model.get("tool"));
    check(ui.objectRadios, model.get("object"));
    ui.radius.value = model.get("radius");
    pen.refresh();
  };
  const listObjects = () => {
    buildObjects(model, ui, actions);
    refresh();
  };
  const answer = async (message) => {
    painter.answered();
    await painter.mail.arrived(); // which says how much is painted now
    painter.tell(message.text);
  };
  const changeTool = () => pen.cancel();
  for (const name of STATE) model.on(`change:${name}`, refresh);
  model.on("change:tool", changeTool);
  model.on("change:_objects", listObjects);
  model.on("change:_labels", painter.mail.receive);
  model.on("msg:custom", answer);
  const forgetKeys = listenForKeys(ui.root, keyActions(model, actions, pen));
  listenForPointers(ui.stage, view, pen);
  listObjects();
  open(model, ui, painter);

  return () => {
    forgetKeys();
    for (const name of STATE) model.off(`change:${name}`, refresh);
    model.off("change:tool", changeTool);
    model.off("change:_objects", listObjects);
    model.off("change:_labels", painter.mail.receive);
    model.off("msg:custom", answer);
  };
}

// Shows the frame and the labels that the painter began with, which are no step to undo.
async function open(model, ui, painter) {
  const [frame, labels] = await Promise.all([
    decodeFrame(model.get("_frame")), decodeLabels(bytesOf(model.get("_labels"))),
  ]);
  ui.frame.getContext("2d").drawImage(frame, 0, 0);
  painter.sheet.open(labels);
  painter.tell(describe(painter.sheet, model.get("_objects")));
  ui.frame.dataset.drawn = "yes";
}

export default { render };
