"""A group of commands of which one is meant when none is named."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

RUN = "run"


class DefaultGroup(TyperGroup):
    """`soundwave GROUP X` is `soundwave GROUP run X` where X is no command of the group."""

    default_command = RUN

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in that was left out."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.default_command, *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """What Tab offers: the group's commands, and what the one takes that may be left out."""
        first = next(one for one in self.commands[self.default_command].params if one.param_type_name == "argument")
        return [*super().shell_complete(ctx, incomplete), *first.shell_complete(ctx, incomplete)]
