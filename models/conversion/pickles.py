"""Read a pickle as data: what it names, calls and fills in. Nothing is imported or run.

A pickle is a program for a stack machine, and `pickle.loads` runs it. Here the same program is
followed symbolically: a name becomes a `Global`, and a call becomes an `Object` that records what
would have been called. `models.conversion.fastai1` builds real layers from such records, for the
classes that it knows. Time and memory are in proportion to the pickle's size.
"""

import io
import pickletools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO

from models.conversion.text import plain

MAX_OPCODES = 20_000_000
_LARGEST_INT = 2**1024  # torch's own are of 80 bits; a dictionary hashes its keys again and again
_LONGEST_KEY = 64  # elements of a tuple that is a key, for the same reason


class RefusedError(ValueError):
    """A file that is not converted; the message names what was found, and what would help."""


@dataclass(frozen=True)
class Global:
    """A name that unpickling would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Tuple(tuple[Any, ...]):
    """A tuple that says only that it is one: some hold each other so often that no text would do.

    So do `List`, `Dict`, `Set` and `FrozenSet`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "a tuple"


class List(list[Any]):
    def __repr__(self) -> str:
        return "a list"


class Dict(dict[Any, Any]):
    def __repr__(self) -> str:
        return "a dictionary"


class Set(set[Any]):
    def __repr__(self) -> str:
        return "a set"


class FrozenSet(frozenset[Any]):
    def __repr__(self) -> str:
        return "a frozen set"


@dataclass(eq=False, repr=False)
class Object:
    """What unpickling would have made by calling `maker`, and what it would have put into it."""

    maker: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=Dict)
    called: bool = True  # by REDUCE; otherwise it is `maker.__new__` that would have been called
    state: Any = None
    slots: dict[Any, Any] | None = None
    built: bool = False
    items: list[tuple[Any, Any]] = field(default_factory=list)
    members: list[Any] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<{self.maker}>" if isinstance(self.maker, Global) else "<an object>"

    def get(self, key: str, default: Any = None) -> Any:
        """An attribute, as pickle would have put it into `__dict__`."""
        for state in (self.slots, self.state):
            if isinstance(state, dict) and key in state:
                return state[key]
        return default

    @cached_property
    def mapping(self) -> dict[Any, Any]:
        """The items of a dictionary's kind of object."""
        given = self.args[0] if self.args else []
        return dict([*given, *self.items])


@dataclass(frozen=True, eq=False)
class Persistent:
    """A reference to something outside the pickle; torch keeps tensors' storages so."""

    key: Any


class _Mark:
    pass


_MARK = _Mark()
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": Tuple,
    "EMPTY_LIST": List,
    "EMPTY_DICT": Dict,
    "EMPTY_SET": Set,
}
_LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE"),
    *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}


class _Machine:
    """The stack machine of one pickle, with calls written down instead of made."""

    def __init__(self, persistent: Callable[[Any], Any]) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.persistent = persistent
        self.names: set[Global] = set()
        self.objects: list[Object] = []

    def name(self, module: str, name: str) -> Global:
        made = Global(module, name)
        self.names.add(made)
        return made

    def make(self, made: Object) -> None:
        self.objects.append(made)
        self.stack.append(made)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise RefusedError("the pickle takes from an empty stack")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        for i in range(len(self.stack) - 1, -1, -1):
            if self.stack[i] is _MARK:
                taken = self.stack[i + 1 :]
                del self.stack[i:]
                return taken
        raise RefusedError("the pickle looks for a mark that it never set")

    def top(self) -> Any:
        if not self.stack:
            raise RefusedError("the pickle takes from an empty stack")
        return self.stack[-1]

    def step(self, op: str, arg: Any) -> None:
        if op in _LITERALS:
            if type(arg) is int and not -_LARGEST_INT < arg < _LARGEST_INT:
                raise RefusedError(
                    "the pickle holds a number that no learner needs: it is too long"
                )
            self.stack.append(arg)
        elif op in _CONSTANTS:
            self.stack.append(_CONSTANTS[op]())
        elif op in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[arg] = self.top()
        elif op in ("GET", "BINGET", "LONG_BINGET"):
            if arg not in self.memo:
                raise RefusedError("the pickle reads from a memo that it never wrote")
            self.stack.append(self.memo[arg])
        elif op == "MEMOIZE":
            self.memo[len(self.memo)] = self.top()
        elif op in _HANDLERS:
            _HANDLERS[op](self, arg)
        elif op not in ("PROTO", "FRAME"):
            raise RefusedError(f"the pickle holds {op}, which no learner needs")


def _global(m: _Machine, arg: str) -> None:
    module, _, name = arg.partition(" ")
    m.stack.append(m.name(module, name))


def _stack_global(m: _Machine, _arg: Any) -> None:
    name, module = m.pop(), m.pop()
    if not (isinstance(module, str) and isinstance(name, str)):
        raise RefusedError("the pickle imports something whose name is no text")
    m.stack.append(m.name(module, name))


def _reduce(m: _Machine, _arg: Any) -> None:
    args, maker = m.pop(), m.pop()
    m.make(Object(maker, _as_tuple(args)))


def _newobj(m: _Machine, _arg: Any) -> None:
    args, maker = m.pop(), m.pop()
    m.make(Object(maker, _as_tuple(args), called=False))


def _newobj_ex(m: _Machine, _arg: Any) -> None:
    kwargs, args, maker = m.pop(), m.pop(), m.pop()
    if not isinstance(kwargs, dict):
        raise RefusedError("the pickle makes an object with keywords that are no dictionary")
    m.make(Object(maker, _as_tuple(args), kwargs, called=False))


def _inst(m: _Machine, arg: str) -> None:
    module, _, name = arg.partition(" ")
    m.make(Object(m.name(module, name), Tuple(m.pop_to_mark())))


