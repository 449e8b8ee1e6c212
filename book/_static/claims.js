// The filters over the claims' tables: paper, status, words. Without this script all rows show.
// What is chosen stands in the address, so that a choice can be linked to: claims.html?paper=FRTM&status=contradicted
const place = document.getElementById("claims-filter");
const sections = [...place.closest("article").querySelectorAll("section section")].map((section) => ({
  section,
  paper: section.querySelector("h2").firstChild.textContent.trim(),
}));
const rows = sections.flatMap(({ section, paper }) =>
  [...section.querySelectorAll("tbody tr")].map((row) => ({
    row,
    paper,
    status: row.querySelector(".status").textContent,
    id: row.querySelector("span[id]").id,
    text: row.textContent.toLowerCase(),
  })),
);

function control(name, label, element) {
  const outer = document.createElement("label");
  outer.textContent = label;
  element.name = name;
  outer.append(element);
  return outer;
}

function choice(name, label, values) {
  const select = document.createElement("select");
  for (const value of ["", ...values]) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = value || "all";
    select.append(option);
  }
  return control(name, label, select);
}

const form = document.createElement("form");
const words = document.createElement("input");
words.type = "search";
words.placeholder = "words, or an id";
const count = document.createElement("output");
form.append(
  choice("paper", "Paper", sections.map(({ paper }) => paper)),
  choice("status", "Status", ["reproduced", "direction holds", "contradicted", "inconclusive", "not run"]),
  control("words", "Words", words),
  count,
);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", () => {
  const chosen = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", chosen.size ? `?${chosen}` : location.pathname);
  filter();
});
place.append(form);

function filter() {
  const { paper, status } = Object.fromEntries(new FormData(form));
  const wanted = words.value.toLowerCase().split(/\s+/);
  let shown = 0;
  for (const one of rows) {
    const fits =
      (!paper || one.paper === paper) &&
      (!status || one.status === status) &&
      wanted.every((word) => one.text.includes(word) || one.id.startsWith(word));
    one.row.hidden = !fits;
    shown += fits;
  }
  for (const { section } of sections) section.hidden = !section.querySelector("tbody tr:not([hidden])");
  count.value = `${shown} of ${rows.length} claims`;
}

for (const [name, value] of new URLSearchParams(location.search)) {
  if (form.elements[name]) form.elements[name].value = value;
}
filter();
