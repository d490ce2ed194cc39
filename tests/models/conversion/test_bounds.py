"""Files made to fool the reader or to exhaust it: what is said is right, and said soon."""

import contextlib
import functools
import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from models.conversion import fastai1, inspection, pickles, weights
from models.conversion.fastai1.builder import Builder
from models.conversion.fastai1.modules import MODULES
from models.conversion.pickles import RefusedError
from models.conversion.text import plain
from models.conversion.torchfile import TorchFile

DEEP = b")" + b"2\x86" * 40  # a tuple that holds the one before it twice, forty times over
LEARNERS = Path(__file__).parent / "fastai1" / "learners"


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> Any:
        return self.function, self.args


EVIL = pickle.dumps(Call(print, "canary"), 2)
GOOD = pickle.dumps({"weight": 1}, 2)


def write(path: Path, data: Any) -> Path:
    path.write_bytes(data)
    return path


def zipped(path: Path, entries: Any) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def torch_zip(pickled: Any = GOOD) -> list[tuple[str, bytes]]:
    return [("archive/data.pkl", pickled), ("archive/version", b"3\n")]


def refused_or_not_safe(path: Path) -> str:
    """What `inspect` makes of `path`; nothing else may come of it."""
    try:
        found = inspection.look(path)
    except RefusedError as reason:
        return str(reason)
    assert found.verdict != inspection.SAFE
    return str(found)


def test_a_zip_behind_a_pickle_is_a_pickle(tmp_path: Path) -> None:
    """Python finds an archive's directory at the end; torch goes by the first bytes."""
    good = zipped(tmp_path / "good.zip", torch_zip())
    path = write(tmp_path / "both.pkl", EVIL + good.read_bytes())
    assert "print" in refused_or_not_safe(path)