def _obj(m: _Machine, _arg: Any) -> None:
    maker, *args = m.pop_to_mark() or [None]
    m.make(Object(maker, Tuple(args)))


def _build(m: _Machine, _arg: Any) -> None:
    state, target = m.pop(), m.top()
    if not isinstance(target, Object):
        raise RefusedError(f"the pickle sets the state of {target!r:.60}, which it has not made")
    if target.built:
        raise RefusedError("the pickle sets the state of an object twice")
    target.built = True
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        state, target.slots = state
    target.state = state


def _append(m: _Machine, _arg: Any) -> None:
    value = m.pop()
    _extend(m.top(), [value])


def _appends(m: _Machine, _arg: Any) -> None:
    values = m.pop_to_mark()
    _extend(m.top(), values)


def _extend(target: Any, values: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(values)
    elif isinstance(target, set):
        target.update(map(_key, values))
    elif isinstance(target, Object):
        target.members.extend(values)
    else:
        raise RefusedError(f"the pickle appends to a {type(target).__name__}")


def _set_items(target: Any, flat: list[Any]) -> None:
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    if isinstance(target, dict):
        target.update((_key(key), value) for key, value in pairs)
    elif isinstance(target, Object):
        target.items.extend(pairs)
    else:
        raise RefusedError(f"the pickle sets an item of a {type(target).__name__}")


def _key(value: Any) -> Any:
    # Hashing a tuple of tuples of tuples, each twice in the next, never ends.
    parts = value if isinstance(value, tuple) else (value,)
    if len(parts) > _LONGEST_KEY or any(isinstance(p, tuple | frozenset | _Mark) for p in parts):
        raise RefusedError("the pickle has a dictionary or a set with nested tuples for keys")
    return value


def _setitem(m: _Machine, _arg: Any) -> None:
    value, key = m.pop(), m.pop()
    _set_items(m.top(), [key, value])


def _setitems(m: _Machine, _arg: Any) -> None:
    flat = m.pop_to_mark()
    _set_items(m.top(), flat)


def _dict(m: _Machine, _arg: Any) -> None:
    made = Dict()
    _set_items(made, m.pop_to_mark())
    m.stack.append(made)


def _tuple_of(count: int) -> Callable[[_Machine, Any], None]:
    def make(m: _Machine, _arg: Any) -> None:
        taken = [m.pop() for _ in range(count)]
        m.stack.append(Tuple(reversed(taken)))

    return make


def _as_tuple(args: Any) -> tuple[Any, ...]:
    if not isinstance(args, tuple):
        raise RefusedError("the pickle calls something with arguments that are no tuple")
    return args


_HANDLERS: dict[str, Callable[[_Machine, Any], Any]] = {
    "MARK": lambda m, _: m.stack.append(_MARK),
    "POP": lambda m, _: m.stack.pop() if m.stack else m.pop(),
    "POP_MARK": lambda m, _: m.pop_to_mark(),
    "DUP": lambda m, _: m.stack.append(m.top()),
    "TUPLE": lambda m, _: m.stack.append(Tuple(m.pop_to_mark())),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "LIST": lambda m, _: m.stack.append(List(m.pop_to_mark())),
    "DICT": _dict,
    "FROZENSET": lambda m, _: m.stack.append(FrozenSet(map(_key, m.pop_to_mark()))),
    "APPEND": _append,
    "APPENDS": _appends,
    "ADDITEMS": _appends,
    "SETITEM": _setitem,
    "SETITEMS": _setitems,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "NEWOBJ": _newobj,
    "NEWOBJ_EX": _newobj_ex,
    "INST": _inst,
    "OBJ": _obj,
    "BUILD": _build,
    "PERSID": lambda m, arg: m.stack.append(m.persistent(arg)),
    "BINPERSID": lambda m, _: m.stack.append(m.persistent(m.pop())),
}


@dataclass(frozen=True)
class Reading:
    """A pickle's `value`, and all that it names and makes, what it then drops included."""

    value: Any
    names: set[Global]
    objects: list[Object]


def follow(stream: BinaryIO | bytes, persistent: Callable[[Any], Any] = Persistent) -> Reading:
    """Follow the next pickle in `stream`, its objects symbolic.

    `persistent` says what a reference to something outside becomes, a `Persistent` by default.

    Raises `RefusedError` on anything but a whole, well-formed pickle. `stream` is left after it.
    """
    source = io.BytesIO(stream) if isinstance(stream, bytes) else stream
    machine = _Machine(persistent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a string's unknown escapes
            for count, (opcode, arg, _) in enumerate(pickletools.genops(source)):
                if opcode.name == "STOP":
                    return Reading(machine.pop(), machine.names, machine.objects)
                if count > MAX_OPCODES:
                    raise RefusedError(f"the pickle has more than {MAX_OPCODES} instructions")
                machine.step(opcode.name, arg)
    except RefusedError:
        raise
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        raise RefusedError(f"not a whole pickle: {plain(error)}") from error
    raise RefusedError("not a whole pickle: it never stops")


def read(stream: BinaryIO | bytes, persistent: Callable[[Any], Any] = Persistent) -> Any:
    """The value alone of what `follow` finds."""
    return follow(stream, persistent).value


def walk(value: Any) -> Iterator[Any]:
    """Everything reachable from `value`, each container once, however often it is referred to."""
    seen: set[int] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str | bytes | int | float | None):
            continue
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, dict):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            pending.extend(item)
        elif isinstance(item, Persistent):
            pending.append(item.key)
        elif isinstance(item, Object):
            pending += [item.maker, item.args, item.kwargs, item.state, item.slots, item.members]
            for pair in item.items:
                pending.extend(pair)
