"""The wording of a law in its own language, for rules of the shipped pack whose text was read.

A quotation is here only if the pack says that its source was read (`confidence`: read) and the wording was compared.
The page says of every other rule that its text is a summary.
"""

from __future__ import annotations

from typing import NamedTuple

from duecare_client.messages import Words


class Quotation(NamedTuple):
    """`language`: of `text`, as BCP 47 spells it."""

    language: str
    text: str
    citation: Words


_PIPL = "《中华人民共和国个人信息保护法》", "Personal Information Protection Law of the People's Republic of China"
# Sources that the pack names in Chinese and English.
SOURCES: dict[str, Words] = {
    english: Words(chinese, english)
    for chinese, english in (
        (
            "中国银行业协会《个人消费类贷款催收工作指引（试行）》",
            "China Banking Association, 个人消费类贷款催收工作指引(试行)",
        ),
        ("运营商依据信管〔2023〕794号的规则", "carriers' rules on 信管〔2023〕794号"),
    )
}
QUOTATIONS: dict[str, tuple[Quotation, ...]] = {
    "cn-basis": (
        Quotation(
            "zh-CN",
            "符合下列情形之一的，个人信息处理者方可处理个人信息：（一）取得个人的同意；……",
            Words(f"{_PIPL[0]}第十三条第一款（节录）", f"{_PIPL[1]}, article 13, paragraph 1 (excerpt)"),
        ),
        Quotation(
            "zh-CN",
            "基于个人同意处理个人信息的，该同意应当由个人在充分知情的前提下自愿、明确作出。",
            Words(f"{_PIPL[0]}第十四条第一款（节录）", f"{_PIPL[1]}, article 14, paragraph 1 (excerpt)"),
        ),
    ),
}
