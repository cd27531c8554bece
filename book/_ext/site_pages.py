"""Sphinx extension: how the book is found and shared.

The chapters' numbers, which the texts name ('chapter 7'), stand before their titles. Each page
tells search engines and messengers what it is about, with a picture. The book's own search knows
headings and prose, not code: `%pip install` in every chapter would answer 'install' with all of
them.
"""

import html
import json
import re
import shutil
from pathlib import Path

from docutils import nodes

HERE = Path(__file__).parent
NUMBER = re.compile(r"0*(\d+\w?)_")  # of a chapter, in its file's name
LONGEST = 200  # characters of a description
CODE = (nodes.literal_block, nodes.raw)


def use_icon(app, config):
    config.html_favicon = str(HERE / "favicon.svg")


def number_title(app, docname, source):
    """'# Retrieval' of `09_retrieval.ipynb` becomes '# 9 · Retrieval'."""
    found = NUMBER.match(Path(docname).name)
    if not found or found[1] == "0" or Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    first = notebook["cells"][0]
    text = "".join(first["source"])
    first["source"] = re.sub(r"^# ", f"# {found[1]} · ", text)
    source[0] = json.dumps(notebook)


def description(doctree):
    """The first paragraph of a page without a picture, cut at a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) > 60 and not list(paragraph.findall(nodes.image)):
            return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " ..."
    return ""


def address(repository):
    """Where GitHub publishes the pages of https://github.com/OWNER/NAME."""
    owner, name = repository.rstrip("/").split("/")[-2:]
    return f"https://{owner}.github.io/{name}"


def describe(app, pagename, templatename, context, doctree):
    if doctree is None:
        return
    root = address(app.config.html_theme_options["repository_url"])
    about, title = description(doctree), re.sub("<[^>]*>", "", context["title"])
    tags = {
        ("name", "description"): about,
        ("property", "og:type"): "article",
        ("property", "og:site_name"): app.config.html_title,
        ("property", "og:title"): html.unescape(title),
        ("property", "og:description"): about,
        ("property", "og:url"): f"{root}/{pagename}.html",
        ("property", "og:image"): f"{root}/_static/preview.jpg",
        ("name", "twitter:card"): "summary_large_image",
    }
    context["metatags"] = context.get("metatags", "") + "".join(
        f'<meta {kind}="{name}" content="{html.escape(text)}">\n'
        for (kind, name), text in tags.items()
        if text
    )


def search_prose(app):
    """Leaves code out of what the search knows; a page still answers to the words around it."""
    index = getattr(app.builder, "index_page", None)
    if not index:
        return

    def index_prose(pagename, doctree, title):
        doctree = doctree.deepcopy()
        for node in list(doctree.findall(lambda node: isinstance(node, CODE))):
            node.parent.remove(node)
        index(pagename, doctree, title)

    app.builder.index_page = index_prose


def copy_picture(app, exception):
    if not exception and app.builder.format == "html":
        shutil.copy(HERE / "preview.jpg", Path(app.outdir) / "_static")


def setup(app):
    app.connect("config-inited", use_icon)
    app.connect("source-read", number_title)
    app.connect("builder-inited", search_prose)
    app.connect("html-page-context", describe)
    app.connect("build-finished", copy_picture)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
