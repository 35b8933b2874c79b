"""Answers of a language model behind an endpoint (`/chat/completions`): temperature 0, each question asked once."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedtune.durable import write_text
from embedtune.errors import ModelError, blamed_on
from embedtune.models.endpoints.transport import PassingFault, RefusedRequest, Transport

MOST_TOKENS = 500
OPTION = "--endpoint"


class ChatClient:
    """A language model behind an endpoint.

    Args:
        transport: sends the requests.
        folder: of answers already given, by the exact request; None keeps none.
    """

    def __init__(self, transport: Transport, folder: Path | None = None) -> None:
        self._transport, self._folder = transport, folder
        self.asked = self.known = 0

    @property
    def host(self) -> str:
        """The machine that texts are sent to."""
        return self._transport.address.host

    def answer(self, instruction: str, text: str) -> str:
        """The answer to a text under an instruction.

        Raises:
            ModelError: the endpoint cannot be used.
        """
        messages = [{"role": "system", "content": instruction}, {"role": "user", "content": text}]
        body: dict[str, Any] = {"model": self._transport.address.model, "messages": messages}
        body |= {"temperature": 0, "max_tokens": MOST_TOKENS}
        file = self._file(body)
        if file is not None and (known := _read(file)) is not None:
            self.known += 1
            return known
        self.asked += 1
        try:
            with blamed_on(OPTION):
                found = self._transport.ask("chat/completions", body, _content)
        except RefusedRequest as refused:
            raise ModelError(
                f"{self._transport.address.url} refuses a question of {len(text):,} characters; it says {refused}",
                where=OPTION,
                next="check the model's name, and whether the texts are too long for it",
            ) from None
        self._transport.bill.texts += 1
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_text(file, json.dumps({"answer": found}, ensure_ascii=False))
        return found

    def _file(self, body: Mapping[str, Any]) -> Path | None:
        if self._folder is None:
            return None
        asked = json.dumps([self._transport.address.url, body], sort_keys=True)
        name = hashlib.blake2b(asked.encode(), digest_size=16).hexdigest()
        return self._folder / name[:2] / f"{name}.json"


def _content(answer: dict[str, Any]) -> str:
    try:
        content = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise PassingFault("the answer holds no message") from None
    if not isinstance(content, str) or not content.strip():
        raise PassingFault("the message is empty")
    return content


def _read(file: Path) -> str | None:
    try:
        answer = json.loads(file.read_text(encoding="utf-8"))["answer"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return answer if isinstance(answer, str) else None
