// Loaded after RequireJS and before the widget manager: modules and fonts (anywidget.js, @jupyter-widgets/) lie here.
window.require.config({ baseUrl: new URL(".", document.currentScript.src).href });
