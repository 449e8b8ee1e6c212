// The mask inspector in the browser. All it needs came with the widget's state, so it runs without a kernel.
// Labels are Uint8Array, h*w long, row by row: 0 background, 255 void.

const VOID = 255;
const [HIT, FALSE_POSITIVE, FALSE_NEGATIVE, WRONG_OBJECT] = [1, 2, 3, 4]; // as in overlay.py

// ------------------------------------------------------------------------------------------------- decoding

async function loadMoment(model, t) {
  const [frame, truth, prediction] = await Promise.all([
    decodeFrame(model.get("_frames")[t]),
    model.get("_truth").length ? decodeLabels(model.get("_truth")[t]) : null,
    model.get("_prediction").length ? decodeLabels(model.get("_prediction")[t]) : null,
  ]);
  return { t, frame, truth, prediction };
}

// ------------------------------------------------------------------------------------------------- painting

// A copy of the labels in which hidden objects are background.
function withoutHidden(labels, hidden) {
  const kept = Uint8Array.from({ length: 256 }, (_, id) => (hidden.includes(id) ? 0 : id));
  return labels.map((label) => kept[label]);
}

function errorKind(found, there) {
  if (there === VOID || (!found && !there)) return 0;
  if (!there) return FALSE_POSITIVE;
  if (!found) return FALSE_NEGATIVE;
  return found === there ? HIT : WRONG_OBJECT;
}

const errorMap = (prediction, truth) => prediction.map((found, i) => errorKind(found, truth[i]));

// What to draw: labels, and the colour of each.
function chooseLayer(model, moment) {
  const mode = model.get("mode");
  const hidden = model.get("hidden");
  if (mode === "errors") {
    const labels = errorMap(withoutHidden(moment.prediction, hidden), withoutHidden(moment.truth, hidden));
    return { labels, colours: new Map(model.get("_errors").map(({ colour }, i) => [i + 1, colour])) };
  }
  const colours = new Map(model.get("_objects").map(({ id, colour }) => [id, colour]));
  const labels = moment[mode] && withoutHidden(moment[mode], hidden);
  return { labels, colours: colours.set(VOID, [128, 128, 128]) };
}

// Is another label within `reach` pixels, along the row or the column?
function isRim(labels, width, height, x, y, reach) {
  const label = labels[y * width + x];
  for (let d = 1; d <= reach; d++) {
    if (x >= d && labels[y * width + x - d] !== label) return true;
    if (x + d < width && labels[y * width + x + d] !== label) return true;
    if (y >= d && labels[(y - d) * width + x] !== label) return true;
    if (y + d < height && labels[(y + d) * width + x] !== label) return true;
  }
  return false;
}

// RGBA of the layer: `opacity` inside the objects, full strength on their rims, nothing elsewhere.
function paintLayer({ labels, colours }, [height, width], opacity, outline) {
  const image = new ImageData(width, height);
  const reach = Math.max(1, Math.round(height / 240));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!labels[i]) continue;
      image.data.set(colours.get(labels[i]), 4 * i);
      image.data[4 * i + 3] = outline && isRim(labels, width, height, x, y, reach) ? 255 : 255 * opacity;
    }
  }
  return image;
}

function drawPicture(canvas, model, moment) {
  const size = model.get("_size");
  const layer = chooseLayer(model, moment);
  const context = canvas.getContext("2d");
  context.drawImage(moment.frame, 0, 0, canvas.width, canvas.height);
  if (layer.labels) {
    // putImageData overwrites what lies below; a canvas of its own lets the layer blend.
    const sheet = new OffscreenCanvas(canvas.width, canvas.height);
    sheet.getContext("2d").putImageData(paintLayer(layer, size, model.get("opacity"), model.get("outline")), 0, 0);
    context.drawImage(sheet, 0, 0);
  }
  canvas.dataset.drawn = moment.t;
}

// --------------------------------------------------------------------------------------------------- scores

const MEASURES = ["J", "F"];

const shownObjects = (model) => model.get("_objects").filter(({ id }) => !model.get("hidden").includes(id));

// The mean of a measure over the shown objects that have one at frame t; null where none has.
function meanScore(model, measure, t) {
  const values = shownObjects(model).flatMap((object) => object[measure]?.[t] ?? []);
  return values.length ? values.reduce((a, b) => a + b) / values.length : null;
}

