"""Forbidden phrases in English, without spaces, for squeezed texts (phrases.py)."""

from __future__ import annotations

from duecare_core.domain.text.phrases import FORBIDDEN, Phrase, phrase

# Just before a phrase: the phrase is negated. Kept narrow, because "don't pay and we…" is no negation.
_NOT = r"""(?:not|never|wont|cannot|cant|dont|doesnt|nor)
    (?:ever|be|to|threatento|call|contact|text|visit|disclose|share|discuss|tell|inform|or|and|with|this|it|a|the){0,6}"""
_IMPERSONATED = rf"""{_NOT}
    |(?:pretend(?:s|ing)?(?:tobe)?|claim(?:s|ing)?(?:tobe)?|impersonat(?:e|es|ing)|pos(?:e|es|ing)as)
    (?:from)?(?:the|a)?"""

_AUTHORITY = r"""
    (?:police|sheriff|(?:hm|high|supreme|county|district|magistrates?|federal|crown|civil|lower|sessions?|smallclaims)?courts?(?!esy)
    |districtattorney|attorneygeneral|fbi|irs|hmrc|cbi|crimebranch|cybercell|cybercrime|cid|magistrate|marshals?|bailiffs?
    |prosecutor|government|ministry|departmentofjustice|interpol|enforcementdirectorate|homeoffice|nbi|barangay|lokadalat
    |nationalcrimeagency|taxoffice)
"""
_KIN = r"""
    (?:boss|employer|work(?!ing|out)|workplace|office|hr|manager|family|wife|husband|spouse|partner|parents|mother|father|mum|mom
    |dad|friends?|relatives?|neighbou?rs?|colleagues?|coworkers?|contacts?|contactlist|phonebook|kids|children|son|daughter
    |school|landlord|references|inlaws|village)
"""

IMPERSONATION = (
    phrase(
        "posing_as_authority.claim.en",
        FORBIDDEN,
        """police sheriff court district attorney fbi irs hmrc cbi crime cyber cid magistrate marshal bailiff prosecutor
        government ministry department interpol enforcement home nbi barangay lok national tax""",
        rf"""(?:thisis|iam|im|weare|speaking(?:from)?|calling(?:from)?|writing(?:from)?|messagefrom|noticefrom|alertfrom
        |onbehalfof|orderof|working(?:closely)?with|workwith|togetherwith|inpartnershipwith|coordinat(?:ion|ing)with
        |authori[sz]edby|appointedby|instructedby)
        (?:(?:officer|inspector|agent|detective|constable|sergeant)[a-z]{{0,12}}?(?:from|of|at)?)?
        (?:the|a|your|our)?(?:local|state|city|central|delhi|mumbai)?{_AUTHORITY}""",
        unless_before=_IMPERSONATED,
        longest=80,
    ),
    phrase(
        "posing_as_authority.officer.en",
        FORBIDDEN,
        "officer inspector detective constable sergeant sheriff magistrate judge marshal",
        r"""(?:thisis|iam|im)(?:the)?(?:police|investigating|sub|court|enforcement|arresting)?
        (?:officer|inspector|detective|constable|sergeant|sheriff|magistrate|judge|marshal)""",
        unless_before=_IMPERSONATED,
        longest=32,
    ),
    phrase(
        "posing_as_authority.court-acts.en",
        FORBIDDEN,
        "summons courtorder",
        r"""summons(?:es)?(?:has|have|is|was|will|been|being|be){0,3}(?:issued|served|sent)
        |(?:issued|issue|sent|received|signed|serve|serving)(?:you|a|the|with){0,3}(?:court)?summons|courtsummons
        |courtorder(?:has|been|is|was){0,2}(?:issued|passed)""",
        unless_before=_NOT,
        longest=32,
    ),
    phrase(
        "posing_as_authority.police.en",
        FORBIDDEN,
        """fir nonbailable police sheriff bailiff cops marshal government criminal section420 ipc
        crimebranch cybercrime cybercell interpol fbi cbi district enforcement officers""",
        # Honest collection texts mention the police only to warn of fraud.
        r"""(?:police|cops|sheriffs?|marshals?|bailiffs?|interpol|government(?:recovery|department|office|agency|debt|collection)|fbi|cbi|crimebranch|cyber(?:crime|cell)|districtattorney|enforcement(?:officer|agent)s?
        |officers(?:are|is|will|be|have|been){0,2}(?:enroute|ontheway|coming|dispatched|sent))
        (?!credit|federal|and|bank|health|mutual|union|association)
        |fir(?:has|will|is|no|number|been|being|be){0,3}(?:filed|lodged|registered)
        |(?:file|lodge|register|filed|lodged|registered)(?:an?)?fir(?!st|m|e)|nonbailable|section420|ipc(?:section)?420
        |criminal(?:case|complaint|charge|proceeding|action|prosecution|offen[cs]e)""",
        unless_before=rf"{_IMPERSONATED}|report(?:it|this|scams?|fraud)?tothe|noneedtoworryabout|actionfraudor",
        unless=r"ifyouare(?:being)?threatened|ifyoufeelunsafe|reportfraud|reportscams?",
        longest=32,
    ),
)

