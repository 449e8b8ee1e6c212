// Shows the state that the sliders say: every layer's drawing and the words were made in Python, for all their places.
(() => {
  const root = document.currentScript.closest(".vos-playground");
  const { sliders, layers, words } = JSON.parse(root.querySelector('[type="application/json"]').textContent);
  const inputs = [...root.querySelectorAll("input")];
  const groups = [...root.querySelectorAll("g[data-layer]")];
  const said = root.querySelector(".vos-words");
  // The number of a state among all that these sliders have, the last one's places following each other.
  const state = (by) => by.reduce((sum, k) => sum * sliders[k].length + Number(inputs[k].value), 0);

  function show() {
    inputs.forEach((input, k) => {
      const value = sliders[k][input.value];
      input.setAttribute("aria-valuetext", value);
      input.nextElementSibling.textContent = value;
    });
    layers.forEach(({ by, drawn }, k) => { groups[k].innerHTML = drawn[state(by)]; });
    said.textContent = words[state(inputs.map((_, k) => k))];
  }

  root.querySelector(".vos-sliders").hidden = false;
  root.addEventListener("input", show);
  show();
})();
