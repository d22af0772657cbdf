"""How the commands are built: one look, and subcommands that are imported only when they are called."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

_WIDTH = 100  # of the help, on a terminal that is wider


def new_app(
    summary: str | None = None, *, cls: type[TyperGroup] = TyperGroup, add_completion: bool = False
) -> typer.Typer:
    """Return a command, or a group of commands, without anything in it.

    Its help is plain text: drawing boxes around it would take longer than all else that `--help` does.

    Args:
        summary: what a group is for; None for a single command, whose docstring is its help.
        cls: the class of a group.
        add_completion: offer `--install-completion` and `--show-completion`.
    """
    return typer.Typer(
        cls=cls,
        help=summary,
        no_args_is_help=summary is not None,
        add_completion=add_completion,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"max_content_width": _WIDTH},
    )


class _Unloaded(TyperCommand):
    """A subcommand of which only the name and the summary are known so far; its callback returns the app."""


class LazyGroup(TyperGroup):
    """A group whose subcommands are imported when they are called; see `add_lazily`.

    Its own help, shell completion and "did you mean" make do with names and summaries.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:  # noqa: ANN401 (Typer keeps its own click)
        """Return the subcommand that the arguments name, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _loaded(command), rest


def add_lazily(group: typer.Typer, name: str, module: str, summary: str) -> None:
    """Add the `app` of a module to a `LazyGroup`.

    Args:
        group: made with `cls=LazyGroup`.
        name: of the subcommand.
        module: its full name.
        summary: the first sentence of the subcommand's help.
    """

    def load() -> Any:  # noqa: ANN401 (an attribute of any module)
        return import_module(module).app

    group.command(name, cls=_Unloaded, help=summary, short_help=summary)(load)


def subcommands(command: Any) -> Mapping[str, Any]:  # noqa: ANN401 (the same)
    """Return the subcommands of a command as Typer made it, imported; empty where it has none."""
    return {name: _loaded(below) for name, below in getattr(command, "commands", {}).items()}


def _loaded(command: Any) -> Any:  # noqa: ANN401 (the same)
    return get_command(command.callback()) if isinstance(command, _Unloaded) and command.callback else command
