"""Parts that a recipe names: network blocks, optimisers, learning-rate schedules.

Purpose: one way to register a part under a name, to find it again, and to use a part of another package through its
dotted path. Inputs: names from recipes. Outputs: the registered callables.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cisflow.problems import InputError, Problem, not_one_of

Part = TypeVar("Part", bound=Callable[..., Any])


def takes_settings_of(made: type) -> Callable[[Part], Part]:
    """Return a decorator for a function ``f(..., **settings)`` that hands its settings on to a class.

    The function's signature, which decides what a recipe may say and what messages list, gets the parameters of the
    class that it does not have itself, with their defaults: they are written down once, in the class.
    """

    def enter(part: Part) -> Part:
        own = inspect.signature(part)
        first = [one for one in own.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        given = [one for one in inspect.signature(made).parameters.values() if one.name not in own.parameters]
        part.__signature__ = own.replace(parameters=[*first, *given])  # type: ignore[attr-defined]
        return part

    return enter


class Registry:
    """Named callables of one kind.

    Parameters
    ----------
    kind : str
        What the members are, for messages, e.g. ``"optimiser"``.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._members: dict[str, Callable[..., Any]] = {}

    def register(self, name: str) -> Callable[[Part], Part]:
        """Return a decorator that enters a class or function under ``name``."""

        def enter(part: Part) -> Part:
            if name in self._members:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._members[name] = part
            return part

        return enter

    def names(self) -> list[str]:
        """Registered names in alphabetical order."""
        return sorted(self._members)

    def find(self, name: str, where: str = "recipe") -> Callable[..., Any]:
        """Return the member called ``name``; ``package.module:Attribute`` is imported instead.

        Raises
        ------
        InputError
            When there is no such member, or the dotted path cannot be imported.
        """
        if name in self._members:
            return self._members[name]
        if isinstance(name, str) and ":" in name:
            module_name, _, attribute = name.partition(":")
            try:
                return getattr(importlib.import_module(module_name), attribute)
            except (ImportError, AttributeError) as error:
                raise InputError(Problem(where, f"{self.kind} {name!r} cannot be imported: {error}")) from error
        raise InputError(
            Problem(where, f"{self.kind} {not_one_of(name, self.names())}; a dotted path is package.module:Class")
        )

    def make(self, settings: Mapping[str, Any], *arguments: Any, where: str = "recipe") -> Any:
        """Call the member named by ``settings["name"]`` with ``arguments`` and the other settings as keywords.

        Raises
        ------
        InputError
            When the member is unknown or does not take the given settings or their values.
        """
        if not isinstance(settings, Mapping) or "name" not in settings:
            raise InputError(Problem(where, f"{self.kind} {settings!r}: expected a mapping with the key `name`"))
        options = {key: value for key, value in settings.items() if key != "name"}
        part = self.find(settings["name"], where)
        signature = inspect.signature(part)
        try:
            signature.bind(*arguments, **options)
        except TypeError as error:
            given = list(signature.parameters)[len(arguments) :]
            raise InputError(
                Problem(where, f"{self.kind} {settings['name']!r}: {error}; its settings are: {', '.join(given)}")
            ) from error
        try:
            return part(*arguments, **options)
        except InputError:
            raise
        except ValueError as error:
            raise InputError(Problem(where, f"{self.kind} {settings['name']!r}: {error}")) from error
