// Many formulas and tables are wider than a phone. There a formula begins at the left, because in the middle one that has
// a number needs the number's width on both sides. What is still too wide is drawn smaller, as far as it can be read.
if (matchMedia("(max-width: 36rem)").matches) {
  const smallest = 0.75; // of the size that the style sheet gives

  const fit = (box, text) => {
    const given = parseFloat(getComputedStyle(text).fontSize);
    let share = 1;
    while (box.scrollWidth > box.clientWidth && share > smallest) {
      share = Math.max(Math.min(share * (box.clientWidth / box.scrollWidth), share - 0.02), smallest);
      text.style.fontSize = `${share * given}px`;
    }
  };
  const fitAll = (part) => {
    for (const box of part.querySelectorAll("div.math")) fit(box, box);
    for (const table of part.querySelectorAll(".vos-table table")) fit(table.parentElement, table);
  };

  if (window.MathJax) {
    Object.assign(MathJax.svg, { displayAlign: "left", displayIndent: "0" });
    MathJax.startup = { pageReady: () => MathJax.startup.defaultPageReady().then(() => fitAll(document)) };
  }
  addEventListener("load", () => fitAll(document));
  document.addEventListener("toggle", (event) => fitAll(event.target), true); // what is folded has no width
}
