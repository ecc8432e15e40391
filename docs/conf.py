# SPDX-License-Identifier: MIT
#
# Sphinx, called by igt-tests/vm/docs ('make docs').

import re

from docutils import nodes

project = "vmf_range"
copyright = "the authors of vmf_range"
html_theme = "alabaster"
html_theme_options = {
    "description": "Device memory, mapped the best way the page tables allow",
    "fixed_sidebar": True,
    "page_width": "1060px",
    "sidebar_width": "240px",
}
html_copy_source = False
html_show_sphinx = False
highlight_language = "none"
exclude_patterns = ["samples", "figures"]

# Names of this project must be documented somewhere; the kernel's are not here.
nitpicky = True
nitpick_ignore_regex = [("c:.*", "(?!(vmf|VMF|ttm_range|TTM_RANGE)_).*"),
                        ("c:.*", "ttm_(?!range).*")]


def link_functions(app, doctree, docname):
    """Let each ``function()`` that is documented lead to its description."""
    known = {name: (document, anchor) for name, _, kind, document, anchor, _
             in app.env.get_domain("c").get_objects()
             if kind in ("function", "macro")}
    for literal in list(doctree.findall(nodes.literal)):
        match = re.fullmatch(r"(\w+)(\(\))?", literal.astext())
        if not match or match[1] not in known or isinstance(
                literal.parent, (nodes.reference, nodes.title)):
            continue
        document, anchor = known[match[1]]
        page = app.builder.get_relative_uri(docname, document)
        link = nodes.reference(refuri=f"{page}#{anchor}", internal=True)
        literal.replace_self(link)
        link += literal


def setup(app):
    """Called by Sphinx."""
    app.connect("doctree-resolved", link_functions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
