"""Sphinx: executed notebooks in, the site out. `pipeline.site` calls it; JavaScript is local where npm has put it."""

import os
from pathlib import Path

import matplotlib
import yaml

project = "VOS from scratch"
author = "the VOS from scratch developers"
copyright = author
extensions = ["myst_nb", "sphinx_copybutton", "pipeline.crossrefs"]
exclude_patterns: list[str] = []
html_theme = "sphinx_book_theme"
html_title = "VOS from scratch"
html_static_path = ["_static"]
html_css_files = ["vos.css"]
html_js_files: list[str | tuple] = ["paper.js", "search.js"]
html_show_sphinx = False
html_copy_source = True  # the download button of a page
html_context = {"default_mode": "auto"}
html_theme_options = {
    "use_download_button": True,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "show_navbar_depth": 1,
    "navbar_persistent": [],  # the side bar has the search field already
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

nb_execution_mode = "off"
nb_merge_streams = True
nb_output_stderr = "show"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3
# In this order: MathJax's settings, which are at 500; `phone.js`, which changes them; MathJax, for which the theme's
# own scripts need not wait. In another one, MathJax may come out of the browser's cache before it is told.
mathjax_options = {"async": "async", "priority": 502}
mathjax3_config = {"svg": {"fontCache": "global"}, "options": {"enableMenu": False}}
html_js_files.append(("phone.js", {"priority": 501}))

# `widgets.js` fetches the widget manager when the page is there, and tells RequireJS where anywidget lies: that file
# comes with the Python package, so it is always local.
vendor = Path(os.environ["VOSBOOK_VENDOR"])
html_static_path.append(str(vendor))
if (vendor / "embed-amd.js").is_file():
    mathjax_path = "mathjax/tex-svg.js"
    nb_ipywidgets_js = {"widgets.js": {"defer": "defer"}}
else:
    cdn = "https://cdn.jsdelivr.net/npm"
    manager = f"{cdn}/@jupyter-widgets/html-manager@1.0.15/dist/embed-amd.js"
    nb_ipywidgets_js = {
        "widgets.js": {"defer": "defer", "data-require": f"{cdn}/requirejs@2.3.8/require.js", "data-manager": manager}
    }

# A button that copies on every cell of code; printed output has none.
copybutton_selector = "div.cell_input pre, div[class*=highlight-]:not(.cell_output *) > div.highlight > pre"

if tags.has("singlehtml"):  # noqa: F821 (Sphinx gives it). The one page that `pipeline.pdf` prints: its own style, no widgets.
    html_theme, html_theme_options, html_css_files = "basic", {"nosidebar": True}, ["vos.css", "print.css"]
    html_js_files = []
    html_permalinks, nb_ipywidgets_js = False, {}
    extensions.remove("sphinx_copybutton")
    html_static_path.append(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf"))  # the same type everywhere
    pygments_style = "a11y-high-contrast-light"
    suppress_warnings = ["myst.xref_missing"]  # links to the pages that are not printed become their text

# Over every chapter, the ways to open it. Where the book is published is said in CITATION.cff, or nowhere.
LAB = "http://localhost:8888/lab/tree"  # where `make lab` serves the folder book/
REPOSITORY = yaml.safe_load((Path(__file__).parents[1] / "CITATION.cff").read_text("utf-8")).get("repository-code")


def add_ways_to_open(app, pagename, templatename, context, doctree):
    """A button beside the theme's own: the chapter in the reader's JupyterLab, and the repository where it is known."""
    folder, _, chapter = pagename.rpartition("/")
    if folder != "chapters":
        return
    lab = {"text": f"{chapter}.py in JupyterLab", "tooltip": "While make lab runs", "icon": "fas fa-book-open"}
    ways = [lab | {"url": f"{LAB}/{chapter}.py", "label": "open-in-lab"}]
    if REPOSITORY:
        ways.append({"text": "repository", "url": REPOSITORY, "icon": "fas fa-code-branch", "label": "open-repository"})
    group = {"type": "group", "tooltip": "Open this chapter", "icon": "fas fa-rocket", "label": "open-buttons"}
    context["header_buttons"].insert(0, group | {"buttons": [{"type": "link", **way} for way in ways]})


def setup(app):
    app.connect("html-page-context", add_ways_to_open, priority=502)  # the theme's own are added at 501
