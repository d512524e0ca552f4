"""The documentation as a site: `python -m tools.site` writes build/site, which opens from the disk without a network.

Pages are ordinary Markdown: those of docs/, the README, the results, and others that are made of the code itself (one
for each algorithm, the reference). They are put together in build/pages, where every link must lead somewhere. Zensical
makes HTML of that.
"""
