"""What a text must say: how to stop it, and, in the United States, that it is from a debt collector.

Patterns are for squeezed text (see phrases.py).
"""

from __future__ import annotations

from duecare_core.domain.text.phrases import phrase

# A key is a letter by itself: neither 回T恤店 nor 回the bank names one (`words` below excludes the latter).
_KEY = r"(?:(?:td|[trn]|qx)(?!恤)|退订|退|拒收|00000)"
_ANSWER = r"(?:请?直?接?(?:回复|回|发送|发|复|输入|短信)(?:字母|数字)?)"
_STOP = r"(?:退订|拒收|拒绝|取消|不再接收|屏蔽|停止接收|不需要|不想接收|勿扰|不想?再?(?:接收|收到)|拒)"
_ASK = r"(?:reply|replying|respond|text|txt|send|sms|rply|return|answer)"
_WORD = r"(?:stopall|stop|quit|end|cancel|unsubscribe|unsub|optout|revoke)"
_END = r"(?:opt|stop|end|cancel|unsub|quit|out|leave|remove|nomore|receivenomore|discontinue|block)"

# 退订回T, 拒收请回复R, 回TD退订, 退订请发送短信TD; Reply STOP to opt out (12 CFR 1006.6(e)), STOP to end, and similar.
OPT_OUT = (
    phrase(
        "opt-out.zh",
        "TEXT_OPT_OUT",
        "退订 退t 拒 取消 不 屏蔽 停止接 勿扰",
        rf"{_STOP}(?:本?(?:短信|信息|消息|通知|此类|该类)){{0,3}}(?:可|则|即可)?{_ANSWER}(?:本?短信|至|到)?{_KEY}"
        rf"|{_ANSWER}{_KEY}(?:或?{_KEY})?(?:至\d{{3,20}})?(?:可|即可|以|来|可以|便可|就可)?(?:随时)?{_STOP}"
        r"|退订?(?:td|t)(?!恤)|(?:td|t)退订",
        begins="[退拒取不屏停勿请直接回发复输短t]",
        unless_before=r"(?:不支持|无法|不能|暂不|不可|请勿|勿|不要|别)",
        words=True,
        longest=48,
    ),
    phrase(
        "opt-out.en",
        "TEXT_OPT_OUT",
        "stop quit end cancel unsub optout opt revoke reply respon text txt send sms rply return answer",
        rf"""{_ASK}(?:with|back|us|the)?(?:word)?{_WORD}(?!notice|pay|ping|order|loss|cheque|check|watch)
        (?:to\d{{3,12}})?(?:to|for|if)?
        |(?:optout|stop|unsubscribe|unsub|cancel|end|optingout)
        (?:of|from|these|our|all|future|further|receiving|messages?|texts?|sms|msgs?|alerts?|reminders?){{0,5}}
        (?:please|just|anytime)?{_ASK}(?:with)?(?:the)?(?:word)?(?:{_WORD}|td?|n|r)
        |(?:optout|unsubscribe|unsub)(?:text|sms|word)?{_WORD}|stop(?:optout|unsub)
        |{_WORD}(?:to\d{{3,12}})?to{_END}|{_ASK}(?:td?|n|r)to{_END}""",
        begins="r[ep]|t[ex]|s[emt]|an|op|un|ca|en|qu",
        unless_before=r"(?:donot|dont|cannot|cant|not)",
        words=True,
        longest=96,
    ),
)

# 12 CFR 1006.18(e): the communication is from a debt collector, or is an attempt by one to collect a debt.
DISCLOSURE = (
    phrase(
        "disclosure.us",
        "TEXT_DISCLOSURE",
        "debtcollect collectdebt collectadebt collectthedebt collectthisdebt collectyourdebt",
        r"""(?:attempt(?:ing)?|trying)tocollect(?:a|the|this|your)?debt
        |(?:from|by|is|are|am|as|were)(?:a|your|the)?(?:licensed|registered|thirdparty)?
        debtcollect(?:ors?|ion(?:agency|company|firm))|debtcollector(?=$|(?:this|reply|attempt|info|call|ref|text|msg))""",
        unless_before=r"(?:not|never|isnt|arent|wont|no)(?:an?|the|be|from)?",
        longest=40,
    ),
)
