"""The sentences that people read, in English and Chinese: one catalogue a language (en.py, zh.py), with the same keys.

A key is `group.name`; `page.*` are the sentences of the page about a case file. A text may hold {placeholders}.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from duecare_client.messages import en, zh

Language = Literal["zh-CN", "en"]
CATALOGUES: dict[Language, dict[str, str]] = {"zh-CN": zh.TEXTS, "en": en.TEXTS}


class Words(NamedTuple):
    """The same words in both languages."""

    zh: str
    en: str


class Messages:
    """The catalogue of one language."""

    def __init__(self, language: Language) -> None:
        self._texts = CATALOGUES[language]

    def text(self, key: str, **values: object) -> str:
        """The text of this key, with its placeholders filled."""
        return self._texts[key].format(**values)


def both(key: str, **values: object) -> Words:
    """The text of this key in both languages, with its placeholders filled."""
    return Words(zh.TEXTS[key].format(**values), en.TEXTS[key].format(**values))


def label(group: str, name: object) -> Words | None:
    """The label of a name in this group, such as `member` and `debt_ref`; None for a name without one."""
    key = f"{group}.{name}"
    return both(key) if key in en.TEXTS else None
