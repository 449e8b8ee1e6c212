"""Sphinx: what the text says in plain words, "Figure 9.3" or "chapter 11, section 6", becomes a link to that place.

The places are found as pages are read: figures, and tables that code has shown, by the id that they carry, equations by
their tag, tables of the text by a bold "Table 9.1" before them, exercises and sections by their headings. Words in
code, formulas, headings and links stay as they are, and so does a section "References", where the papers' own sections
are named. A place that is not there is a warning, which fails the build.

What is written to a formula without a space, a bracket or a comma, stays on its line.
"""

import re
import zlib
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import start_of_file
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from pipeline.chapters import chapter_paths
from pipeline.mentions import Mention, anchor, find_mentions

CHAPTER = re.compile(r"chapters/(\d\d)_\w+")
EXERCISE, SECTION, TABLE = (re.compile(r) for r in (r"Exercise (\d+\.\d+) ", r"(\d+) ", r"Table (\d+\.\d+)"))
TAG, SHOWN = re.compile(r"\\tag\{(\d+\.\d+)\}"), re.compile(r'<figure [^>]*\bid="((?:figure|table)-\d+-\d+)"')
AS_IT_IS = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.reference, nodes.title, nodes.raw)


class Places(EnvironmentCollector):
    """Keeps in the environment which places every page has, and gives an id to those that have none."""

    def clear_doc(self, app: Sphinx, env: BuildEnvironment, docname: str) -> None:
        _places(env).pop(docname, None)

    def merge_other(self, app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
        _places(env).update({name: found for name, found in _places(other).items() if name in docnames})

    def process_doc(self, app: Sphinx, doctree: nodes.document) -> None:
        found = {id for raw in doctree.findall(nodes.raw) for id in SHOWN.findall(raw.astext())}
        for formula in doctree.findall(nodes.math_block):
            _keep_tag(formula)
        for node, place in _without_id(doctree):
            node["ids"].append(place)
            found.add(place)
            if place.startswith("table-"):
                node["classes"].append("vos-table-caption")  # the look of the captions that `show_table` writes
        _places(app.env)[app.env.docname] = found


def _keep_tag(formula: nodes.math_block) -> None:
    """Sphinx puts a formula of several lines into an environment that takes no tag: give it one that does."""
    text = formula.astext()
    if TAG.search(text) and r"\\" in text:
        formula[:] = [nodes.Text(rf"\begin{{equation}}{text}\end{{equation}}")]
        formula["no-wrap"] = True


def _places(env: BuildEnvironment) -> dict[str, set[str]]:
    return env.__dict__.setdefault("vosbook_places", {})  # Sphinx keeps an environment's attributes between builds


def _without_id(doctree: nodes.document) -> list[tuple[nodes.Element, str]]:
    """Sections, exercises, equations and tables, with their places."""
    patterns = {nodes.title: (("exercise", EXERCISE), ("section", SECTION)), nodes.strong: (("table", TABLE),)}
    found = [(node, anchor("equation", match[1])) for node in doctree.findall(nodes.math_block)
             if (match := TAG.search(node.astext()))]  # fmt: skip
    for kind, of_kind in patterns.items():
        for node in doctree.findall(kind):
            matches = ((name, pattern.match(node.astext())) for name, pattern in of_kind)
            found += [(node.parent, anchor(name, match[1])) for name, match in matches if match]
    return found


class Links(SphinxPostTransform):
    """Puts a link around every mention."""

    default_priority = 400
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for paragraph in self.document.findall(nodes.TextElement):
            _join_lines(paragraph)
        for text in list(self.document.findall(nodes.Text)):
            if not _stays(text):
                self._link(text)

    def _link(self, text: nodes.Text) -> None:
        page, words, parts, done = _page(text) or self.env.docname, text.astext(), [], 0
        for mention in find_mentions(words):
            if (address := self._address(mention, page, text)) is not None:
                said = words[mention.start : mention.end]
                link = nodes.reference("", "", nodes.inline("", said), internal=True, refuri=address)
                parts += [nodes.Text(words[done : mention.start]), link]
                done = mention.end
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(words[done:])])

    def _address(self, mention: Mention, page: str, text: nodes.Text) -> str | None:
        """Where a mention leads, as seen from the page. None where that is not a page of this build."""
        target = self._chapter(mention.chapter) if mention.chapter else page
        if target is None or (not mention.chapter and not CHAPTER.fullmatch(page)):
            if mention.chapter and mention.chapter not in {path.name[:2] for path in chapter_paths()}:
                self._warn(f"there is no chapter {mention.chapter}", text)
            return None  # the chapter was not built; or a section, where no chapter is
        if mention.place and mention.place not in _places(self.env)[target]:
            self._warn(f"{target} has no {mention.place}", text)
            return None
        if self.app.builder.name == "singlehtml":
            return f"#{mention.place or f'document-{target}'}"
        return self.app.builder.get_relative_uri(page, target) + (f"#{mention.place}" if mention.place else "")

    def _chapter(self, number: str) -> str | None:
        return next((name for name in self.env.found_docs if name.startswith(f"chapters/{number}_")), None)

    def _warn(self, trouble: str, text: nodes.Text) -> None:
        said = " ".join(text.parent.astext().split())
        logging.getLogger(__name__).warning("the text refers to what is not there: %s, in %r", trouble, said[:200],
                                            location=self.env.docname)  # fmt: skip