THREATS = (
    phrase(
        "threat.arrest.en",
        FORBIDDEN,
        "arrest travelban lookout jail imprison prison behindbars custody handcuff lockedup warrant",
        r"""arrest(?:ed|s|ing)?|arrest(?:ed)?(?:you|warrant|order|team)|travelban|lookout(?:notice|circular)|imprison(?:ed|ment)?|(?:goto|sentto|in|face|to|facing)(?:jail|prison)
        |(?:jail|prison)(?:ed|time|term|sentence)|behindbars|intocustody|handcuff(?:s|ed)?|lockedup
        |warrant|jail|prison""",
        unless_before=rf"(?:{_NOT}|noone(?:can|will)?(?:be)?|nobody(?:can|will)?(?:be)?)(?:go|sent|put|end|up|to|in|into|for){{0,4}}",
    ),
    phrase(
        "exposure.tell.en",
        FORBIDDEN,
        """boss employer work office hr manager family wife husband spouse partner parents mother father mum mom dad
        friend relative neighbo colleague coworker contact phonebook kids children son daughter school landlord
        references inlaws village""",
        rf"""(?:tell|told|telling|inform|informed|informing|contact|contacted|contacting|call|called|calling|notify|notified
        |notifying|visit|visited|visiting|tosee|reach(?:ed|ing)?(?:outto)?|messag(?:e|ed|ing)|text|texted|texting|email|emailed
        |(?:writ(?:e|ing)|wrote|report(?:ed)?you|exposeyou|expose|go|come)to|(?:will|ll|we|and|be|are)(?:speak|talk)(?:ing)?(?:to|with)
        |(?:spoke|spoken)(?:to|with)|askingfor|send(?:ing)?[a-z]{{0,14}}?to|sent[a-z]{{0,10}}?to
        |(?:shar|forward|display)(?:e|ed|ing)?(?:it|this|them)?(?:with|to))
        (?:all|everyone|everybody|each|every|anyone|both|of|in|on|at){{0,3}}(?:your|ur|yr)
        (?:entire|whole|saved|phone|place|old|new|close|elderly|poor){{0,2}}(?:of)?{_KIN}""",
        unless_before=_NOT
        + r"|please|you(?:can|may)(?:also)?|should|feelfreeto|wishto|needto|to(?:discusswith|speakto)",
        longest=84,
    ),
    phrase(
        "exposure.know.en",
        FORBIDDEN,
        """everyo everyb all contact phonebook gallery photo friends know hear find told informed contacted receive
        see pay called shame shaming humiliat public disgrac embarr""",
        rf"""(?:your|ur)(?:entire|whole)?{_KIN}(?:and(?:your)?[a-z]{{0,12}}?)?
        (?:will|shall|should|must|deserve|aregoing|isgoing|would)(?:all|soon|be|to|get){{0,3}}
        (?:know|hear|find|told|informed|contacted|receive|see|pay|called)
        |(?:every(?:one|body)|whole(?:world|town|village|office|street))(?:youknow)?(?:will|shall|should)(?:soon)?
        (?:know|hear|see|findout)|(?:sham(?:e|ing)|humiliat(?:e|ing)|disgrace|embarrass)you
        |public(?:ly)?(?:shame|shaming|humiliat)
        |(?:tell|inform|messag|text|call|contact|notify)(?:e|ing)?(?:every(?:one|body)|all(?:of)?your)|every(?:one|body)(?:at|in|on)your
        |(?:have|got|access(?:ed)?|copied|saved|took)(?:all)?(?:of)?(?:your|ur)(?:contact|phonebook|gallery|photo|friends)""",
        unless_before=_NOT,
        longest=72,
    ),
    phrase(
        "exposure.publish.en",
        FORBIDDEN,
        "post publish upload circulate share display put sharing paste send expose print morphed nude wanted nameand",
        r"""(?:post|publish|upload|circulate|share|display|put|sharing|posting|print|paste)(?:ing)?(?:your|ur|all)
        (?:name|photo|picture|pic|detail|debt|face|aadhaar|idcard|selfie)|send(?:ing)?(?:your|ur)(?:photo|pic|face|selfie|nude)
        |(?:post|publish|put|expose|share)[a-z]{0,16}?(?:on|in|to)(?:facebook|socialmedia|whatsapp|instagram|yourgroup|newspaper)
        |morphed|nude(?:photo|pic)|wantedposter|nameandshame""",
        unless_before=_NOT,
        longest=40,
    ),
    phrase(
        "exposure.visit.en",
        FORBIDDEN,
        "house home office workplace work doorstep door residence college premises frontdoor",
        r"""(?:com(?:e|ing)|go(?:ing)?|turn(?:ing)?up|show(?:ing)?up|arriv(?:e|ing)|standing|sit(?:ting)?
        |send(?:ing)?(?:our|the|my)?(?:some(?:one|body)|people|boys|men|guys|(?:recovery)?(?:agents?|team))
        |(?:agents?|team|boys|men|people|officers|someone)(?:will|are|is|shall)?(?:visit|reach|be|come|coming|ontheway|enroute|heading)?)
        (?:round|over|up)?(?:to|at|outside|infrontof|by)?(?:your|ur|yr)(?:front)?
        (?:house|home|office|workplace|work|doorstep|door|residence|college|premises)""",
        unless_before=_NOT,
        longest=56,
    ),
    phrase(
        "invented_blacklist.en",
        FORBIDDEN,
        "blacklist cancel revoke block suspend seize nofly never yourchildrenwillnot deport",
        r"""blacklist(?:ed|ing)?|(?:cancel|revoke|block|suspend|seize)(?:led|ing|ed|d)?(?:your|all)?(?:the)?
        (?:passport|visa|aadhaar|pancard|driving|drivers?|licen[cs]e|socialsecurity|simcard|citizenship)
        |nofly|never(?:get|beableto)[a-z]{0,12}?(?:job|visa|passport)|yourchildrenwillnot|deport(?:ed|ation)""",
        unless_before=_NOT,
        longest=36,
    ),
    phrase(
        "threat.violence.en",
        FORBIDDEN,
        """break broken smash hurt kill burn bury finish destroy ruin beat outside coming ontheway
        waiting leak hack youwill youll regret know find found watch orelse
        teach harm your safety comeafter comingafter accident take dealwith""",
        r"""(?:break|breaking|broken|smash)(?:your|ur|both|all)(?:legs?|bones?|face|arms?|knees?|door|windows?|car|head|neck)
        |hurtyou|(?:kill|killing|burn|bury|finish|destroy|ruin)(?:you(?!r)|your(?:family|kids|children|wife|house|life))
        |beatyou(?!r)|(?:boys|guys|men|team|agents)(?:are|r|is)(?:outside|coming|ontheway|waiting)
        |ruinyour(?:reputation|name|career|marriage)|(?:leak|hack)(?:ing|ed)?your
        |you(?:will|ll)(?:all)?(?:regret|suffer|besorry|paywithblood|bleed|die)|regretit
        |(?:know|find|found)(?:out)?(?:exactly)?where(?:you|u|yourkids|yourfamily|yourchildren)(?:live|work|are|sleep|gotoschool)
        |watchyourback|orelse|teachyoualesson|harmyou|thesafetyofyour|(?:come|coming)afteryou|(?:meet|have)(?:an)?accident|accidentshappen|take(?:away)?your(?:kids|children)
        |dealwithyou(?!r)|your(?:family|kids|children|wife)(?:will|shall)?(?:pay|suffer|besorry|isnotsafe|arenotsafe|notsafe)""",
        unless_before=_NOT,
        longest=44,
    ),
)

ABUSE = (
    phrase(
        "abuse.en",
        FORBIDDEN,
        """scum deadbeat loser idiot thief thieves you aliar acheat afraud acrook adog apig achor abeggar acoward
        cheater shameless moron stupid bastard asshole bitch fuck shit bullshit liar parasite goodfornothing besharam
        harami disgusting pathetic lowlife beggar coward trash filthy worthless dumb lying crap chor pieceof""",
        r"""scum(?:bag)?|deadbeats?|losers?|idiots?|thief|thieves|cheaters?|shameless|morons?|stupid|bastards?|assholes?
        |(?:you(?:are)?a|youre?a|a)(?:cheat|fraud(?:ster)?|crook|dog|pig|chor|liar|beggar|coward)
        |bitch(?:es)?|fuck(?:ing|er|ed|you)?|(?:bull)?shit|liars?|parasites?|goodfornothing|besharam|harami|disgusting|pathetic
        |lowlifes?|beggars?|cowards?|trash|filthy|worthless|dumb|lying|crap|chor|pieceofs""",
    ),
)

ENGLISH: tuple[Phrase, ...] = IMPERSONATION + THREATS + ABUSE
