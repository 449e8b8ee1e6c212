// What is drawn, and the steps that led to it.
//
// The sheet is a Uint16Array, h*w long, row by row. The low byte of a pixel is its label: 0 background, 1..254 objects.
// SURE says that the label stays when an object is looked for anew: a hand has painted or erased here, or Python has
// set it. So SURE alone is background for sure, and what a click found, which the next click may change, is not.

const SURE = 256;
const STEPS = 100; // that can be undone

const labelOf = (pixel) => pixel & 255;

// --------------------------------------------------------------------------------------------------- labels

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const equalBytes = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

const labelsOf = (pixels) => new Uint8Array(pixels); // a conversion that keeps the low bytes

async function encodeLabels(labels) {
  const stream = new Blob([labels]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Pixels of each object, by id; that of the background is 0.
function countPixels(pixels) {
  const counts = new Uint32Array(256);
  for (let i = 0; i < pixels.length; i++) counts[labelOf(pixels[i])]++;
  return new Map([...counts.entries()].filter(([, count]) => count));
}

// A value and how often it stands there in a row, again and again: a flat list.
function runsOf(values) {
  const runs = [];
  for (let i = 0; i < values.length; ) {
    const start = i;
    while (i < values.length && values[i] === values[start]) i++;
    runs.push(values[start], i - start);
  }
  return runs;
}

function ofRuns(runs, length) {
  const values = new Uint16Array(length);
  for (let k = 0, i = 0; k < runs.length; k += 2) values.fill(runs[k], i, (i += runs[k + 1]));
  return values;
}

// ------------------------------------------------------------------------------------- changes of many pixels

function eraseObject(pixels, size, id) {
  for (let i = 0; i < pixels.length; i++) if (labelOf(pixels[i]) === id) pixels[i] = 0;
  return boxOf(size);
}

// Labels that Python has set: they are sure. Where nothing is, and was not, what was erased stays so.
function takeLabels(pixels, size, labels) {
  for (let i = 0; i < pixels.length; i++) if (labels[i] !== labelOf(pixels[i])) pixels[i] = labels[i] && labels[i] | SURE;
  return boxOf(size);
}

// What Python's `answer` changed in the labels that were `asked` about. What was drawn meanwhile stays.
function takeAnswer(pixels, size, answer, asked, flag) {
  for (let i = 0; i < pixels.length; i++) {
    if (answer[i] !== asked[i] && labelOf(pixels[i]) === asked[i]) pixels[i] = answer[i] && answer[i] | flag;
  }
  return boxOf(size);
}

// ---------------------------------------------------------------------------------------------------- steps

function cut(pixels, width, { left, top, right, bottom }) {
  const part = new Uint16Array((right - left) * (bottom - top));
  for (let y = top; y < bottom; y++) {
    part.set(pixels.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  }
  return part;
}

function paste(pixels, width, part, { left, top, right, bottom }) {
  for (let y = top; y < bottom; y++) {
    pixels.set(part.subarray((y - top) * (right - left), (y - top + 1) * (right - left)), y * width + left);
  }
}

// The box of what differs inside `box`; null where nothing does.
function boxOfChanges(a, b, width, box) {
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      if (a[y * width + x] === b[y * width + x]) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
      [top, bottom] = [Math.min(top, y), y + 1];
    }
  }
  return bottom < 0 ? null : { left, top, right, bottom };
}

// A step keeps what its box held before and after it.
function createSheet(size, onDraw) {
  const width = size[1];
  const pixels = new Uint16Array(size[0] * width);
  let [done, undone] = [[], []];
  let [before, touched] = [null, null];
  const restore = (from, to, which) => {
    const step = from.pop();
    if (!step) return false;
    paste(pixels, width, step[which], step.box);
    onDraw(pixels, step.box);
    to.push(step);
    return true;
  };
  const sheet = {
    pixels,
    // What to begin with, and the steps that led to it.
    open(others, steps = { done: [], undone: [] }) {
      pixels.set(others);
      ({ done, undone } = steps);
      onDraw(pixels, boxOf(size));
    },
    steps: () => ({ done, undone }),
    begin() {
      before = pixels.slice();
      touched = null;
    },
    // `change` is a function that paints: of `geometry.js`, or one above. Between `begin` and `end` there may be many.
    draw(change, ...args) {
      const box = change(pixels, size, ...args);
      if (box.left >= box.right || box.top >= box.bottom) return;
      touched = union(touched, box);
      onDraw(pixels, box);
    },
    end() {
      const box = touched && boxOfChanges(before, pixels, width, touched);
      if (box) {
        done.push({ box, before: cut(before, width, box), after: cut(pixels, width, box) });
        if (done.length > STEPS) done.shift();
        undone.length = 0;
      }
      before = null;
    },
    cancel() {
      if (touched) paste(pixels, width, cut(before, width, touched), touched);
      if (touched) onDraw(pixels, touched);
      before = null;
    },
    // One step of a single change.
    step(change, ...args) {
      sheet.begin();
      sheet.draw(change, ...args);
      sheet.end();
    },
    undo: () => restore(done, undone, "before"),
    redo: () => restore(undone, done, "after"),
    canUndo: () => done.length > 0,
    canRedo: () => undone.length > 0,
  };
  return sheet;
}
