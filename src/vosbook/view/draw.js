// What stands in for the notebook on a page of its own: a model as anywidget has it, whose other end is `draw.py`.

const SILENT = "the command does not answer: if it has ended, run it again; it keeps what was drawn until then";

const toView = (text) => new DataView(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);

async function post(what, body) {
  const keepalive = (body.byteLength ?? body.length) < 60000; // it arrives though the page goes; longer ones may not ask
  const answer = await fetch(what, { method: "POST", body, keepalive });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

// `onTrouble` is told why something could not be posted.
async function loadModel(onTrouble) {
  const { values, bytes } = await (await fetch("state")).json();
  const state = { ...values };
  for (const [name, text] of Object.entries(bytes)) state[name] = toView(text);
  const listeners = {};
  const tell = (event, ...args) => (listeners[event] ?? []).forEach((listener) => listener(...args));
  const set = (name, value) => {
    if (state[name] === value) return;
    state[name] = value;
    tell(`change:${name}`);
  };
  // What is posted arrives in order; what fails does not keep the rest from being sent.
  let queue = Promise.resolve();
  const inTurn = (work) => {
    const done = queue.then(work);
    queue = done.catch(() => {});
    return done;
  };
  const send = (what, body, onAnswer) => inTurn(async () => onAnswer(await post(what, body))).catch(() => onTrouble(SILENT));
  const chosen = {}; // what Python has not been told yet
  return {
    get: (name) => state[name],
    set(name, value) {
      set(name, value);
      if (name === "_labels") send("labels", value, ({ text }) => text && onTrouble(text));
      else chosen[name] = value;
    },
    save_changes() {
      if (!Object.keys(chosen).length) return;
      send("choice", JSON.stringify(chosen), () => {});
      for (const name of Object.keys(chosen)) delete chosen[name];
    },
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    send: (content) => send("message", JSON.stringify(content), (answer) => {
      for (const name of ["_objects", "_edition"]) set(name, answer.values[name]);
      set("_labels", toView(answer.bytes._labels));
      tell("msg:custom", { text: answer.text });
    }),
    save: () => inTurn(() => post("save", "")),
  };
}

// An open connection tells the command that the page is there; it comes back by itself, and ends with the page.
function stayConnected(say) {
  const line = new EventSource("presence");
  line.addEventListener("error", () => say(SILENT));
  line.addEventListener("open", () => say(""));
  return line;
}

const saveButton = document.querySelector("#save");
const message = document.querySelector("#saved");
const say = (text) => (message.value = text);

const line = stayConnected(say);
const model = await loadModel(say);
const painter = mount(model, document.querySelector("#painter"));
model.on("change:_labels", () => say("")); // what was said of an older drawing
let saving = false;
saveButton.addEventListener("click", async () => {
  if (saving) return;
  saving = true;
  try {
    await painter.settle();
    const { text, saved } = await model.save();
    say(text);
    if (saved) line.close(); // the command ends
    saveButton.disabled = saved;
  } catch {
    say(SILENT);
  }
  saving = false;
});
