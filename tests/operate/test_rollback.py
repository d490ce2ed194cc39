"""Which version a roll-back goes to: one that draws, and is bound to what the live one is."""

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from botocore.exceptions import ClientError, WaiterError  # type: ignore[import-untyped]

from operate import rollback
from operate.doctor.deployment import Deployment
from operate.rollback import Move, RollbackError, Version, plan

Answer = Mapping[str, Any] | Exception


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Invoke")


class Lambda:
    """A function with these versions' environments; the last one is live."""

    def __init__(self, *environments: Mapping[str, str], answers: Iterable[Answer] = ()) -> None:
        self.environments = environments
        self.answers = list(answers)
        self.waited: list[str] = []
        self.fails = False
        self.image = ""
        self.memory: tuple[int, ...] = ()

    def get_alias(self, **_: Any) -> Any:
        return {"FunctionVersion": str(len(self.environments))}

    def get_paginator(self, _: str) -> Any:
        versions = [
            {
                "Version": str(at),
                "CodeSha256": self.image or f"i{at}",
                "MemorySize": self.memory[at - 1] if self.memory else 2048,
                "Environment": {"Variables": variables},
            }
            for at, variables in enumerate(self.environments, 1)
        ]
        pages = [{"Versions": [{"Version": "$LATEST", "CodeSha256": "i"}, *versions]}]
        return SimpleNamespace(paginate=lambda **_: pages)

    def invoke(self, **_: Any) -> Any:
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, Exception):
            raise answer
        return answer

    def get_waiter(self, _: str) -> Any:
        def wait(**call: Any) -> None:
            self.waited.append(call["Qualifier"])
            if self.fails:
                raise WaiterError("published_version_active", "it has failed", {})

        return SimpleNamespace(wait=wait)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def moves() -> Callable[..., list[Move]]:
    def moves(function: Lambda, to: str | None = None) -> list[Move]:
        deployment = SimpleNamespace(
            stack=SimpleNamespace(outputs={"functionName": "artline-1"}),
            client=lambda *_, **__: function,
        )
        return list(plan(cast(Deployment, deployment), to))

    return moves


NONE, TOKEN = {"AUTH": "none"}, {"AUTH": "token", "API_TOKEN_PARAMETER": "p"}


def test_it_goes_to_the_version_before(moves: Callable[..., list[Move]]) -> None:
    (move,) = moves(Lambda(NONE, NONE, NONE))
    assert (move.before, move.after, move.version.image) == ("3", "2", "i2")


@pytest.mark.parametrize(
    ("memory", "after"),
    [((2048, 3008, 128), "2"), ((2048, 128, 128), "3"), ((3008, 3008, 3008), "3")],
)
def test_the_worker_goes_to_the_settings_of_the_function(
    memory: tuple[int, ...], after: str
) -> None:
    """By the same image: to the newest version with the same memory, else to the newest."""
    function, worker = Lambda(NONE), Lambda(NONE, NONE, NONE)
    function.image = worker.image = "i"
    function.memory, worker.memory = (3008,), memory
    like = rollback._versions(function, "artline-1")["1"]
    assert rollback._move(worker, "artline-2", like=like).after == after


def test_both_functions_move_before_either_is_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the move ends the preparation of another version."""
    calls: list[str] = []

    class Aliases:
        exceptions = SimpleNamespace(ProvisionedConcurrencyConfigNotFoundException=KeyError)

        def update_alias(self, **call: Any) -> None:
            assert call["RoutingConfig"] == {"AdditionalVersionWeights": {}}
            calls.append(f"move {call['FunctionName']}")

        def get_alias(self, **call: Any) -> Any:
            calls.append(f"look {call['FunctionName']}")
            return {"RoutingConfig": {"AdditionalVersionWeights": {"2": 1.0}}}

        def get_provisioned_concurrency_config(self, **_: Any) -> Any:
            return {"Status": "FAILED", "StatusReason": "No capacity."}

    version = Version("i", (), {})
    moves = [Move("artline-1", "2", "1", version), Move("artline-2", "1", "1", version)]
    monkeypatch.setattr(rollback, "plan", lambda *_: iter(moves))
    monkeypatch.setattr(rollback, "_client", lambda _: Aliases())
    with pytest.raises(typer.Exit):
        rollback.rollback()
    assert calls[:3] == ["move artline-1", "move artline-2", "look artline-1"]
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "artline-1: live moved from version 2 to 1",
        "artline-2: live stays at version 1",
    ]
    assert said.err == (
        "Error: artline-1: live is at version 1, but callers meet it without provisioned"
        " environments: No capacity.\n"
    )


@pytest.mark.parametrize(
    ("before", "live", "said"),
    [
        (NONE, TOKEN, "AUTH is none, not token"),
        (TOKEN, NONE, "AUTH is token, not none"),
        (NONE, {"AUTH": "iam"}, "AUTH is none, not iam"),
        (TOKEN, TOKEN | {"API_TOKEN_PARAMETER": "q"}, "API_TOKEN_PARAMETER is p, not q"),
        (NONE | {"JOBS_BUCKET": "b"}, NONE, "JOBS_BUCKET is b, not unset"),
    ],
)
def test_other_settings_do_not_come_back(
    moves: Callable[..., list[Move]], before: Any, live: Any, said: str
) -> None:
    """The routes, the parameter, the bucket and the role are those of today."""
    for to in (None, "1"):
        with pytest.raises(RollbackError, match=said):
            moves(Lambda(before, live), to)
    (move,) = moves(Lambda(live, before, live))
    assert move.after == "1"
    assert said in move.passed[0]


def test_a_version_that_was_idle_is_prepared(moves: Callable[..., list[Move]]) -> None:
    function = Lambda(NONE, NONE, answers=[refusal("ResourceConflictException"), {}])
    assert moves(function)[0].after == "1"
    assert function.waited == ["1"]
    function = Lambda(NONE, NONE, answers=[refusal("ResourceConflictException")])
    function.fails = True
    with pytest.raises(RollbackError, match="it has failed"):
        moves(function)


def test_a_busy_version_is_good_enough(moves: Callable[..., list[Move]]) -> None:
    function = Lambda(NONE, NONE, answers=[refusal("TooManyRequestsException")])
    assert moves(function)[0].after == "1"


@pytest.mark.parametrize("answer", [{"FunctionError": "Unhandled"}, refusal("CodeArtifactError")])
def test_a_version_that_cannot_draw_is_passed_over(
    moves: Callable[..., list[Move]], answer: Answer
) -> None:
    assert moves(Lambda(NONE, NONE, NONE, answers=[answer, {}]))[0].after == "1"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ExpiredTokenException"])
def test_an_account_that_does_not_let_it_be_tried(
    moves: Callable[..., list[Move]], code: str
) -> None:
    with pytest.raises(ClientError, match=code):
        moves(Lambda(NONE, NONE, answers=[refusal(code)]))
