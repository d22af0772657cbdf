"""Writes docs/commands.md and docs/configuration.md from the commands and the settings themselves.

With --check nothing is written, and the exit status is 1 when a page is not what would be written.
"""

import argparse
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer.main

from influxdb_tools.create_ts_databases import app as create_app
from influxdb_tools.sync_ts_databases import app as sync_app
from tstats.cli import app
from tstats.command.app import subcommands
from tstats.config import loading as config
from tstats.config import settings

DOCS = Path(__file__).resolve().parent.parent / "docs"
GENERATED = "<!-- Written by scripts/docs: change the source instead. -->\n"
COMMANDS = {
    "tstats": typer.main.get_command(app),
    "create_ts_databases": typer.main.get_command(create_app),
    "sync_ts_databases": typer.main.get_command(sync_app),
}

COMMANDS_HEAD = """\
# The commands

What each command's `--help` says. All of them end with the exit status 2 for wrong usage and a wrong
configuration, and 130 after Ctrl-C.

"""

CONFIGURATION_HEAD = """\
# Configuration

One JSON file: Go's `traffic_stats.cfg` as it is, with keys of our own. The smallest one that collects:

```json
{
  "toUrl": "https://to.example.com",
  "toUser": "tstats",
  "toPasswdFile": "/etc/tstats/to-password",
  "influxUrls": ["http://localhost:8086"],
  "spoolDirectory": "/var/lib/tstats/spool"
}
```

- The letter case of keys is free, as in Go. An unknown key is an error that names it. A key that is absent,
  null or 0 has its default.
- Each key can be overridden from the environment. Texts and lists of texts (with commas) stand there as they
  are, all else as JSON. An unknown variable that begins with `TSTATS_` is an error.
- Relative paths begin at the working directory.
- `tstats collect` reads the file again at SIGHUP, `tstats api` with several workers as well.

| key | type | default | environment | meaning |
|---|---|---|---|---|
"""


def leaves(name: str, command: Any, parent: Any = None) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 (Typer keeps its own click)
    """Each command that does something: its name as it is typed, itself, and its context."""
    context = command.make_context(name.rsplit(maxsplit=1)[-1], [], parent=parent, resilient_parsing=True)
    below = subcommands(command)
    if not below:
        yield name, command, context
    for key in sorted(below):
        yield from leaves(f"{name} {key}", below[key], context)


def described(name: str, command: Any, context: Any) -> str:  # noqa: ANN401 (the same)
    """A command's section."""
    usage = command.get_usage(context).removeprefix("Usage: ")
    parts = [f"## {name}", f"```text\n{usage}\n```", markdown(command.help)]
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [f"| `{cell(names)}` | {cell(markdown(text))} |" for names, text in filter(None, records)]
    parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    if command.epilog:
        parts.append("```text\n" + command.epilog.replace("\b\n", "").strip() + "\n```")
    return "\n\n".join(parts) + "\n"


def cell(text: str) -> str:
    """A text in a table's cell."""
    return text.replace("|", r"\|").replace("\n", " ")


def markdown(text: str) -> str:
    """Plain text as Markdown: what looks like a tag or a link is none."""
    return re.sub(r"(`[^`]*`)|([<\[*])", lambda found: found[1] or f"\\{found[2]}", text)


def meanings(structure: type) -> dict[str, str]:
    """What the docstring says of each attribute.

    Raises:
        SystemExit: an attribute is not described.
    """
    text = (inspect.getdoc(structure) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", text, re.MULTILINE)
    found = {name: " ".join(meaning.split()) for name, meaning in entries}
    missing = [field.name for field in msgspec.structs.fields(structure) if field.name not in found]
    if missing:
        sys.exit(f"reference: {structure.__name__} describes no attribute {', '.join(missing)}")
    return found


def kind(wanted: msgspec.inspect.Type) -> str:  # noqa: PLR0911 (one a type)
    """A type, as JSON has it."""
    match wanted:
        case msgspec.inspect.IntType(ge=least, le=most):
            return "number" if most is None else f"{least:,} … {most:,}"
        case msgspec.inspect.BoolType():
            return "`true`, `false`"
        case msgspec.inspect.LiteralType(values=values):
            return ", ".join(f'`"{value}"`' for value in values)
        case msgspec.inspect.ListType():
            return "list of texts"
        case msgspec.inspect.UnionType():
            return "text or `null`"
        case msgspec.inspect.StructType():
            return "object"
        case _:
            return "text"


def rows(structure: type, *, within: str = "") -> Iterator[str]:
    """A table's row for each key."""
    meaning = meanings(structure)
    for field in msgspec.inspect.type_info(structure).fields:  # type: ignore[attr-defined]  # of a Struct
        nothing = field.default in ("", msgspec.NODEFAULT) or isinstance(
            field.type, msgspec.inspect.StructType
        )
        shown = "" if nothing else f"`{json.dumps(field.default)}`"
        cells = [f"`{field.encode_name}`", kind(field.type), shown]
        if not within:
            cells.append(f"`{config.environment_name(field.encode_name)}`")
        yield "| " + " | ".join([*cells, cell(markdown(meaning[field.name]))]) + " |"


def commands_page() -> str:
    """docs/commands.md."""
    found = [leaf for name, command in COMMANDS.items() for leaf in leaves(name, command)]
    return GENERATED + COMMANDS_HEAD + "\n".join(described(*leaf) for leaf in found)


def configuration_page() -> str:
    """docs/configuration.md."""
    lines = [GENERATED + CONFIGURATION_HEAD + "\n".join(rows(settings.Settings))]
    for title, structure in (("logs", settings.Logs), ("kafkaConfig", settings.KafkaConfig)):
        about = (inspect.getdoc(structure) or "").partition("\n\n")[0]
        lines.append(f"\n## {title}\n\n{about}\n\n| key | type | default | meaning |\n|---|---|---|---|")
        lines += rows(structure, within=title)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="only tell whether a page is old")
    options = parser.parse_args()
    old = []
    for name, text in (("commands.md", commands_page()), ("configuration.md", configuration_page())):
        file = DOCS / name
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        old.append(name)
        if not options.check:
            file.write_text(text, encoding="utf-8")
    if options.check and old:
        print(f"docs: {' and '.join(old)} are not what the source says: run scripts/docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
