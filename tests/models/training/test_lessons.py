"""Lessons are of one teacher, and drawn once."""

from pathlib import Path

import pytest

from models.training.lessons import teach


@pytest.mark.parametrize("version", [None, "1"])
def test_lessons_of_another_teacher_are_not_added_to(tmp_path: Path, version: str | None) -> None:
    lesson = tmp_path / "lessons" / "train" / "face.ink.png"
    lesson.parent.mkdir(parents=True)
    lesson.touch()
    if version:
        (tmp_path / "lessons" / "teacher").write_text(version)
    with pytest.raises(ValueError, match="teacher: delete it"):
        teach(tmp_path)
