"""What somebody does from the page: each is a POST of a small table of values, and written into the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from operant.live.asked import Wrong, comparing_of, done, number_in, table, text_in
from operant.live.guard import Guard

if TYPE_CHECKING:
    from operant.live.page import Page

MOST_CHANGES = 20  # of hyperparameters, for a branch
ANSWERS = ("left", "right", "tie", "skip")


class Doings:
    """What can be done on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def enter(self, request: Request) -> Response:
        """The token for the cookie."""
        guard: Guard = self.page.server.config.app
        try:
            given = (await table(request)).get("token")
        except Wrong as wrong:
            return PlainTextResponse(f"{wrong}\n", wrong.status)
        if not guard.is_token(given):
            return PlainTextResponse("that is not the token\n", 401)
        answer = JSONResponse({"entered": True})
        answer.set_cookie(guard.cookie, self.page.token, path="/", httponly=True, samesite="strict")
        return answer

    async def steer(self, request: Request) -> Response:
        """Ask the training of something: `{"kind": …}`, and of a change its `name` and `value`."""

        def do(values: dict[str, Any]) -> Any:
            kind, name = text_in(values, "kind"), text_in(values, "name")
            if kind is None:
                raise Wrong("it must have a kind, and of a change a name and a value")
            if self.page.steering.watch is None:
                raise Wrong("nothing is trained here", 409)
            self.page.steering.ask(kind, name, values.get("value"))
            self.page.log.write(f"asked for: {' '.join(str(x) for x in values.values())}")
            return {"asked": True}

        return await done(request, frozenset({"kind", "name", "value"}), do)

    async def branch(self, request: Request) -> Response:
        """A new run from a checkpoint: `{"run": number, "step": …, "changes": {name: value}, "train": bool}`."""

        def do(values: dict[str, Any]) -> Any:
            run = self.page.shown().get(number_in(values, "run"))
            if run is None:
                raise Wrong("there is no such run", 404)
            changes, train = values.get("changes", {}), values.get("train", False)
            if not isinstance(changes, dict) or len(changes) > MOST_CHANGES or not isinstance(train, bool):
                raise Wrong(f"changes are a table of at most {MOST_CHANGES}, and train is true or false")
            if not all(isinstance(x, int | float | str) and type(x) is not bool for x in changes.values()):
                raise Wrong("a change is to a number or a schedule")
            path = self.page.branches.begin(run, number_in(values, "step"), changes, train)
            self.page.show(path)
            told = "".join(f", {name}={value}" for name, value in changes.items())
            self.page.log.write(f"{path.name}: a branch of {run.directory.path.name}{told}")
            here = Path.cwd()
            return {
                "name": path.name,
                "path": str(path.relative_to(here) if path.is_relative_to(here) else path),
            }

        return await done(request, frozenset({"run", "step", "changes", "train"}), do)

    async def act(self, request: Request) -> Response:
        """What a person does in an episode: `{"contest": id, "action": …}`, or `{"contest": id, "again": true}`."""

        def do(values: dict[str, Any]) -> Any:
            contest = self.page.contests.named(text_in(values, "contest"))
            if contest is None:
                raise Wrong("that is over", 404)
            if "again" in values:
                contest.again()
            else:
                contest.act(values.get("action"))
            return {"done": True}

        return await done(request, frozenset({"contest", "action", "again"}), do)

    async def judge(self, request: Request) -> Response:
        """Which of two responses is better: `{"number": of the question, "answer": …}`, or `{"undo": true}`."""

        def do(values: dict[str, Any]) -> Any:
            labelling, answer = self.page.labelling, text_in(values, "answer")
            if labelling is None:
                raise Wrong("nothing is to be judged here", 404)
            if values.get("undo") is True:
                return labelling.undo()
            if answer not in ANSWERS:
                raise Wrong(f"an answer is one of {', '.join(ANSWERS)}")
            return labelling.answer(number_in(values, "number"), answer)

        return await done(request, frozenset({"number", "answer", "undo"}), do)

    async def compare(self, request: Request) -> Response:
        """Which of two clips is better: `{"number": of the question, "answer": …}`."""

        def do(values: dict[str, Any]) -> Any:
            comparing, answer = comparing_of(self.page), text_in(values, "answer")
            if answer not in ANSWERS:
                raise Wrong(f"an answer is one of {', '.join(ANSWERS)}")
            following, question = comparing.answer(number_in(values, "number"), answer)
            self.page.log.write(f"of {question.left} and {question.right}: {answer}")
            return following

        return await done(request, frozenset({"number", "answer"}), do)
