"""A browser without script that a crash cannot stop: it waits for the server and sends again.

What a person does whose page does not load: wait, and press the same button again. A form that is
sent again carries the same key, so that the product must answer as it did the first time.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.support.web import Forms

PATIENCE_SECONDS = 60.0
NO_ANSWER = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    text: str

    @property
    def done(self) -> bool:
        """The form was carried out: the browser is sent on."""
        return self.status == 303


class Browser:
    """One terminal. `resent` counts the forms that were sent more than once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}
        self.resent = 0
        self.patient = True
        """Whether a server that is busy is asked again, as one that says nothing is."""
        self.unhappy: list[Answer] = []

    def get(self, path: str) -> Answer:
        """A page, however often it has to be asked for."""
        return self._persist("GET", path, None)

    def post(self, path: str, fields: dict[str, list[str]]) -> Answer:
        """Send a form until it is answered."""
        return self._persist("POST", path, urlencode(fields, doseq=True))

    def login(self, badge: str, passphrase: str) -> None:
        """Sign in with badge and passphrase."""
        form = Forms(self.get("/login").text).with_field("badge")
        form |= {"badge": [badge], "passphrase": [passphrase]}
        assert self.post("/login", form).done

    def send(self, page: str, to: str, **fields: str) -> Answer:
        """Fill the form of `page` whose action ends with `to`, and send it.

        A page that offers no such form (now) is the answer itself.
        """
        shown = self.get(page)
        form = form_to(shown, to)
        if form is None:
            return shown
        return self.post(to, form | {name: [text] for name, text in fields.items()})

    def sign(self, asked: Answer, to: str, badge: str, passphrase: str) -> Answer:
        """Read what is signed in the dialog `asked` and give the credentials.

        A page that shows no dialog is the answer itself.
        """
        form = form_with(asked, "_request")
        if asked.status != 200 or form is None:
            return asked
        return self.post(to, form | {"badge": [badge], "passphrase": [passphrase]})

    def _persist(self, method: str, path: str, body: str | None) -> Answer:
        deadline, tries = time.monotonic() + PATIENCE_SECONDS, 0
        while True:
            try:
                answer = self._ask(method, path, body)
            except NO_ANSWER:
                answer = None
            if answer is not None:
                if answer.status >= 500:
                    self.unhappy.append(answer)
                if answer.status != 503 or not self.patient:
                    self.resent += bool(tries and body)
                    return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"no answer to {method} {path}: {answer}")
            tries += 1
            time.sleep(0.02)

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        headers = {"Cookie": "; ".join(f"{name}={text}" for name, text in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            link.request(method, path, body, headers)
            found = link.getresponse()
            text = found.read().decode()
            self._keep(found.headers.get_all("Set-Cookie") or [])
            return Answer(found.status, text)
        finally:
            link.close()

    def _keep(self, told: list[str]) -> None:
        for line in told:
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value


def form_to(shown: Answer, action: str) -> dict[str, list[str]] | None:
    """The fields of the form of a page whose action ends so, if it offers one."""
    found = [fields for target, fields in Forms(shown.text).forms if target.endswith(action)]
    return found[0] if found else None


def form_with(shown: Answer, name: str) -> dict[str, list[str]] | None:
    """The fields of the first form of a page that has this one, if it offers one."""
    found = [fields for _, fields in Forms(shown.text).forms if name in fields]
    return found[0] if found else None