// The frame with the lowest mean J.
function worstFrame(model) {
  const scores = model.get("_frames").map((_, t) => meanScore(model, "J", t) ?? Infinity);
  return scores.indexOf(Math.min(...scores));
}

const asScore = (value) => value.toFixed(2).replace(/^0/, "");

// Frames count from 0, as in files' names and on the command line.
function describe(model) {
  const t = model.get("frame");
  const name = model.get("_frame_names")[t];
  const parts = [`frame ${t} of 0 to ${model.get("_frames").length - 1}${name === undefined ? "" : ` (${name})`}`];
  for (const measure of MEASURES) {
    const value = meanScore(model, measure, t);
    if (value !== null) parts.push(`${measure} ${asScore(value)}`);
  }
  return parts.join(", ");
}

// --------------------------------------------------------------------------------------------------- curves

const CURVES = { left: 34, right: 8, top: 8, gap: 22, bottom: 8 }; // margins in CSS pixels

function curveLayout(canvas, count) {
  const { left, right, top, gap, bottom } = CURVES;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const panel = (height - top - bottom - gap) / 2;
  const step = (width - left - right) / Math.max(1, count - 1);
  return {
    width, height,
    x: (t) => left + t * step,
    y: (row, value) => top + row * (panel + gap) + (1 - value) * panel,
    nearest: (x) => Math.min(count - 1, Math.max(0, Math.round((x - left) / step))),
  };
}

function line(context, points) {
  context.beginPath();
  points.forEach((point, i) => (i ? context.lineTo(...point) : context.moveTo(...point)));
  context.stroke();
}

function drawGrid(context, layout, row, name) {
  context.lineWidth = 1;
  context.textBaseline = "middle";
  for (const value of [0, 0.5, 1]) {
    const y = layout.y(row, value);
    context.globalAlpha = 0.25;
    line(context, [[CURVES.left, y], [layout.width - CURVES.right, y]]);
    context.globalAlpha = 0.75;
    context.textAlign = "right";
    context.fillText(["0", ".5", "1"][2 * value], CURVES.left - 5, y);
  }
  context.globalAlpha = 1;
  context.textAlign = "left";
  context.fillText(name, 2, layout.y(row, 0.5));
}

// A curve has gaps where an object has no score; each run between gaps is one line.
function drawCurve(context, layout, row, values, colour) {
  const runs = [[]];
  values.forEach((value, t) => {
    if (value === null) runs.push([]);
    else runs.at(-1).push([layout.x(t), layout.y(row, value)]);
  });
  for (const run of runs.filter((points) => points.length)) {
    const points = run.length > 1 ? run : [run[0], [run[0][0] + 1, run[0][1]]];
    // The text's colour under the line: a light object colour stays visible on a white page, a dark one on a black.
    [context.lineWidth, context.globalAlpha] = [4, 0.35];
    line(context, points);
    const text = context.strokeStyle;
    [context.lineWidth, context.globalAlpha, context.strokeStyle] = [2.2, 1, `rgb(${colour})`];
    line(context, points);
    context.strokeStyle = text;
  }
}

function drawCurves(canvas, model) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  context.strokeStyle = context.fillStyle = style.color;
  context.font = `12px ${style.fontFamily}`;
  context.lineJoin = "round";
  const layout = curveLayout(canvas, model.get("_frames").length);
  MEASURES.forEach((measure, row) => {
    drawGrid(context, layout, row, measure);
    for (const object of shownObjects(model)) {
      if (object[measure]) drawCurve(context, layout, row, object[measure], object.colour);
    }
  });
  const x = layout.x(model.get("frame"));
  [context.lineWidth, context.globalAlpha] = [1.5, 1];
  line(context, [[x, 2], [x, layout.height - 2]]);
}

// ----------------------------------------------------------------------------------------------------- keys

const KEY_HELP = [
  ["← →", "one frame back, forward"],
  ["Home End", "first, last frame"],
  ["Space", "play, pause"],
  ["w", "worst frame: lowest J, mean over the shown objects"],
  ["p t e", "prediction, truth, errors"],
  ["o", "outlines on, off"],
  ["[ ]", "less, more opacity"],
  ["1 … 9", "object on, off"],
];

// ----------------------------------------------------------------------------------------------------- state

