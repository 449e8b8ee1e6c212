// The mask painter in the browser. It holds what is drawn, and Python gets the labels after every step.
// `geometry.js`, `sheet.js`, `session.js`, `stage.js` and `tools.js` come before it in one script.

const FIRST_KEYS = 9; // objects that have a key
const PATIENCE_MS = 15000; // until a silent kernel is spoken of

// ---------------------------------------------------------------------------------------------------- state

// Sends the labels to Python, and takes those that Python sets. Labels that come from here are not taken again.
function createMail(model, sheet, onArrival) {
  let [sent, sending, stale] = [new Uint8Array(), null, false];
  let arriving = null;
  const sendAll = async () => {
    while (stale) {
      stale = false;
      sent = await encodeLabels(labelsOf(sheet.pixels));
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
    receive(asked) {
      const bytes = bytesOf(model.get("_labels"));
      if (equalBytes(bytes, sent)) return;
      sent = bytes;
      const edition = model.get("_edition");
      arriving = decodeLabels(bytes).then((labels) => onArrival(labels, edition, asked));
    },
    arrived: () => arriving,
  };
}

// Asks Python for an object, one question at a time. `pending` is what the answer must be laid over: the labels that
// were asked about, and for a click where it was, to be `mark`ed in the sheet.
function createQuestions(model, painter) {
  let [pending, isLate] = [null, false];
  return {
    pending: () => pending,
    async ask(question, mark) {
      if (pending && !isLate) return painter.tell("still looking …");
      pending = { labels: labelsOf(painter.sheet.pixels), mark };
      isLate = false;
      painter.tell("looking for the object …");
      await painter.mail.send();
      pending.timer = setTimeout(() => {
        isLate = true;
        painter.tell("no answer yet: box and click need a kernel that is free");
      }, PATIENCE_MS);
      const sure = runsOf(painter.sheet.pixels.map((pixel) => pixel >> 8));
      model.send({ object: model.get("object"), sure, ...question });
    },
    answered() {
      clearTimeout(pending?.timer);
      pending = null;
    },
  };
}

// What a step of labels from Python is: an answer, or what a cell has set.
function takeArrival(sheet, labels, asked) {
  sheet.begin();
  if (!asked) sheet.draw(takeLabels, labels);
  else if (!equalBytes(labels, asked.labels)) {
    sheet.draw(takeAnswer, labels, asked.labels, asked.mark ? 0 : SURE);
    if (asked.mark) sheet.draw(paintLine, asked.mark.point, asked.mark.point, 0.5, asked.mark.value);
  }
  sheet.end();
}

function describe(sheet, objects) {
  const counts = countPixels(sheet.pixels);
  counts.delete(0);
  if (!counts.size) return "nothing is painted yet: draw over the object";
  const parts = objects.filter(({ id }) => counts.has(id)).map(({ id, name }) => {
    const share = (100 * counts.get(id)) / sheet.pixels.length;
    if (share === 100) return `${name} covers the whole frame: erase what is background`;
    return `${name} ${share < 0.1 ? "under 0.1" : share.toFixed(1)} %`;
  });
  return parts.join(", ");
}

function createPainter(model, ui, sheet) {
  const size = model.get("_size");
  const session = createSession(model.get("_key"), size);
  const nameOf = (id) => model.get("_objects").find((object) => object.id === id)?.name;
  let corners = 0;
  const painter = {
    size,
    sheet,
    session,
    edition: model.get("_edition"), // the last one that was taken over
    guide: ui.guide,
    object: () => model.get("object"),
    radius: () => model.get("radius"),
    scale: () => ui.stage.getBoundingClientRect().width / size[1], // screen pixels to a pixel of the frame
    tell: (text) => (ui.status.value = text),
    describe: () => painter.tell(describe(sheet, model.get("_objects"))),
    // Not `disabled`: that would take the focus away, and with it the keys.
    showSteps() {
      ui.undo.ariaDisabled = String(!corners && !sheet.canUndo());
      ui.redo.ariaDisabled = String(!sheet.canRedo());
    },
    polygonIs(count, owner) {
      if (count) painter.tell(`polygon of ${nameOf(owner)}: a click on its first corner, or a double click, closes it`);
      else if (corners) painter.describe();
      corners = count;
      painter.showSteps();
    },
    keep: () => session.keep(sheet, painter.pen.polygon(), painter.edition),
    // After every step. Resolves when Python has been sent it.
    changed() {
      painter.describe();
      painter.showSteps();
      painter.keep();
      return painter.mail.send();
    },
    ask: (question, mark) => painter.questions.ask(question, mark),
  };
  painter.mail = createMail(model, sheet, (labels, edition, asked) => {
    painter.pen.lift();
    takeArrival(sheet, labels, asked);
    painter.edition = edition;
    painter.changed();
  });
  painter.questions = createQuestions(model, painter);
  return painter;
}

// Everything a user can do, by name: the buttons and the keys share it.
function createActions(model, ui, painter, pen, view) {
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const step = (which) => {
    if (painter.sheet[which]()) painter.changed();
  };
  return {
    set,
    // What is being drawn goes first: a stroke, then the corners of a polygon.
    undo: () => pen.drop() || pen.back() || step("undo"),
    redo: () => pen.lift() || step("redo"),
    clear() {
      pen.settle();
      painter.sheet.step(eraseObject, painter.object());
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
    box: boxTool(painter), click: clickTool(painter),
  };
  const tool = () => tools[model.get("tool")];
  const pointOf = (event) => {
    const box = ui.stage.getBoundingClientRect();
    return [(event.clientX - box.left) / painter.scale(), (event.clientY - box.top) / painter.scale()];
  };
  let at = [painter.size[1] / 2, painter.size[0] / 2];
  let [pressed, byKey] = [null, false]; // the tool that is down
  const go = (point) => {
    at = point;
    painter.guide.ring(tool().hasRing ? at : null, painter.radius());
  };
  // Ends the press under way by one of the tool's functions; false where there is none.
  const release = (how) => {
    const active = pressed;
    [pressed, byKey] = [null, false];
    if (active) how(active);
    return active !== null;
  };
  const pen = {
    refresh: () => go(at),
    down(event) {
      ui.root.focus({ preventScroll: true });
      pen.lift();
      go(pointOf(event));
      pressed = tool();
      pressed.down(at, event);
    },
    move(event) {
      if (!pressed) return;
      for (const part of event.getCoalescedEvents?.() ?? [event]) pressed.move(pointOf(part));
      go(pointOf(event));
    },
    up: () => release((active) => active.up()),
    hover: (event) => !byKey && (event ? go(pointOf(event)) : painter.guide.ring(null)),
    // A press ends three ways: as a step, unless it is a box or a click; not at all; or with all that is open.
    lift: () => release((active) => (active === tools.polygon || active.hasRing ? active.up() : active.cancel())),
    drop: () => release((active) => active.cancel()),
    escape() {
      pen.drop();
      tools.polygon.reset();
    },
    // Nothing that was drawn may get lost when something else is begun.
    settle() {
      pen.lift();
      tools.polygon.settle();
    },
    finish: () => tools.polygon.finish(),
    back: () => tools.polygon.back(),
    polygon: () => tools.polygon.open(),
    reopen: (polygon) => tools.polygon.reopen(polygon),
    keyMove(dx, dy) {
      const reach = Math.max(1, tool().hasRing ? painter.radius() / 2 : painter.size[1] / 100);
      const clamp = (value, high) => Math.min(high, Math.max(0, value));
      go([clamp(at[0] + dx * reach, painter.size[1]), clamp(at[1] + dy * reach, painter.size[0])]);
      pressed?.move(at);
    },
    // Space puts the tool down, and lifts it; a polygon gets a corner, and a click is done.
    keyPress() {
      if (pressed) return pen.up();
      [pressed, byKey] = [tool(), true];
      pressed.down(at);
      if (tool() === tools.polygon || tool() === tools.click) pen.up();
    },
  };
  painter.pen = pen;
  return pen;
}

// -------------------------------------------------------------------------------------------------- keyboard

const KEY_HELP = [
  ...TOOLS.map(([, key, what]) => [key, what]),
  ["1 … 9", "object"],
  ["n", "one more object"],
  ["[ ]", "smaller, larger brush"],
  ["Ctrl+Z Ctrl+Y", "undo, redo"],
  ["Enter Backspace", "close the polygon, take its last corner back; so does undo"],
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
    Escape: pen.escape,
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

// A painter inside `el`: what else a page may ask of it, and how to take it away.
function mount(model, el) {
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
  const listeners = {
    "change:_objects": listObjects,
    "change:_labels": () => painter.mail.receive(painter.questions.pending()),
    "msg:custom": async (message) => {
      painter.questions.answered();
      await painter.mail.arrived(); // which says how much is painted now
      painter.tell(message.text);
    },
  };
  for (const name of STATE) listeners[`change:${name}`] = refresh;
  for (const name of ["tool", "object"]) listeners[`change:${name}`] = () => (pen.settle(), refresh());
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  const forgetKeys = listenForKeys(ui.root, keyActions(model, actions, pen));
  listenForPointers(ui.stage, view, pen);
  // Whoever leaves, for a cell that saves perhaps, leaves nothing open. Another window in front does not count.
  ui.root.addEventListener("focusout", () => {
    setTimeout(() => ui.root.contains(document.activeElement) || pen.settle());
  });
  listObjects();
  open(model, ui, painter);

  return {
    // Closes what is open. Resolves when Python has been sent all that is drawn.
    settle: () => (pen.settle(), painter.mail.send()),
    remove() {
      forgetKeys();
      for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    },
  };
}

// Shows the frame, and what the painter begins with: Python's labels, or what was drawn before the page was loaded again.
async function open(model, ui, painter) {
  const { sheet, session } = painter;
  const [frame, labels] = await Promise.all([
    decodeFrame(model.get("_frame")), decodeLabels(bytesOf(model.get("_labels"))),
  ]);
  ui.frame.getContext("2d").drawImage(frame, 0, 0);
  const kept = session.load();
  sheet.open(kept?.pixels ?? Uint16Array.from(labels, (label) => label && label | SURE), kept?.steps);
  painter.describe();
  painter.showSteps();
  if (kept) {
    painter.pen.reopen(kept.polygon);
    if (kept.edition !== painter.edition) sheet.step(takeLabels, labels);
    if (!equalBytes(labelsOf(sheet.pixels), labels)) painter.mail.send();
    painter.keep();
    painter.showSteps();
  }
  ui.frame.dataset.drawn = "yes";
}

const render = ({ model, el }) => mount(model, el).remove;

export default { render };
