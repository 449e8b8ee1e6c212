// Fetches the widget manager, which is large, when the rest of the page is there: RequireJS, then the manager, which draws
// every widget at once. Modules and fonts (anywidget.js, @jupyter-widgets/) lie beside this file.
{
  const own = document.currentScript;
  const beside = (name) => new URL(name, own.src).href;
  const add = (src) => new Promise((done) => {
    document.head.append(Object.assign(document.createElement("script"), { src, onload: done }));
  });
  const begin = async () => {
    await add(own.dataset.require ?? beside("require.js"));
    window.require.config({ baseUrl: beside(".") });
    for (const { dataset } of document.querySelectorAll("[data-widget-state]")) await add(dataset.widgetState);
    await add(own.dataset.manager ?? beside("embed-amd.js"));
  };
  if (document.readyState === "complete") begin();
  else addEventListener("load", begin);
}
