"""The commands that a page of the documentation shows, as a reader would type them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

CHECKOUT = Path(__file__).parents[2]
PAGES = sorted([CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")])
TOOLS = ("tstats", "create_ts_databases", "sync_ts_databases")
_OTHERS = ("curl", "export", "unset", "scripts/demo", "scripts/test", "scripts/bench", "systemctl", "cp")
_ASSIGNMENTS = r"(?:[A-Z_]+=\S* )*"
_BEGINS_A_COMMAND = re.compile(rf"{_ASSIGNMENTS}(?:{'|'.join(map(re.escape, TOOLS + _OTHERS))})(?: |$)")
_A_TOOL = re.compile(rf"{_ASSIGNMENTS}(?:{'|'.join(TOOLS)}) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A command that a page shows.

    Attributes:
        page: the name of the file.
        line: the first line of its block, counted from 1.
        text: the command on one line.
    """

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def commands(page: Path) -> Iterator[Shown]:
    """Yield the commands of a page, in order.

    In a block marked `sh`, every line is a command. In other blocks, a line is a command if it begins with a
    prompt (`$ `) or with the name of a known program.
    """
    for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        if token.type not in ("fence", "code_block") or token.info not in ("", "sh", "console"):
            continue
        for line in re.sub(r"\\\n\s*", "", token.content).splitlines():
            text = line.removeprefix("$ ")
            if token.info == "sh" or text != line or _BEGINS_A_COMMAND.match(text):
                assert token.map
                yield Shown(page=page.name, line=token.map[0] + 1, text=typed(text))


def typed(text: str) -> str:
    """Return a command without its explanation: comments, text far to its right, and optional parts."""
    text = re.sub(r"\s+#\s.*$|\s+&$", "", text)
    text = re.split(r"(?<=\S) {4,}(?![ -])|(?<=URL)  +", text)[0]
    if _A_TOOL.match(text):
        text = re.sub(r"\s*\[[^\]]*\](\.\.\.)?", "", text)
        text = re.sub(r" {2,}", " ", text)
    return text.strip()
