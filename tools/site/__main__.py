"""`python -m tools.site [--serve]`: build/site, with warnings as errors; or a server that shows it on this machine."""

from __future__ import annotations

import argparse
import http.server
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tools.site.algorithms import Algorithms
from tools.site.links import ROOT, BrokenLinkError
from tools.site.offline import OutsideError, made_offline
from tools.site.pages import Pages
from tools.site.reference import UndocumentedError
from tools.site.search_index import names_alone

BUILD = ROOT / "build"
PORT = 8123


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.site", description=__doc__)
    parser.add_argument("--serve", action="store_true", help=f"then show it at http://127.0.0.1:{PORT}")
    options = parser.parse_args()
    try:
        pages = Pages(BUILD / "pages")
        pages.write()
        (BUILD / "mkdocs.yml").write_text(configuration(pages.algorithms))
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
        if subprocess.run([*command, "--config-file", "mkdocs.yml"], cwd=BUILD).returncode:
            return 1
        made_offline(BUILD / "site")
        names_alone(BUILD / "site")
    except (BrokenLinkError, UndocumentedError, OutsideError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{BUILD / 'site' / 'index.html'}")
    if options.serve:
        handler = partial(http.server.SimpleHTTPRequestHandler, directory=BUILD / "site")
        with http.server.ThreadingHTTPServer(("127.0.0.1", PORT), handler) as server:
            print(f"http://127.0.0.1:{PORT}")
            server.serve_forever()
    return 0


def configuration(algorithms: Algorithms) -> str:
    """That of the builder: what stands in mkdocs.yml, and a place in the menu for each algorithm."""
    values: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("mkdocs.yml").read_text())
    for plugin in values["plugins"]:
        if isinstance(plugin, dict) and "mkdocstrings" in plugin:
            plugin["mkdocstrings"]["handlers"]["python"]["paths"] = [str(ROOT)]
    for section in values["nav"]:
        if "Algorithms" in section:
            section["Algorithms"] += algorithms.menu()
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


if __name__ == "__main__":
    sys.exit(main())
