// What stands in for the notebook on a page of its own: a model as anywidget has it, whose other end is `draw.py`.

const toView = (text) => new DataView(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);

const post = async (what, body) => (await fetch(what, { method: "POST", body })).json();

async function loadModel() {
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
  let queue = Promise.resolve(); // what is posted arrives in order
  const inTurn = (work) => (queue = queue.then(work));
  return {
    get: (name) => state[name],
    set(name, value) {
      set(name, value);
      if (name === "_labels") inTurn(() => post("labels", value));
    },
    save_changes() {},
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    send: (content) => inTurn(async () => {
      const answer = await post("message", JSON.stringify(content));
      set("_objects", answer.values._objects);
      set("_labels", toView(answer.bytes._labels));
      tell("msg:custom", { text: answer.text });
    }),
    save: () => inTurn(() => post("save", "")),
  };
}

const model = await loadModel();
render({ model, el: document.querySelector("#painter") });
const saveButton = document.querySelector("#save");
saveButton.addEventListener("click", async () => {
  const { text, saved } = await model.save();
  document.querySelector("#saved").value = text;
  saveButton.disabled = saved;
});