// Everything a user can do, by name: the buttons and the keys share it.
function createActions(model, player) {
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const last = model.get("_frames").length - 1;
  const clamp = (value, high) => Math.min(high, Math.max(0, value));
  return {
    set,
    last,
    modes: availableModes(model),
    go: (t) => set("frame", clamp(t, last)),
    step: (by) => set("frame", clamp(model.get("frame") + by, last)),
    play: () => player.toggle(() => set("frame", (model.get("frame") + 1) % (last + 1))),
    worst: () => set("frame", worstFrame(model)),
    outline: () => set("outline", !model.get("outline")),
    opacity: (by) => set("opacity", Math.round(10 * clamp(model.get("opacity") + by, 1)) / 10),
    toggle: (id) => {
      const hidden = model.get("hidden");
      set("hidden", hidden.includes(id) ? hidden.filter((other) => other !== id) : [...hidden, id]);
    },
  };
}

function availableModes(model) {
  const [prediction, truth] = [model.get("_prediction").length > 0, model.get("_truth").length > 0];
  const given = { prediction, truth, errors: prediction && truth };
  return Object.keys(given).filter((mode) => given[mode]);
}

// Calls `tick` `fps` times a second while on, and `onChange` when it starts or stops.
function createPlayer(fps, onChange) {
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    onChange(false);
  };
  const toggle = (tick) => {
    if (timer !== null) return stop();
    timer = setInterval(tick, 1000 / fps);
    onChange(true);
  };
  return { toggle, stop, isPlaying: () => timer !== null };
}

// -------------------------------------------------------------------------------------------------- keyboard

function keyActions(model, actions) {
  const keys = {
    ArrowLeft: () => actions.step(-1),
    ArrowRight: () => actions.step(1),
    Home: () => actions.go(0),
    End: () => actions.go(Infinity),
    " ": actions.play,
    o: actions.outline,
    "[": () => actions.opacity(-0.1),
    "]": () => actions.opacity(0.1),
  };
  if (actions.modes.includes("errors")) keys.w = actions.worst;
  for (const mode of actions.modes) keys[mode[0]] = () => actions.set("mode", mode);
  model.get("_objects").slice(0, 9).forEach(({ id }, i) => (keys[i + 1] = () => actions.toggle(id)));
  return keys;
}

// ---------------------------------------------------------------------------------------------------- layout

function transportRow(ui, actions) {
  ui.play = element("button", { type: "button", className: "vos-play", onclick: actions.play }, "Play");
  ui.scrub = range("frame", "vos-scrub", 0, actions.last, 1, actions.go);
  const row = element("div", { className: "vos-row vos-transport" }, ui.play, ui.scrub);
  if (actions.modes.includes("errors")) {
    const title = "jump to the frame with the lowest J";
    row.append(element("button", { type: "button", className: "vos-worst", title, onclick: actions.worst }, "Worst"));
  }
  return row;
}

function modeSwitch(ui, actions) {
  const group = `vos-${Math.random().toString(36).slice(2)}`; // radios of several inspectors must not mix
  ui.modes = actions.modes.map((mode) => {
    const radio = element("input", { type: "radio", name: group, value: mode });
    radio.addEventListener("change", () => actions.set("mode", mode));
    return radio;
  });
  const labels = ui.modes.map((radio) => element("label", {}, radio, radio.value));
  return element("fieldset", { className: "vos-modes", "aria-label": "what is drawn over the frames" }, ...labels);
}

function optionsRow(ui, actions) {
  ui.outline = checkbox((on) => actions.set("outline", on));
  ui.opacity = range("opacity", "vos-opacity", 0, 1, 0.05, (value) => actions.set("opacity", value));
  const outline = element("label", {}, ui.outline, "outlines");
  const opacity = element("label", {}, "opacity", ui.opacity);
  const row = element("div", { className: "vos-row" });
  if (actions.modes.length > 1) row.append(modeSwitch(ui, actions));
  if (actions.modes.length) row.append(outline, opacity);
  return row;
}

function objectsRow(ui, model, actions) {
  ui.objects = model.get("_objects").map(({ id, name, colour }) => {
    const box = checkbox(() => actions.toggle(id));
    box.value = id;
    return { id, box, label: element("label", { className: "vos-object" }, box, swatch(colour), name) };
  });
  return element("div", { className: "vos-row", role: "group", "aria-label": "objects" },
    ...ui.objects.map(({ label }) => label));
}

