"""Pickles that want to run something: each is read, refused by name, and has run nothing."""

import contextlib
import io
import os
import pickle
import pickletools
import struct
import subprocess
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.conversion import fastai1, inspection, pickles
from models.conversion.pickles import Global, Object, RefusedError
from models.conversion.torchfile import TorchFile

LEARNER = Path(__file__).parent / "fastai1" / "learners" / "logits.pkl"


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self.function, self.args, self.state = function, args, state

    def __reduce__(self) -> Any:
        return (self.function, self.args, self.state) if self.state else (self.function, self.args)


def global_tricks() -> Any:
    """Names that only protocol 4 can ask for, with a dot: an attribute of something harmless."""
    parts = [b"\x80\x04", b"\x8c\x09functools", b"\x8c\x12partial.__globals__", b"\x93."]
    return b"".join(parts)


def builds_a_class() -> Any:
    """Sets an attribute of a class, which then is called: BUILD on what was never made."""
    return b"\x80\x02ctorch.nn\nModule\nN}X\x07\x00\x00\x00forwardcos\nsystem\ns\x86b."


def by_inst(command: Any) -> Any:
    return b"(S'" + command.encode() + b"'\nios\nsystem\n."


def by_obj(command: Any) -> Any:
    return b"(cos\nsystem\nS'" + command.encode() + b"'\no."


def shapes(mark: Path) -> Any:
    """Every way of running something that I know of, by name; each would leave the file `mark`."""
    command = f"touch {mark}"
    system = Call(os.system, command)
    state = {"model": None, "data": {"y_cls": None}}
    return {
        "reduce": system,
        "popen": Call(subprocess.Popen, ["touch", str(mark)]),
        "eval": Call(eval, f"__import__('os').system({command!r})"),
        "exec": Call(exec, f"import os; os.system({command!r})"),
        "getattr": Call(getattr, Call(__import__, "os"), "system"),
        "hidden in the loss": {**state, "loss_func": system},
        "hidden in a key": {**state, "cb_state": {system: 1}},
        "hidden in a state": {**state, "model": Call(OrderedDict, state={"x": system})},
        "a pickle in a pickle": Call(pickle.loads, pickle.dumps(system)),
        "torch.load": Call(torch.load, str(mark)),
        "torch.hub": Call(torch.hub.load, "a/b", "c"),
    }


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("shape", list(shapes(Path("x"))))
@pytest.mark.parametrize("container", ["plain", "zip", "legacy"])
def test_nothing_is_run(tmp_path: Path, shape: Any, container: Any, protocol: Any) -> None:
    mark = tmp_path / "ran"
    data = pickle.dumps(shapes(mark)[shape], protocol=protocol)
    path = contain(tmp_path / "learner.pkl", data, container)
    with pytest.raises(RefusedError):
        fastai1.read(path)
    found = inspection.look(path)
    assert found.strange
    assert found.strange[0] in str(found)
    assert "NOT SAFE" in str(found)
    assert not mark.exists()


@pytest.mark.parametrize("make", [global_tricks, builds_a_class])
def test_tricks_with_names_are_refused(make: Any, tmp_path: Path) -> None:
    path = contain(tmp_path / "learner.pkl", make(), "plain")
    with pytest.raises(RefusedError):
        fastai1.read(path)


