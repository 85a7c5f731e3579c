"""Folding of a text to what a reader sees, before it is searched, with a map back to the original.

Full-width and circled digits, look-alike letters, traditional characters and accents fold to plain characters, and
invisible characters are dropped. The offset of every folded character's original is kept. Linear in the text's length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import chain, repeat

from msgspec import Struct

from duecare_core.domain.text.unicode_14 import UNKNOWN_SIGN, is_newer, is_newer_invisible

# Letters of other scripts that look like Latin ones, so that they can disguise a Latin phrase.
_LOOK_ALIKES = str.maketrans(
    "авсԁеһіјкӏмпорԛѕтцѵшхуѡԝҽьнгѐёї" + "αβγδεζηικνορσςτυχω" + "łøđıɑɡɩɪʀʏɴʟℓꞓօսոհցεзб" + "ұɏ₤〡〢〣〤〥〦〧〨〩",
    "abcdehijklmnopqstuvwxywwebhreei" + "abydeznikvopsstuxw" + "lodiagiirynllcounhge36" + "¥¥£123456789",
)
# Traditional forms of the characters in phrases and amount words, and variants of the characters of money.
_TRADITIONAL = str.maketrans(
    "萬億圓圎園塊錢幣圜兩參叄弍弐貳壹陸兀沅円〇○"
    "發貼報單廠財產債欠償還額應總計結清費罰滯納紀錄貸賬帳賭繳據"
    "檢察長檔訴訟傳喚執縣區庫員爾請獄監緝網偵隊處罪齊團聯繫絡辦務機關門級會議專項組嚴構紅頭監"
    "爆訊錄親屬鄰職領導夥伴師學廣眾圖號騷擾電話媽爺誰斷殺臉騙無恥賤雜種驅"
    "腳燒毀內閉憑證誠徵黑單訂復詢與個這來將對從後過開實時間須點擊當戶張條亂狀禮義則獨書買賣們為對讓嗎你妳您"
    "協賴禍災兒孫體夠嚇壓凍扣劃車現場調查華國務員屍傷準備隨鎖詐欺責歸訪拘捕審違優惠減僅線卻週達約確"
    "產險銀貨車輛覆",
    "万亿圆圆园块钱币圆两叁叁二二贰壹陆元元元零零"
    "发贴报单厂财产债欠偿还额应总计结清费罚滞纳纪录贷账账赌缴据"
    "检察长档诉讼传唤执县区库员尔请狱监缉网侦队处罪齐团联系络办务机关门级会议专项组严构红头监"
    "爆讯录亲属邻职领导伙伴师学广众图号骚扰电话妈爷谁断杀脸骗无耻贱杂种驱"
    "脚烧毁内闭凭证诚征黑单订复询与个这来将对从后过开实时间须点击当户张条乱状礼义则独书买卖们为对让吗你你您"
    "协赖祸灾儿孙体够吓压冻扣划车现场调查华国务员尸伤准备随锁诈欺责归访拘捕审违优惠减仅线却周达约确"
    "产险银货车辆复",
)
_SAME: dict[int, int | str] = {**_TRADITIONAL, **_LOOK_ALIKES, ord("廿"): "二十", ord("卅"): "三十"}
# Invisible, though their Unicode category does not show it.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u180e\u17b4\u17b5")
_DROPPED = frozenset(("Cf", "Mn", "Me", "Cc", "Cs"))
_MAX_EXPANSION = 3  # a character of a whole phrase (ﷺ) is kept as it is, so that a text cannot grow much
_LETTERS = (0x1F130, 0x1F150, 0x1F170, 0x1F1E6)  # squared, circled, regional indicators
# These make a reader see characters in another order than the one in which they are searched.
BIDI_OVERRIDES = ("\u202d", "\u202e")


class FoldedText(Struct, frozen=True):
    """A folded text. `at[i]`: the offset in the original of the character from which `chars[i]` came."""

    chars: str
    at: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets of `chars[start:end]` in the original."""
        return self.at[start], self.at[end - 1] + 1