class Together(SphinxPostTransform):
    """Keeps a formula on one line with the bracket before it and the comma behind it.

    A browser may break a line on both sides of a picture, and a formula is one.
    """

    default_priority = 500  # when the links stand
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for formula in list(self.document.findall(nodes.math)):
            parent = formula.parent
            place = parent.index(formula)
            before, behind = parent[max(place - 1, 0) : place], parent[place + 1 : place + 2]
            opening = before and isinstance(before[0], nodes.Text) and re.search(r"\S+\Z", before[0].astext())
            closing = behind and isinstance(behind[0], nodes.Text) and re.match(r"\S+", behind[0].astext())
            if not opening and not closing:
                continue
            line = nodes.inline("", "", classes=["together"])
            parent.replace(formula, line)
            if opening:
                line += nodes.Text(opening[0])
                parent.replace(before[0], nodes.Text(before[0].astext()[: opening.start()]))
            line += formula
            if closing:
                line += nodes.Text(closing[0])
                parent.replace(behind[0], nodes.Text(behind[0].astext()[closing.end() :]))


def _join_lines(paragraph: nodes.TextElement) -> None:
    """One text for each run of texts, of which MyST makes one a line: "chapters 03" and "to 08" belong together."""
    parts: list[nodes.Node] = []
    for child in paragraph.children:
        if parts and isinstance(child, nodes.Text) and isinstance(parts[-1], nodes.Text):
            parts[-1] = nodes.Text(parts[-1].astext() + child.astext())
        else:
            parts.append(child)
    if len(parts) < len(paragraph.children):
        paragraph[:] = parts


def _page(node: nodes.Node) -> str | None:
    """On the single page that is printed: the document that a node is from."""
    while node is not None and not isinstance(node, start_of_file):
        node = node.parent
    return node and node["docname"]


def _stays(text: nodes.Text) -> bool:
    """Whether a text's words are not to be linked."""
    node = text.parent
    while node is not None:
        if isinstance(node, AS_IT_IS) or (isinstance(node, nodes.section) and "references" in node["ids"]):
            return True
        if isinstance(node, nodes.strong) and TABLE.fullmatch(node.astext()):
            return True  # the number of the table itself
        node = node.parent
    return False


def setup(app: Sphinx) -> dict[str, int]:
    app.add_env_collector(Places)
    app.add_post_transform(Links)
    app.add_post_transform(Together)
    version = zlib.crc32(Path(__file__).read_bytes())  # pages that an older form has read are read again
    return {"env_version": version, "parallel_read_safe": True, "parallel_write_safe": True}