@pytest.mark.parametrize("make", [by_inst, by_obj])
def test_older_calls_are_calls_too(make: Any, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    path = contain(tmp_path / "learner.pkl", make(f"touch {mark}"), "plain")
    assert inspection.look(path).strange == ["os.system"]
    assert not mark.exists()


def contain(path: Path, data: Any, container: Any) -> Any:
    """`data` as torch would have stored a pickle."""
    if container == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", data)
            archive.writestr("archive/version", b"3\n")
    elif container == "legacy":
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
        head = [pickle.dumps(v, 2) for v in (0x1950A86A20F9469CFC6C, 1001, system)]
        path.write_bytes(b"".join([*head, data, pickle.dumps([], 2)]))
    else:
        path.write_bytes(data)
    return path


def test_a_refusal_names_what_was_found(tmp_path: Path) -> None:
    data: dict[str, object] = {"model": None, "data": {}, "loss_func": Call(os.system, "true")}
    path = contain(tmp_path / "learner.pkl", pickle.dumps(data, 2), "zip")
    with pytest.raises(RefusedError, match=r"posix\.system"):
        fastai1.read(path)


class Loss:
    """A class of one's own, which a learner may carry."""


def test_a_class_of_ones_own_may_be_let_stand() -> None:
    value = pickles.read(pickle.dumps({"loss_func": Loss()}, 2))
    name = f"{__name__}.Loss"
    assert fastai1.strange(pickles.walk(value)) == {name}
    assert fastai1.strange(pickles.walk(value), frozenset({name})) == set()


def test_a_compressed_entry_is_refused(tmp_path: Path) -> None:
    """Torch stores; a few kilobytes of deflated noughts would be gigabytes in memory."""
    path = tmp_path / "bomb.pkl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x00" * 50_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(RefusedError, match="compressed"):
        TorchFile(path)


def test_an_archive_in_an_archive_is_no_learner(tmp_path: Path) -> None:
    inner = contain(tmp_path / "inner.pkl", pickle.dumps(Call(os.system, "true"), 2), "zip")
    path = tmp_path / "outer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "learner.pkl")
    with pytest.raises(RefusedError, match=r"no data\.pkl"):
        fastai1.read(path)


def test_a_tensor_larger_than_its_storage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.pt"
    torch.save({"wide": torch.zeros(1).expand(100_000, 100_000)}, path)
    with TorchFile(path) as file, pytest.raises(RefusedError, match="larger than its storage"):
        file.tensor(file.value["wide"])


def test_keys_that_take_for_ever_to_hash_are_refused() -> None:
    """Each tuple holds the last one twice: forty of them are a billion leaves to a hash."""
    laughs = b"\x80\x02}" + b")" + b"2\x86" * 40 + b"K\x01s."
    with pytest.raises(RefusedError, match="nested tuples"):
        pickles.read(laughs)


def test_what_is_referred_to_often_is_walked_once() -> None:
    laughs = b"\x80\x02]" + b"2\x86" * 60 + b"."
    assert len(list(pickles.walk(pickles.read(laughs)))) == 61


def test_ends_and_lengths_that_lie_are_refused() -> None:
    for data in (
        b"",
        b"\x80",
        b"\x80\x02",
        b"\x80\x02.",
        b"\x8e" + struct.pack("<Q", 2**62),
        b"(K\x01",
    ):
        with pytest.raises(RefusedError):
            pickles.read(data)


def test_extensions_and_buffers_are_refused() -> None:
    for data in (b"\x80\x02\x82\x01.", b"\x80\x05\x97."):
        with pytest.raises(RefusedError, match="no learner needs"):
            pickles.read(data)


@given(st.binary(max_size=200))
def test_noise_is_refused_or_read_and_nothing_else(data: Any) -> None:
    with contextlib.suppress(RefusedError):
        pickles.read(data)


def test_reads_a_string_whose_escape_means_nothing() -> None:
    assert pickles.read(b"S'a\\.b'\n.") == "a\\.b"


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_damaged_learner_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    with zipfile.ZipFile(LEARNER) as whole:
        entries = {name: whole.read(name) for name in whole.namelist()}
    root = next(name for name in entries if name.endswith("/data.pkl"))
    at = data.draw(st.integers(0, len(entries[root]) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=4))
    entries[root] = entries[root][:at] + noise + entries[root][at + len(noise) :]
    path = tmp_path_factory.mktemp("damaged") / "learner.pkl"
    with zipfile.ZipFile(path, "w") as damaged:
        for name, content in entries.items():
            damaged.writestr(name, content)
    with contextlib.suppress(RefusedError):
        fastai1.read(path)


@pytest.mark.parametrize("lost", ["weight_orig", "weight_u", "gamma", "layers"])
def test_a_learner_that_does_not_hold_together_is_refused(tmp_path: Path, lost: Any) -> None:
    """A name that the network looks up is no longer there."""
    learner = LEARNER.with_name("spectral.pkl")
    path = tmp_path / "learner.pkl"
    with zipfile.ZipFile(learner) as whole, zipfile.ZipFile(path, "w") as damaged:
        for name in whole.namelist():
            content = whole.read(name)
            if name.endswith("/data.pkl"):
                assert lost.encode() in content
                content = content.replace(lost.encode(), lost[::-1].encode())
            damaged.writestr(name, content)
    with pytest.raises(RefusedError):
        fastai1.read(path)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(plain, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_are_read_as_they_are(value: Any, protocol: Any) -> None:
    data = pickle.dumps(value, protocol)
    if any(op.name == "GLOBAL" for op, _, _ in pickletools.genops(data)):
        return  # bytes in the older protocols are a call of _codecs.encode
    assert pickles.read(io.BytesIO(data)) == value


def test_an_object_is_written_down_and_not_made() -> None:
    read = pickles.read(pickle.dumps(Call(os.system, "true"), 2))
    assert isinstance(read, Object)
    assert read.maker == Global("posix", "system")
    assert read.args == ("true",)


def test_a_genuine_learner_has_nothing_strange() -> None:
    found = inspection.look(LEARNER)
    assert found.strange == []
    assert "DynamicUnet" in str(found)
    assert found.storages > 50