function legendRow(ui, model) {
  const entries = model.get("_errors").map(({ name, colour }) => element("label", {}, swatch(colour), name));
  ui.legend = element("div", { className: "vos-row vos-legend", "aria-label": "colours of the errors" }, ...entries);
  return ui.legend;
}

function curvesCanvas(ui, model, actions) {
  ui.curves = element("canvas", { className: "vos-curves", role: "img", "aria-label": "J and F over the frames" });
  const jump = (event) => {
    const x = event.clientX - ui.curves.getBoundingClientRect().left;
    actions.go(curveLayout(ui.curves, model.get("_frames").length).nearest(x));
  };
  ui.curves.addEventListener("pointerdown", jump);
  ui.curves.addEventListener("pointermove", (event) => event.buttons && jump(event));
  return ui.curves;
}

function build(model, actions) {
  const ui = {};
  const [height, width] = model.get("_size");
  ui.picture = element("canvas", { className: "vos-picture", width, height, role: "img", onclick: actions.play });
  ui.status = element("output", {});
  const label = `mask inspector, ${model.get("_frames").length} frames`;
  ui.root = element("div", { className: "vos-widget vos-inspector", tabIndex: 0, role: "group", "aria-label": label },
    ui.picture,
    transportRow(ui, actions),
    element("div", { className: "vos-row vos-status" }, ui.status, helpFor(ui, KEY_HELP)),
    ui.keys,
    ...(model.get("_objects").some((object) => object.J) ? [curvesCanvas(ui, model, actions)] : []),
    optionsRow(ui, actions),
    objectsRow(ui, model, actions),
    legendRow(ui, model));
  return ui;
}

// Bring every control in line with the state.
function refresh(ui, model) {
  const text = describe(model);
  ui.status.value = text;
  ui.picture.setAttribute("aria-label", `${text}, ${model.get("mode")} over the frame`);
  ui.scrub.value = model.get("frame");
  ui.scrub.setAttribute("aria-valuetext", text);
  for (const radio of ui.modes ?? []) radio.checked = radio.value === model.get("mode");
  ui.outline.checked = model.get("outline");
  ui.opacity.value = model.get("opacity");
  for (const { id, box } of ui.objects) box.checked = !model.get("hidden").includes(id);
  ui.legend.hidden = model.get("mode") !== "errors";
  if (ui.curves?.clientWidth) drawCurves(ui.curves, model);
}

// ---------------------------------------------------------------------------------------------------- render

const STATE = ["frame", "opacity", "outline", "mode", "hidden"];

// A function that draws the current frame. Calls that come while a frame is decoded become one.
function createPainter(canvas, model) {
  let moment = null; // what is decoded
  let busy = false;
  const catchUp = async () => {
    do {
      const t = model.get("frame");
      if (moment?.t !== t) moment = await loadMoment(model, t);
      drawPicture(canvas, model, moment);
    } while (moment.t !== model.get("frame"));
  };
  return async () => {
    if (busy) return; // `catchUp` looks at the state again before it ends
    busy = true;
    await catchUp().finally(() => (busy = false));
  };
}

// Calls `redraw` when the widget's width or the page's theme changes: the curves are drawn in the text's colour.
function watchLook(root, redraw) {
  const resized = new ResizeObserver(redraw);
  resized.observe(root);
  const themed = new MutationObserver(redraw);
  const attributeFilter = ["data-theme", "data-jp-theme-name"]; // of the site, of JupyterLab
  for (const node of [document.documentElement, document.body]) themed.observe(node, { attributeFilter });
  return () => {
    resized.disconnect();
    themed.disconnect();
  };
}

function render({ model, el }) {
  let ui = null;
  const player = createPlayer(model.get("_fps"), (playing) => {
    ui.play.textContent = playing ? "Pause" : "Play";
    ui.status.setAttribute("aria-live", playing ? "off" : "polite"); // nobody wants ten announcements a second
  });
  const actions = createActions(model, player);
  ui = build(model, actions);
  el.append(ui.root);

  const paint = createPainter(ui.picture, model);
  const update = () => {
    refresh(ui, model);
    paint();
  };
  for (const name of STATE) model.on(`change:${name}`, update);
  const forgetKeys = listenForKeys(ui.root, keyActions(model, actions));
  const forgetLook = watchLook(ui.root, () => refresh(ui, model));
  update();

  return () => {
    player.stop();
    forgetKeys();
    forgetLook();
    for (const name of STATE) model.off(`change:${name}`, update);
  };
}

export default { render };