@pytest.mark.parametrize("name", ["archive/DATA.PKL", "archive/Data.pkl"])
def test_names_that_torch_takes_for_the_same(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "two.zip", [(name, EVIL), *torch_zip()])
    assert "one name" in refused_or_not_safe(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_twice(tmp_path: Path) -> None:
    path = zipped(tmp_path / "two.zip", [*torch_zip(EVIL), ("archive/data.pkl", GOOD)])
    assert "one name" in refused_or_not_safe(path)


def test_a_second_folder(tmp_path: Path) -> None:
    path = zipped(tmp_path / "two.zip", [("other/version", b"3"), *torch_zip()])
    assert "one folder" in refused_or_not_safe(path)


@pytest.mark.parametrize("how", ["before", "behind"])
def test_an_archive_that_is_not_the_whole_file(tmp_path: Path, how: str) -> None:
    """Python shifts an archive's offsets by what stands before it, and torch does not."""
    whole = zipped(tmp_path / "good.zip", torch_zip()).read_bytes()
    other = zipped(tmp_path / "evil.zip", torch_zip(EVIL)).read_bytes()
    data = other + whole if how == "before" else whole + b"more"
    assert "none of torch's" in refused_or_not_safe(write(tmp_path / "both.zip", data))


def test_what_is_called_and_dropped_is_named(tmp_path: Path) -> None:
    dropped = b"\x80\x02c__builtin__\nprint\n(tR0" + GOOD[2:]
    assert "print" in refused_or_not_safe(write(tmp_path / "drop.pkl", dropped))


@pytest.mark.parametrize("at", range(5))
def test_every_pickle_of_a_legacy_file_is_read(tmp_path: Path, at: int) -> None:
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    heads: tuple[object, ...] = (0x1950A86A20F9469CFC6C, 1001, system, {}, [])
    parts = [pickle.dumps(v, 2) for v in heads]
    parts[at] = parts[at][:2] + b"c__builtin__\nprint\n(tR0" + parts[at][2:]
    assert "print" in refused_or_not_safe(write(tmp_path / "old.pkl", b"".join(parts)))


def test_what_follows_is_mentioned(tmp_path: Path) -> None:
    said = refused_or_not_safe(write(tmp_path / "more.pkl", GOOD + EVIL))
    assert inspection.UNKNOWN in said
    assert f"{len(EVIL)} bytes follow" in said


def test_torchs_oldest_format_is_refused(tmp_path: Path) -> None:
    """A tar archive's first bytes are a name, and may be a pickle."""
    path = tmp_path / "old.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in ((GOOD.decode("latin1").replace("\x00", ""), b""), ("pickle", EVIL)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert "tar" in refused_or_not_safe(path)


@pytest.mark.parametrize(
    "made",
    [
        functools.partial(torch.hub.download_url_to_file, "http://x", "y"),
        functools.partial(torch.hub.load_state_dict_from_url, "http://x"),
        Call(eval, "1"),
        Call(bytearray, 10**12),
    ],
)
def test_a_call_that_fetches_or_runs_is_not_vouched_for(tmp_path: Path, made: Any) -> None:
    data = pickle.dumps({"model": None, "data": {}, "loss_func": made}, 2)
    assert inspection.UNSAFE in refused_or_not_safe(write(tmp_path / "learner.pkl", data))


@pytest.mark.parametrize(
    "name", ["fastai.datasets\nuntar_data", "fastai.core\ndownload_url", "fastai.layers\nos",
             "torchvision.models\nresnet34", "__main__\nLoss", "fastai.basic_train\nload_learner"]
)  # fmt: skip
def test_a_function_that_nobody_can_vouch_for(tmp_path: Path, name: str) -> None:
    data = b"\x80\x02cfunctools\npartial\nc" + name.encode() + b"\n\x85R."
    found = inspection.look(write(tmp_path / "learner.pkl", data))
    assert found.verdict == inspection.UNKNOWN
    assert name.replace("\n", ".") in str(found)


@pytest.mark.parametrize(
    "call",
    [b"cnumpy.core\n_ufunc_reconstruct\nX\x02\x00\x00\x00osX\x06\x00\x00\x00system\x86R.",
     b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00bz2_c\x86R."],
)  # fmt: skip
def test_an_allowed_call_with_other_arguments(tmp_path: Path, call: Any) -> None:
    found = inspection.look(write(tmp_path / "learner.pkl", b"\x80\x02" + call))
    assert found.verdict == inspection.UNSAFE


def test_weights_are_vouched_for(tmp_path: Path) -> None:
    torch.save(nn.Conv2d(3, 3, 3).state_dict(), tmp_path / "net.pth")
    assert inspection.look(tmp_path / "net.pth").verdict == inspection.SAFE


class Writes(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "canary")
        return x


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_script_that_writes_files_is_told_apart(tmp_path: Path) -> None:
    for name, network in (("good.pt", nn.ReLU()), ("evil.pt", Writes())):
        torch.jit.save(torch.jit.script(network), tmp_path / name)
    assert inspection.look(tmp_path / "good.pt").verdict == inspection.UNKNOWN
    found = inspection.look(tmp_path / "evil.pt")
    assert (found.verdict, found.strange) == (inspection.UNSAFE, ["torch.save"])


def test_names_cannot_steer_the_terminal(tmp_path: Path) -> None:
    name = "\x1b[2Jos\nsystem\u202e"
    data = b"\x80\x04" + b"".join(
        b"\x8c" + bytes([len(part.encode())]) + part.encode() for part in (name, name)
    )
    said = refused_or_not_safe(write(tmp_path / "learner.pkl", data + b"\x93."))
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\\x1b[2J" in said


def test_text_is_cut_and_escaped() -> None:
    assert plain("a\tb\x00é") == "a\\tb\\x00é"
    assert len(plain("x" * 10**6)) < 300


@pytest.mark.parametrize(
    "data",
    [
        DEEP + b"N}b.",  # its state is set
        b"cos\nsystem\n" + DEEP + b"\x81.",  # it is an argument
        b"]" + DEEP + b"]b.",
        DEEP + b"Q.",  # it is a reference to something outside
        b"(X\x07\x00\x00\x00storage" + DEEP + DEEP + DEEP + b"K\x01tQ.",
        DEEP + DEEP + b"\x93.",  # it is a name
        DEEP + DEEP + b"R.",  # it is called
        b"}" + DEEP + b"K\x01s.",  # it is a key
        b"(" + DEEP + b"\x91.",  # it is in a set
    ],
)
def test_nested_tuples_hang_nothing(tmp_path: Path, data: Any) -> None:
    path = write(tmp_path / "deep.pkl", b"\x80\x02" + data)
    refused_or_not_safe(path)
    for read in (fastai1.read, weights.read):
        with pytest.raises(RefusedError):
            read(path)


@pytest.mark.parametrize("what", [b"state", b"size", b"stride", b"name", b"module", b"options"])
def test_nested_tuples_in_a_learner_hang_nothing(tmp_path: Path, what: Any) -> None:
    text = {b"state": b"_modules", b"size": b"kernel_size", b"name": b"normalize",
            b"module": b"model", b"options": b"tfmargs", b"stride": b"stride"}[what]  # fmt: skip
    with zipfile.ZipFile(LEARNERS / "spectral.pkl") as whole:
        entries = {name: whole.read(name) for name in whole.namelist()}
    root = next(name for name in entries if name.endswith("/data.pkl"))
    data = entries[root]
    key = b"X" + struct.pack("<I", len(text)) + text
    at = data.index(key) + len(key)
    at += 2 if data[at : at + 1] == b"q" else 5 if data[at : at + 1] == b"r" else 0
    # The value becomes a tuple of what it was and of nested tuples, and the rest stays.
    entries[root] = data[:at] + DEEP + b"0" + data[at:]
    path = zipped(tmp_path / "learner.pkl", entries.items())
    with contextlib.suppress(RefusedError):
        fastai1.read(path)
    with contextlib.suppress(RefusedError):
        inspection.look(path)


def test_states_set_again_and_again(tmp_path: Path) -> None:
    """Each would copy all that went before it."""
    keys = b"".join(b"J" + struct.pack("<i", n) + b"N" for n in range(50_000))
    data = b"\x80\x02}(" + keys + b"uq\x00cfastai.core\nA\n)\x81" + b"h\x00b" * 10**6 + b"."
    with pytest.raises(RefusedError, match="twice"):
        pickles.read(data)


def test_one_large_state_for_many_objects() -> None:
    keys = b"".join(b"J" + struct.pack("<i", n) + b"N" for n in range(50_000))
    data = b"\x80\x02}(" + keys + b"uq\x00cfastai.core\nA\nq\x01]("
    data += b"h\x01)\x81h\x00b" * 100_000 + b"e."
    assert len(pickles.read(data)) == 100_000


@pytest.mark.parametrize("repeated", [b"h\x00N", b"h\x01N"])
def test_keys_that_are_slow_to_hash(repeated: Any) -> None:
    number = b"\x8b" + struct.pack("<i", 10**5) + b"\x01" * 10**5
    data = b"\x80\x02" + number + b"q\x000" + b"(" + b"K\x01" * 10**4 + b"tq\x010}("
    with pytest.raises(RefusedError):
        pickles.read(data + repeated * 10**6 + b"u.")


def shared(layers: int) -> Any:
    """One weight of 4 MB in many layers."""
    weight = nn.Parameter(torch.zeros(1024, 1024, 1, 1).half())
    made = []
    for _ in range(layers):
        layer = nn.Conv2d(1, 1, 1, bias=False)
        layer.in_channels = layer.out_channels = 1024
        layer.weight = weight
        made.append(layer)
    return nn.Sequential(*made)


def test_a_shared_weight_takes_memory_once(tmp_path: Path) -> None:
    torch.save(shared(300), tmp_path / "net.pth")
    with TorchFile(tmp_path / "net.pth") as file:
        network = Builder(file, MODULES).module(file.value)
    places = {layer.weight.data_ptr() for layer in network}  # type: ignore[attr-defined]
    assert len(places) == 1
    found = weights.read(tmp_path / "net.pth")
    assert len({tensor.data_ptr() for tensor in found.values()}) == 1


def test_a_weight_that_becomes_many_is_refused(tmp_path: Path) -> None:
    """Spectral norm makes a weight of its own for each layer that shares one."""
    network = shared(40)
    for layer in network:
        nn.utils.spectral_norm(layer, n_power_iterations=1)
    torch.save(network, tmp_path / "net.pth")
    data = (tmp_path / "net.pth").stat().st_size
    assert data < 10 * 2**20
    with TorchFile(tmp_path / "net.pth") as file, pytest.raises(RefusedError, match="memory"):
        Builder(file, MODULES).module(file.value)


def test_a_module_within_itself_again_and_again(tmp_path: Path) -> None:
    """Forty sequences, each with the one before it twice: a million million layers to run."""
    network = nn.Sequential(nn.ReLU())
    for _ in range(40):
        network = nn.Sequential(network, network)
    torch.save(network, tmp_path / "net.pth")
    with TorchFile(tmp_path / "net.pth") as file, pytest.raises(RefusedError, match="layers"):
        Builder(file, MODULES).module(file.value)
    with pytest.raises(RefusedError, match="modules"):
        weights.read(tmp_path / "net.pth")