def fold(text: str) -> FoldedText:
    """Fold each character on its own, so that no character changes what its neighbour folds to."""
    chars, offsets = text.translate(_ONE_FOR_ONE), range(len(text))
    if len(chars) == len(text):
        return FoldedText(chars, offsets)
    pieces = [_FOLDED[char] for char in text]
    return FoldedText("".join(pieces), list(chain.from_iterable(map(repeat, offsets, map(len, pieces)))))


# A word, with digits and signs in it that stand for letters: b0ss, $hame, k!ll.
_MIXED = re.compile(r"[@$!0-9](?:(?<=[a-z].)|(?<!!)[a-z])")  # the rarer character first, for speed
_WORD = re.compile(r"[@$]?[a-z0-9]+(?:[@$!]+[a-z0-9]+)*")
AS_LETTERS = str.maketrans("@$!0134578", "asloleastb")


def skeleton_of(folded: FoldedText) -> FoldedText:
    """The text with similar letters made one: i and l; in words also 1, !, 0 and o, 3 and e, 4 and a, $ and s.

    Two texts that look alike have one skeleton. A pattern to search in it must be a skeleton too (`skeleton_pattern`).
    """
    chars = _WORD.sub(_letters, folded.chars) if _MIXED.search(folded.chars) else folded.chars
    return FoldedText(chars.replace("i", "l"), folded.at)


def skeleton_pattern(pattern: str) -> str:
    """A pattern for skeletons. The pattern must not use escapes or groups that are spelled with an i."""
    return pattern.replace("i", "l")


def _letters(match: re.Match[str]) -> str:
    word = match[0]
    return word if word.isalpha() or word.upper() == word else word.translate(AS_LETTERS)


class _FoldedCharacters(dict[str, str]):
    """A cache of what each character folds to; bounded, because a text can hold any character."""

    def __missing__(self, char: str) -> str:
        if len(self) >= 8192:
            self.clear()  # otherwise rare characters could displace common ones permanently
        folded = self[char] = _fold_character(char)
        return folded


class _OneForOne(dict[int, str]):
    """The same for `str.translate`. A character that does not fold to exactly one becomes two, so that the changed
    length shows that this table did not suffice."""

    def __missing__(self, code: int) -> str:
        if len(self) >= 8192:
            self.clear()
        folded = _FOLDED[chr(code)]
        one = self[code] = folded if len(folded) == 1 else "??"
        return one


_FOLDED, _ONE_FOR_ONE = _FoldedCharacters(), _OneForOne()


def _fold_character(char: str) -> str:
    if char.isascii():
        return char.lower() if char.isprintable() or char == "\n" else " " if char.isspace() else ""
    if "\u3400" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3":
        return char.translate(_SAME)  # nothing below applies to ideographs, and NFKD would decompose Korean
    if is_newer(char):
        return "" if is_newer_invisible(char) else UNKNOWN_SIGN
    category = unicodedata.category(char)
    if category in _DROPPED or char in _BLANK:
        return ""
    if category in ("Zl", "Zp"):
        return "\n"
    return _enclosed(char, category) or _plain(char, category).casefold().translate(_SAME)


def _plain(char: str, category: str) -> str:
    """NFKD without accents. A fraction and a character of a whole phrase stay as they are."""
    plain = unicodedata.normalize("NFKD", char)
    if len(plain) > 1:
        plain = "".join([c for c in plain if not unicodedata.combining(c)])
    return char if category == "No" or len(plain) > _MAX_EXPANSION else plain


def _enclosed(char: str, category: str) -> str | None:
    """The plain form of a digit of any script or ornament (２ ② ➁ ⑵ ² २, ⑩ to ⑳) or of a letter in a square or circle;
    None for any other character."""
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    number = unicodedata.numeric(char, None) if category == "No" else None
    if number is not None and number == int(number) and number < 100:
        return str(int(number))
    for first in _LETTERS:
        if first <= ord(char) < first + 26:
            return chr(ord("a") + ord(char) - first)
    return None
