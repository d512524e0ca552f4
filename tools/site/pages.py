"""All pages of the site, in one folder of Markdown and pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.site import algorithms, notebooks, reference, zoo
from tools.site.links import ROOT, rewritten

# Where files are shown whose place does not follow from their name.
PLACES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "results/how.md",
}
LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json", ".sh": "bash", ".yml": "yaml"}
PICTURES = {".png", ".svg", ".gif", ".jpg", ".mp4"}
LONGEST = 200_000  # bytes of a file that a page shows


class Pages:
    """Writes pages into a folder; a file of the repository that any of them links to gets a page as well."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.algorithms = algorithms.Algorithms()
        self.asked: list[Path] = []

    def write(self) -> None:
        """All of them, into an emptied folder. Raises BrokenLinkError and UndocumentedError."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in PLACES:
            self.prose(Path(name))
        for file in sorted((ROOT / "docs").rglob("*.md")) + sorted(
            (ROOT / "benchmarks" / "results").glob("*.md")
        ):
            self.prose(file.relative_to(ROOT))
        for file in sorted((ROOT / "docs" / "tutorials").glob("*.ipynb")):
            self.tutorial(file.relative_to(ROOT))
        for page, text in (self.algorithms.pages() | reference.pages() | {zoo.PAGE: zoo.page()}).items():
            self.put(page, text)
        for study in self.algorithms.studies:
            self.place_of(Path("benchmarks/results", study["picture"]))
        done: set[Path] = set()
        while remaining := [file for file in self.asked if file not in done]:
            for file in remaining:
                done.add(file)
                self.source(file)

    def prose(self, file: Path) -> None:
        """A page of Markdown."""
        page = self.place_of(file)
        self.put(page, rewritten((ROOT / file).read_text(), file, page, self.place_of))

    def tutorial(self, file: Path) -> None:
        """An executed notebook."""
        page = self.place_of(file)

        def prose(text: str) -> str:
            return rewritten(text, file, page, self.place_of)

        text, pictures = notebooks.converted(ROOT / file, file.stem, prose)
        for name, data in pictures.items():
            self.put(f"{Path(page).parent}/{name}", data)
        self.put(page, text)

    def source(self, file: Path) -> None:
        """A page that shows a file, or lists a folder; a picture as it is."""
        page, path = self.place_of(file), ROOT / file
        if file.suffix in PICTURES:
            self.put(page, path.read_bytes())
        elif path.is_dir():
            entries = sorted(each for each in path.iterdir() if each.name[0] not in "._")
            listed = [each.relative_to(ROOT) for each in entries if each.suffix in LANGUAGES]
            lines = [f"- [{each.name}]({each.name}.md)" for each in listed]
            for each in listed:
                self.place_of(each)
            self.put(page, f"# {file}\n\n" + "\n".join(lines) + "\n")
        else:
            text = path.read_text()
            if len(text) > LONGEST:
                text = text[:LONGEST] + "\n…\n"
            self.put(
                page, f"# {file.name}\n\n`{file}`\n\n````{LANGUAGES.get(file.suffix, '')}\n{text}\n````\n"
            )

    def place_of(self, file: Path) -> str:
        """The page that shows a file of the repository."""
        name = file.as_posix()
        if name in PLACES:
            return PLACES[name]
        if file.suffix == ".ipynb":
            return name.removeprefix("docs/").removesuffix(".ipynb") + ".md"
        if file.suffix == ".md" and file.parts[0] == "docs":
            return name.removeprefix("docs/")
        if file.parts[:2] == ("benchmarks", "results") and file.suffix in (".md", *PICTURES):
            place = name.removeprefix("benchmarks/")
        elif file.suffix in PICTURES:
            place = name.removeprefix("docs/")
        else:
            place = f"source/{name}/index.md" if (ROOT / file).is_dir() else f"source/{name}.md"
        if file.suffix != ".md":
            self.asked.append(file)
        return place

    def put(self, page: str, content: str | bytes) -> None:
        """Write a page, or a file next to it."""
        path = self.folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
