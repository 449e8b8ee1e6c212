// What the widgets share: how frames and labels arrive, elements, keys. `scripts.py` puts it before each one's own script.

// ------------------------------------------------------------------------------------------------- decoding

const decodeFrame = (bytes) => createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));

// Labels must arrive exactly, and a browser may alter an image's pixels (colour profiles, privacy settings):
// hence zlib rather than PNG.
async function decodeLabels(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// ------------------------------------------------------------------------------------------------- elements

function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const swatch = (colour) => element("span", { className: "vos-swatch", style: `background: rgb(${colour})` });

function range(name, className, min, max, step, onInput) {
  const input = element("input", { type: "range", className, min, max, step, "aria-label": name });
  input.addEventListener("input", () => onInput(Number(input.value)));
  return input;
}

function checkbox(onChange) {
  const input = element("input", { type: "checkbox" });
  input.addEventListener("change", () => onChange(input.checked));
  return input;
}

// The button "?", and the list of keys that it opens.
function helpFor(ui, keys) {
  ui.keys = element("dl", { className: "vos-keys", hidden: true },
    ...keys.flatMap(([key, what]) => [element("dt", {}, key), element("dd", {}, what)]));
  const button = element("button", { type: "button", title: "keys", "aria-label": "help: keys" }, "?");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    ui.keys.hidden = !ui.keys.hidden;
    button.setAttribute("aria-expanded", String(!ui.keys.hidden));
  });
  return button;
}

// -------------------------------------------------------------------------------------------------- keyboard

// Keys that the focused control has a use for itself. The slider over the frames has none: the widget moves it.
function isNative(target, key) {
  if (target.matches("button, [type=checkbox], [type=radio]") && key === " ") return true;
  if (target.matches("button") && key === "Enter") return true;
  return target.matches("[type=radio], [type=range]:not(.vos-scrub)") && /^(Arrow|Home|End)/.test(key);
}

// `keys`: action by the key's name; with Control or Command held, "Ctrl+" stands before it.
// Caught on the window, on the way down: JupyterLab listens on the document, and has uses for o and Space.
function listenForKeys(root, keys) {
  const onKey = (event) => {
    if (!root.contains(event.target) || event.altKey) return;
    const action = keys[(event.ctrlKey || event.metaKey ? "Ctrl+" : "") + event.key];
    if (!action || isNative(event.target, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  window.addEventListener("keydown", onKey, { capture: true });
  return () => window.removeEventListener("keydown", onKey, { capture: true });
}
