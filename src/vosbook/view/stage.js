// Where the drawing is seen: the layer over the frame, lines over both, what is magnified, and what fingers do to it.

const MAX_ZOOM = 16;

// Paints a box of the sheet in the objects' colours. Opacity is the canvas's own, so it costs no painting.
function createLayerPainter(canvas, colours) {
  const context = canvas.getContext("2d");
  const table = new Uint32Array(256);
  const bytes = new Uint8Array(table.buffer);
  for (let id = 1; id < 256; id++) bytes.set([...colours[(id - 1) % colours.length], 255], 4 * id);
  return (sheet, { left, top, right, bottom }) => {
    const image = new ImageData(right - left, bottom - top);
    const pixels = new Uint32Array(image.data.buffer);
    for (let y = top, k = 0; y < bottom; y++) {
      for (let x = left; x < right; x++, k++) pixels[k] = table[labelOf(sheet[y * canvas.width + x])];
    }
    context.putImageData(image, left, top);
  };
}

const SVG = "http://www.w3.org/2000/svg";

// Lines over the picture: the open polygon, a box, and the brush's ring. Each twice, dark below light.
function createGuide([height, width]) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  const twice = (tag) => ["vos-under", "vos-over"].map((name) => {
    const node = document.createElementNS(SVG, tag);
    node.setAttribute("class", name);
    node.setAttribute("stroke-linecap", "round");
    svg.append(node);
    return node;
  });
  const [lines, boxes, rings] = [twice("path"), twice("path"), twice("circle")];
  const draw = (nodes, d) => nodes.forEach((node) => node.setAttribute("d", d));
  return {
    svg,
    line(points) {
      const d = points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");
      // A single corner is a line of no length, which round ends make a dot.
      draw(lines, points.length === 1 ? `${d}h0.01` : d);
    },
    box: (a, b) => draw(boxes, a ? `M${a[0]} ${a[1]}H${b[0]}V${b[1]}H${a[0]}Z` : ""),
    ring(point, radius) {
      for (const node of rings) {
        node.setAttribute("cx", point ? point[0] : 0);
        node.setAttribute("cy", point ? point[1] : 0);
        node.setAttribute("r", point ? radius : 0);
      }
    },
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
    pen.drop();
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
    if (!pinch) event.type === "pointerup" ? pen.up() : pen.drop();
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
