"""What is written beside photos; MediaPipe itself is in an environment of its own."""

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def landmarks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script, with MediaPipe out of reach."""
    monkeypatch.setitem(sys.modules, "mediapipe", ModuleType("mediapipe"))
    return importlib.import_module("models.training.landmarks")


def face(x: float, y: float) -> np.ndarray:
    """A square mesh of 40 pixels, [478, 2]."""
    mesh = np.full((478, 2), (x, y), np.float32)
    mesh[:4] += [[-20, -20], [20, -20], [-20, 20], [20, 20]]
    return mesh


def finder(landmarks: Any, *found: np.ndarray) -> Any:
    """One whose mesh finds these faces in a photo of 300 by 200 pixels."""
    shares = [mesh / (300, 200) for mesh in found]
    meshes = [
        SimpleNamespace(landmark=[SimpleNamespace(x=x, y=y) for x, y in mesh]) for mesh in shares
    ]
    made = object.__new__(landmarks.Finder)
    result = SimpleNamespace(multi_face_landmarks=meshes or None)
    made.whole = SimpleNamespace(process=lambda _photo: result)
    return made


def test_plain_faces_are_those_that_the_mesh_finds_by_itself(landmarks: Any) -> None:
    photo = np.zeros((200, 300, 3), np.uint8)
    faces = np.array([face(50, 50), face(250, 150)])
    assert finder(landmarks, face(254, 147)).plain(photo, faces).tolist() == [False, True]
    assert finder(landmarks).plain(photo, faces).tolist() == [False, False]
    assert finder(landmarks, face(50, 50)).plain(photo, faces[:0]).tolist() == []


def test_landmarks_of_an_earlier_version_are_made_again(landmarks: Any, tmp_path: Path) -> None:
    marks = tmp_path / "x.faces.npz"
    assert not landmarks.done(marks)
    np.savez(marks, faces=face(0, 0)[None])
    assert not landmarks.done(marks)
    np.savez(marks, faces=face(0, 0)[None], plain=np.array([True]))
    assert landmarks.done(marks)
