"""How the commands are built: one look, and subcommands that are imported only when they are called."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

_WIDTH = 100  # of the help, on a terminal that is wider


class _Unloaded(TyperCommand):
    """A subcommand of which only the name and the summary are known so far; its callback returns the app."""


class LazyGroup(TyperGroup):
    """A group that imports a subcommand of `add_lazily` when it is called.

    Help, shell completion and "did you mean" make do with names and summaries.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (Typer keeps its own click)
        """Parse the options of the group itself."""
        for option in self.get_params(ctx):
            # To convert None, Typer would import pydantic, which takes longer than the help itself.
            if option.default is None and getattr(option, "is_bool_flag", False):
                option.default = False
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:  # noqa: ANN401 (likewise)
        """Return the subcommand that the arguments name, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _loaded(command), rest


def new_app(summary: str | None = None, *, add_completion: bool = False) -> typer.Typer:
    """Return a command, or a group of commands, without anything in it.

    Its help is plain text: drawing boxes around it would take longer than all else that `--help` does.

    Args:
        summary: what a group is for; None for a single command, whose docstring is its help.
        add_completion: offer `--install-completion` and `--show-completion`.
    """
    return typer.Typer(
        cls=LazyGroup,
        help=summary,
        no_args_is_help=summary is not None,
        add_completion=add_completion,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"max_content_width": _WIDTH},
    )


def add_lazily(group: typer.Typer, name: str, module: str, summary: str) -> None:
    """Add the `app` of a module to a group as a subcommand.

    Args:
        group: made with `new_app`.
        name: of the subcommand.
        module: its full name.
        summary: the first sentence of the subcommand's help.
    """

    def load() -> Any:  # noqa: ANN401 (an attribute of any module)
        return import_module(module).app

    group.command(name, cls=_Unloaded, help=summary, short_help=summary)(load)


def subcommands(command: Any) -> Mapping[str, Any]:  # noqa: ANN401 (likewise)
    """Return the subcommands of a command as Typer made it, imported; empty where it has none."""
    return {name: _loaded(below) for name, below in getattr(command, "commands", {}).items()}


def _loaded(command: Any) -> Any:  # noqa: ANN401 (likewise)
    return get_command(command.callback()) if isinstance(command, _Unloaded) and command.callback else command
