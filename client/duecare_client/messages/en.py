"""The English catalogue. zh.py has the same keys, and each text the same {placeholders}."""

from __future__ import annotations

from duecare_client.messages.en_checks import CHECKS
from duecare_client.messages.en_rules import RULES

TEXTS: dict[str, str] = {
    **CHECKS,
    **RULES,
    # What the command prints
    "cli.speaks_as": "as {party} ({source})",
    "cli.acknowledgement_good": "acknowledgement verified",
    "cli.acknowledgement_bad": "acknowledgement NOT verified: {why}",
    "cli.acknowledgement_missing": "The service accepted this statement and did not acknowledge it; ask its operator.",
    # The effect of a statement
    "effect.in_force": "in force",
    "effect.superseded": "superseded by a newer statement",
    "effect.none": "no effect on decisions",
    # Kinds of statements
    "kind.consent": "Consent of the recipient",
    "kind.consent-revocation": "Revocation of a consent",
    "kind.debt": "Confirmation of a debt",
    "kind.mandate": "Mandate of a collector",
    "kind.route": "Route to a gateway",
    "kind.reply": "Reply of the recipient",
    "kind.opt-out": "Opt-out",
    "kind.dispute": "Dispute of a debt",
    "kind.number-reassignment": "Number reassigned",
    "kind.delivery": "Result of a delivery",
    "kind.upload": "Manifest of an uploaded file",
    # Members of statements and rows
    "member.recipient": "recipient",
    "member.creditor": "creditor",
    "member.collector": "collector",
    "member.gateway": "gateway",
    "member.collectors": "collectors allowed",
    "member.channels": "channels",
    "member.granted_at": "granted at",
    "member.expires_at": "expires at",
    "member.revoked_at": "revoked at",
    "member.method": "how it was given",
    "member.notice": "digest of the notice",
    "member.evidence": "digest of the evidence",
    "member.subject": "digest naming the person",
    "member.time_zone": "time zone stated",
    "member.debt_ref": "reference of the debt",
    "member.currency": "currency",
    "member.outstanding": "amount outstanding",
    "member.as_of": "as of",
    "member.at": "as of",
    "member.valid_from": "valid from",
    "member.valid_until": "valid until",
    "member.status": "status",
    "member.original_creditor": "original creditor",
    "member.region": "region stated",
    "member.product": "kind of debt",
    "member.contract": "digest of the contract",
    "member.answers_dispute": "dispute that it answers",
    "member.claim": "what is disputed",
    "member.received_at": "received at",
    "member.effective_at": "effective at",
    "member.message_id": "message",
    "member.text": "wording",
    "member.text_sha256": "digest of the text",
    "member.kind": "what its rows state",
    "member.format": "format",
    "member.charset": "charset",
    "member.rows": "rows",
    "member.sha256": "digest of the file",
    "member.rows_root": "root over the rows",
    "member.size": "size in bytes",
    "member.snapshot": "all open debts",
    "member.confirm_withdrawals": "withdrawals confirmed",
    "member.statement": "stated by",
    "member.answers": "disputes answered",
    "member.revoked": "taken back",
    # Values of members
    "value.open": "open",
    "value.settled": "settled",
    "value.withdrawn": "withdrawn",
    "value.active": "active",
    "value.revoked": "revoked",
    "value.sms": "text message",
    "value.voice": "voice",
    "value.email": "e-mail",
    "value.im": "instant message",
    "value.web": "web",
    "value.paper": "paper",
    "value.not_mine": "not mine",
    "value.paid": "paid",
    "value.wrong_amount": "wrong amount",
    "value.other": "other",
    "value.credit_card": "credit card",
    "value.consumer_loan": "consumer loan",
    "value.microfinance": "microfinance",
    "value.debt": "debts",
    "value.consent": "consents",
    "value.*": "all",
    # Values of the member `method`, where they differ: `contract` elsewhere is a digest
    "method.contract": "contract",
    # The part that a party plays
    "part.gateway": "Gateway that asked",
    "part.creditor": "Creditor",
    "part.collector": "Collector",
    # States of a party
    "party_state.active": "active",
    "party_state.suspended": "suspended",
    # Findings that are not rows of the rule pack
    "fault.sender.sign": "sender name that is not registered",
    "fault.sender.missing": "no registered sender name",
    "fault.part.numbered": "a numbered part of a longer message: ask about the whole message, before it is split",
    "fault.part.fragment": "looks like a part of a longer message: ask about the whole message, before it is split",
    "fault.amount.unreadable": "amount that cannot be read",
    "fault.amount.currency": "another currency than the confirmed debt",
    "fault.amount.larger": "more than the confirmed debt",
    "fault.amount.smaller": "not the amount that was confirmed as owed",
    # What is nowhere in the text, by the code of its reason
    "lack.TEXT_OPT_OUT": "does not say how to opt out",
    "lack.TEXT_DISCLOSURE": "does not say that a debt collector sends it",
    "lack.QUIET_HOURS": "quiet hours",
    "lack.FREQUENCY_CAP": "frequency cap that is full",
    # Topics of forbidden wording
    "topic.posing_as_authority": "posing as an authority",
    "topic.posing_as_creditor": "posing as the creditor",
    "topic.threat": "threat",
    "topic.exposure": "exposure to others",
    "topic.abuse": "abuse",
    "topic.invented_blacklist": "invented blacklist",
    "topic.exaggerated_amount": "exaggerated amount",
    "topic.exaggerated_consequence": "exaggerated consequence",
    "topic.details_to_unknown_person": "details to an unknown person",
    "topic.sender_name_reveals_collection": "sender name that reveals collection",
    # How far a source was read
    "confidence.read": "legal text read",
    "confidence.second-hand": "second-hand",
    "confidence.default": "own choice, not law",
    "read.read": "The compiler of the rules read the text of this source on {day}.",
    "read.second-hand": (
        "The text itself was not read: compiled on {day} from what others report of it. The original prevails."
    ),
    "read.default": "This is not law: the service chose it itself (on {day}).",
    "region.CN": "mainland China",
    "region.HK": "Hong Kong",
    "region.MO": "Macao",
    "region.TW": "Taiwan",
    "region.US": "United States",
    "region.US-MA": "Massachusetts",
    "region.US-DC": "District of Columbia",
    "region.US-NYC": "New York City",
    "region.US-WA": "Washington State",
    "region.IN": "India",
    "region.GB": "United Kingdom",
    "region.AU": "Australia",
    "region.PH": "Philippines",
    "region.ID": "Indonesia",
    "region.any": "anywhere",
    "region.*": "anywhere without rules of its own",
    "zone.Asia/Shanghai": "Beijing time",
    "zone.Asia/Urumqi": "Xinjiang time",
    "zone.Asia/Hong_Kong": "Hong Kong time",
    "zone.Asia/Macau": "Macao time",
    "zone.Asia/Taipei": "Taipei time",
    # Values of members
    "value.yes": "yes",
    "value.no": "no",
    # Reasons
    "reason.unknown": "There is no sentence for this code.",
    # Sentences and labels of the page about a case file
    "page.other_engine": "Whole, but made by another release",
    "page.other_engine_explained": (
        "The file is whole. Another release of the engine made the decision, and this release gives another answer in "
        "the points listed here. That is no sign of tampering: the named release gives the answer again."
    ),
    "page.running_other_engine": "OF ANOTHER RELEASE",
    "page.verification_failed": "Verification failed",
    "page.failed_explained": (
        "The checks listed here failed. Everything below is only what the file claims. It is not proven; do not "
        "rely on it."
    ),
    "page.title_long": "Case report: one decision on whether a debt-collection message may be sent",
    "page.decision_id": "Decision",
    "page.service": "service",
    "page.case_file": "Case file",
    "page.made_on": "This page was made on",
    "page.verified": (
        "This case file is authentic and complete: all {checks} checks hold (see “Result of the verification” "
        "below). This is about the file alone; “The answer” below says what was decided."
    ),
    "page.about_the_file": "About the file",
    "page.whole_but_whose": (
        "Whole, but whose? All {checks} checks hold (see “Result of the verification” below), but the log's key was "
        "taken from the file itself: the file is whole, and it is not yet shown whose log it is."
    ),
    "page.answer": "The answer",
    "page.answer_allow": "The service answered this request: the message may be sent.",
    "page.answer_deny": "The service answered this request: the message must not be sent. The reasons follow.",
    "page.allow": "ALLOW",
    "page.deny": "DENY",
    "page.answer_unproven": "This is what the file claims; it is not proven.",
    "page.rehearsal": "A rehearsal about a later time: it never permits sending.",
    "page.shadow": "Shadow mode: the gateway was not bound by this answer.",
    "page.decided_at": "Decided at",
    "page.zone_stated": "local time first, in the zone that the creditor stated; then UTC",
    "page.zone_possible": "local time first, where the number, or the region stated, may be; then UTC",
    "page.send_at": "Planned time of sending",
    "page.valid_until": "Answer valid until",
    "page.retry_at": "Allowed from (time alone)",
    "page.channel": "Channel",
    "page.message_id": "Gateway's message id",
    "page.debt_named": "Debt named",
    "page.attempt": "Attempt",
    "page.reasons": "Reasons",
    "page.see_text": "see in the text below:",
    "page.no_reasons": (
        "There was no reason against sending: the required registrations, mandate, consent and confirmed debt "
        "were present, and text, hour and frequency complied with the rules."
    ),
    "page.parties": "Who asked, for whom, to whom",
    "page.part": "Role",
    "page.registered_name": "Registered name and id",
    "page.registered_senders": "Registered sender names",
    "page.registered_state": "Registered on, and state then",
    "page.sends_for_itself": "The creditor sends for itself",
    "page.not_registered": "not registered under this id then",
    "page.none": "none",
    "page.party_halted": "halted by the operator",
    "page.party_shadow": "shadow mode",
    "page.registration_version": "version {version} of its registration",
    "page.later": "later",
    "page.version": "version {version}",
    "page.halted": "halted",
    "page.recipient": "Recipient",
    "page.number_masked": "The middle of the number is hidden here; the case file holds all of it.",
    "page.jurisdictions": "Jurisdictions",
    "page.global_halt": "Halt of everything",
    "page.everything_halted": "everything was stopped then",
    "page.text": "The text that was reviewed",
    "page.characters": "{count} characters",
    "page.text_masked": "the recipient's number in it is masked",
    "page.row_number": "No.",
    "page.finding": "Finding",
    "page.quote": "Quotation",
    "page.rules_behind": "Rules behind it",
    "page.character_range": "characters {first} to {last}",
    "page.nowhere_in_text": "not at one place in the text",
    "page.compared_with_debt": "compared with the confirmed debt",
    "page.rules": "Rules, and where they come from",
    "page.rules_version": "Version",
    "page.rule_quoted": "Wording of the law",
    "page.rule_not_quoted": (
        "The wording of the law is not given here: the text above is a summary by the compiler of the rules, "
        "not a quotation."
    ),
    "page.rule_without_chinese": "There is no Chinese text of this rule; the English summary follows.",
    "page.rule_note": "Note",
    "page.rule_source": "Source, and its reliability",
    "page.rule_broken": "not complied with here",
    "page.applies_to": "For",
    "page.exceptions": "Exceptions (not applied)",
    "page.added_by_operator": "added by the operator",
    "page.in_force_from": "in force from",
    "page.in_force_to": "to",
    "page.rules_unreadable": "The rules in the file cannot be read.",
    "page.no_rules": "No rule applied to such a message.",
    "page.statements": "Statements that the parties signed",
    "page.signed_by": "Signed by",
    "page.statement_unreadable": "This statement cannot be read",
    "page.signed_at": "Signed at, as the party states",
    "page.received_at": "Received by the service",
    "page.notice_compare": (
        "How to compare the wording of the consent: obtain the notice from the creditor as a file, "
        "notice.txt, with no byte changed (another space, line break or character encoding gives another "
        "digest). This command computes the SHA-256 of its exact bytes and compares it with the digest "
        "above. SAME: the creditor signed the digest of this wording. DIFFERENT: it is another wording, or "
        "its bytes were changed. The same digest does not prove that the recipient saw this wording."
    ),
    "page.notice_unreadable": (
        "The digest of the notice is not sha256: and 64 hexadecimal digits; no wording can be compared with it."
    ),
    "page.statement_id": "Statement id",
    "page.key_thumbprint": "Key, by thumbprint",
    "page.key_registered_on": "registered on",
    "page.key_revoked_on": "revoked on",
    "page.key_not_registered": "no registration of this key in the file",
    "page.file_signed_as_a_whole": "The creditor signed the digest of the whole file and none of its rows alone.",
    "page.no_statements": "The decision rests on no statement of any party.",
    "page.debt_row": "Debt from a row of a file",
    "page.consent_row": "Consent from a row of a file",
    "page.row_signed": "The creditor signed this row with its file: the case file proves it.",
    "page.row_not_signed_alone": (
        "This row was not signed alone. The creditor signed the digest of its file; this is the service's record "
        "of the import. In case of doubt, ask the creditor for the file: its SHA-256 must be the digest in the "
        "manifest above, and the row with this number must say the same."
    ),
    "page.row_origin": "Manifest, and number of the row",
    "page.row_of_file": "row {row}",
    "page.counted": "Counted messages",
    "page.counted_total": (
        "At the time of the decision, the rules counted {count} earlier messages to this number, from all "
        "senders together. A message counts when it is allowed."
    ),
    "page.time": "At",
    "page.creditor": "Creditor",
    "page.debt": "Debt",
    "page.own_creditor": "this one",
    "page.other": "another",
    "page.not_named": "not named",
    "page.nothing_counted": "At the time of the decision, the rules counted no earlier message to this number.",
    "page.receipt": "The receipt",
    "page.receipt_explained": (
        "The service signs a receipt together with its answer, and the gateway keeps a copy. The receipt says:"
    ),
    "page.receipt_key": "Signed with key",
    "page.in_use_since": "in use since",
    "page.receipt_key_missing": "this key is not in the file",
    "page.receipt_answer": "Answer",
    "page.receipt_decision": "Decision, attempt",
    "page.receipt_times": "Issued, good until",
    "page.record_digest": "Digest of the record",
    "page.receipt_unreadable": "The receipt cannot be read.",
    "page.log": "The log",
    "page.log_explained": (
        "The log is append-only. Any later change of a record changes the root of the log and is detected."
    ),
    "page.log_name": "Origin",
    "page.log_key": "Key of the log",
    "page.compare_log_key": "Compare it with the key that the operator publishes elsewhere.",
    "page.log_position": "This decision",
    "page.counted_from_zero": "counted from 0",
    "page.log_size": "Entries in the log",
    "page.log_root": "Root (hexadecimal)",
    "page.witnesses": "Witnesses that the file names (not counted)",
    "page.witnessed_on": "saw it on",
    "page.no_witness": "no witness has signed this checkpoint",
    "page.checkpoint": "The checkpoint, as it was signed",
    "page.result": "Result of the verification",
    "page.check": "Check",
    "page.check_subject": "What it checks",
    "page.check_result": "Result",
    "page.result_in_english": "in the program's own words",
    "page.how_to_check": "How to check it yourself",
    "page.evidence_is_the_file": (
        "This page only explains the case file; the evidence is the file. The check needs no network, and no "
        "trust in this page or its author:"
    ),
    "page.log_key_source": (
        "KEY is the log's key. Take it from a source that you trust (such as /.well-known/duecare of the "
        "service, or a copy that was kept), not from the case file. docs/how-to-check-a-case-file.md gives the "
        "steps, the standards, and a way to check without this program."
    ),
    "page.limits": "What this does not prove",
    "page.limit_signature": (
        "A signature proves that the holder of a key made a statement, not that the statement is true. Whether "
        "the debt exists, or the recipient consented, has to be established otherwise. The operator registered "
        "whose key it is."
    ),
    "page.limit_replay": (
        "The recomputed decision proves that the answer follows from the content of this file, not that the "
        "service had nothing else on record. A decision lists only the statements that it relies on."
    ),
    "page.limit_delivery": (
        "The case file holds the text that was submitted and the answer. It does not prove that this text, or "
        "any text, was delivered. Compare the SHA-256 of the delivered text with text_sha256 in the case file, "
        "or see the deliveries that the gateway signed and their reconciliation."
    ),
    "page.limit_rows": (
        "For facts from an uploaded file, the creditor signed only the digest of the file; the rows shown are "
        "the service's record."
    ),
    "page.limit_own_record": (
        "The counts, the global halt and the times are the service's own record. It counts the messages that it "
        "allowed, not contacts that bypassed it."
    ),
    "page.limit_witness": (
        "A witness's signature proves that it saw this state of the log at that time, in agreement with what it "
        "saw before; whether it is independent of the operator has to be established otherwise."
    ),
    "page.limit_no_witness": (
        "No witness has signed this checkpoint: this file alone does not exclude that the operator shows "
        "different logs to different people. Compare it with checkpoints that others hold, and with the receipts "
        "that the gateway has kept."
    ),
    "page.limit_rules": (
        "The rules were compiled from public texts, and each states how far its source was read. Rules marked as "
        "own choice are not law. This page is not legal advice and does not say whether sending was lawful."
    ),
    "page.footer": "Made by duecare from the case file. It contains no script and no external content.",
    "page.title": "Case report on one decision",
    "page.running_failed": "NOT VERIFIED",
    "page.entry": "entry {place} of the log",
    "page.proof_unreadable": "proof cannot be read",
}
