// Loaded after RequireJS and before the widget manager: where the module "anywidget" of the inspector lies.
window.require.config({
  paths: { anywidget: new URL("anywidget", document.currentScript.src).href },
});
