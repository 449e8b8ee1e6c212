"""Pictures to try things out in, with sliders, on a page without a kernel too: Python draws every state beforehand."""
