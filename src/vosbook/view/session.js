// Keeps a drawing over a reload of the page, with the steps that undo and redo can go, in the tab's own storage.
//
// It is written at once after each change, while labels may still be on their way to Python: after a reload what was
// kept is the newer of the two, unless Python has set labels itself meanwhile, which its `_edition` counts.

const SESSION_PREFIX = "vosbook-painter:";
const SESSION_LENGTH = 2e6; // characters; browsers give a tab at least 2.5 million

const textOfStep = (step) =>
  (step.text ??= JSON.stringify({ box: step.box, before: runsOf(step.before), after: runsOf(step.after) }));

// The texts of the newest steps, as many as fit into `length`, in their order.
function newestSteps(steps, length) {
  const texts = [];
  for (let k = steps.length - 1; k >= 0; k--) {
    length -= textOfStep(steps[k]).length + 1;
    if (length < 0) break;
    texts.unshift(steps[k].text);
  }
  return texts;
}

function readStep({ box, before, after }) {
  const length = (box.right - box.left) * (box.bottom - box.top);
  return { box, before: ofRuns(before, length), after: ofRuns(after, length) };
}

function textOfSession(sheet, polygon, edition) {
  const head = JSON.stringify({ edition, polygon, pixels: runsOf(sheet.pixels) }).slice(0, -1);
  const { done, undone } = sheet.steps();
  const kept = newestSteps(done, SESSION_LENGTH - head.length);
  const rest = SESSION_LENGTH - head.length - kept.join().length;
  return `${head},"done":[${kept}],"undone":[${newestSteps(undone, rest)}]}`;
}

// Storage may be full, or forbidden: then a reload keeps what Python has, and no step.
function store(key, text) {
  try {
    sessionStorage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

function forgetOthers(key) {
  try {
    const strangers = Object.keys(sessionStorage).filter((other) => other.startsWith(SESSION_PREFIX) && other !== key);
    for (const other of strangers) sessionStorage.removeItem(other);
  } catch {} // forbidden
}

function createSession(name, size) {
  const key = SESSION_PREFIX + name;
  const length = size[0] * size[1];
  return {
    keep(sheet, polygon, edition) {
      const text = textOfSession(sheet, polygon, edition);
      if (!store(key, text)) forgetOthers(key), store(key, text);
    },
    // What was kept: edition, polygon, pixels, and steps as the sheet has them. Null where nothing was.
    load() {
      try {
        const kept = JSON.parse(sessionStorage.getItem(key));
        const steps = { done: kept.done.map(readStep), undone: kept.undone.map(readStep) };
        return { ...kept, pixels: ofRuns(kept.pixels, length), steps };
      } catch {
        return null;
      }
    },
  };
}
