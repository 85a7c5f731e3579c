"""The English catalogue. zh.py has the same keys, and each text the same {placeholders}."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # What the command prints
    "cli.speaks_as": "as {party} ({source})",
    # Checks of a case file: the name of each, and what it looks at
    "check.form": "Form of the file",
    "check.form.subject": "Whether the file is in its one form, with nothing added or left out.",
    "check.log": "Signature of the log",
    "check.log.subject": "Whether the checkpoint is signed by the log, and by the witnesses that the file names.",
    "check.record": "Record of the decision",
    "check.record.subject": "Whether the record stands in the log exactly as it is here.",
    "check.receipt": "Receipt",
    "check.receipt.subject": (
        "Whether the receipt is signed by a key of the service that is in the log, and says what the record says."
    ),
    "check.inputs": "Number, text and time",
    "check.inputs.subject": "Whether number, text and time are those whose digests the record holds.",
    "check.parties": "Registrations",
    "check.parties.subject": "Whether each registration stands in the log exactly as it is here.",
    "check.statements": "Statements",
    "check.statements.subject": (
        "Whether each was signed by the party that answers for it, with a key registered then, and logged."
    ),
    "check.rules": "Rules",
    "check.rules.subject": "Whether the rules are the version that the record names.",
    "check.replay": "The decision made again",
    "check.replay.subject": "Whether the same material and rules give the same decision again, to every reason.",
    # Kinds of statements
    "kind.consent": "Consent of the recipient",
    "kind.consent-revocation": "Consent taken back",
    "kind.debt": "Confirmation of a debt",
    "kind.mandate": "Mandate of a collector",
    "kind.reply": "Reply of the recipient",
    "kind.opt-out": "Opt-out",
    "kind.dispute": "Dispute of a debt",
    "kind.number-reassignment": "Number reassigned",
    "kind.delivery": "What became of a message",
    "kind.upload": "Manifest of an uploaded file",
    # Members of statements and rows
    "member.recipient": "recipient",
    "member.creditor": "creditor",
    "member.collector": "collector",
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
    "member.size": "size in bytes",
    "member.snapshot": "all open debts",
    "member.confirm_withdrawals": "withdrawals confirmed",
    "member.statement": "stated by",
    "member.first": "first stated as of",
    "member.first_by": "first stated by",
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
    # Values of members
    "value.yes": "yes",
    "value.no": "no",
    # Reasons
    "reason.unknown": "There is no sentence for this code.",
    # Sentences and labels of the page about a case file
    "page.verification_failed": "Verification failed",
    "page.failed_explained": (
        "What is listed here did not hold. All that follows is the file's own word, is not proven, and must not "
        "be relied on."
    ),
    "page.title_long": "Case report: one decision on whether a debt-collection message may be sent",
    "page.decision_id": "Decision",
    "page.service": "service",
    "page.case_file": "Case file",
    "page.made_on": "This page was made on",
    "page.verified": "Verified: all {checks} checks hold (see “Result of the verification” below).",
    "page.key_from_file": (
        "But the log's key was taken from the file itself: the file is whole, and nothing shows yet whose log it is."
    ),
    "page.answer": "The answer",
    "page.allow": "ALLOW",
    "page.deny": "DENY",
    "page.answer_unproven": "So says the file; it is not proven.",
    "page.rehearsal": "A rehearsal, about a later time: never good for sending.",
    "page.shadow": "Shadow mode: the gateway was not bound by this answer.",
    "page.decided_at": "Decided at",
    "page.zone_stated": "local time in the zone that the creditor stated",
    "page.zone_possible": "local time where the number, or the region stated, may be",
    "page.send_at": "Sending asked about",
    "page.valid_until": "Answer good until",
    "page.retry_at": "Time alone cures it at",
    "page.channel": "Channel",
    "page.message_id": "Gateway's message id",
    "page.debt_named": "Debt named",
    "page.attempt": "Attempt",
    "page.reasons": "Reasons",
    "page.see_text": "see in the text below:",
    "page.no_reasons": (
        "There was no reason against it: the registrations, the mandate, the consent and the confirmed debt that "
        "it takes were there, and text, hour and frequency kept the rules."
    ),
    "page.parties": "Who asked, for whom, to whom",
    "page.part": "Part",
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
    "page.text": "The text as it was reviewed",
    "page.characters": "{count} characters",
    "page.text_masked": "the recipient's number in it is masked",
    "page.row_number": "No.",
    "page.finding": "What it is",
    "page.quote": "Words of the text",
    "page.rules_behind": "Rules it follows from",
    "page.character_range": "characters {first} to {last}",
    "page.nowhere_in_text": "nowhere in the text in particular",
    "page.compared_with_debt": "compared with the confirmed debt",
    "page.rules": "Rules, and where they come from",
    "page.rules_version": "Version",
    "page.rule_id": "Rule, jurisdiction",
    "page.rule_text": "What it says",
    "page.rule_source": "Source, and how far it was read",
    "page.rule_broken": "not kept here",
    "page.applies_to": "For",
    "page.exceptions": "Exceptions (not applied)",
    "page.added_by_operator": "added by the operator",
    "page.in_force_from": "in force from",
    "page.in_force_to": "to",
    "page.rules_unreadable": "The rules in the file cannot be read.",
    "page.no_rules": "No row of the rules bound such a message.",
    "page.statements": "What each party had signed",
    "page.signed_by": "Signed by",
    "page.statement_unreadable": "This statement cannot be read",
    "page.signed_at": "Signed, by its own word",
    "page.received_at": "Received by the service",
    "page.statement_id": "Statement id",
    "page.key_thumbprint": "Key, by thumbprint",
    "page.key_registered_on": "registered on",
    "page.key_revoked_on": "revoked on",
    "page.key_not_registered": "no registration of this key in the file",
    "page.file_signed_as_a_whole": "The creditor signed the digest of the whole file, and no row of it alone.",
    "page.no_statements": "The decision rests on no statement of any party.",
    "page.debt_row": "Debt that came as a row of a file",
    "page.consent_row": "Consent that came as a row of a file",
    "page.row_not_signed_alone": (
        "Nobody signed this row alone. The creditor signed the digest of the file that it came in; what is shown "
        "is the service's record of the import. Whoever doubts it may ask the creditor for the file: its SHA-256 "
        "must be the digest in the manifest above, and it must say the same in that row."
    ),
    "page.row_origin": "Manifest, and number of the row",
    "page.row_of_file": "row {row}",
    "page.counted": "What had been counted",
    "page.counted_total": (
        "When it was decided, messages to this number that a rule still counted, of all senders together: "
        "{count}. An answer that allows one is what counts."
    ),
    "page.time": "At",
    "page.creditor": "Creditor",
    "page.debt": "Debt",
    "page.own_creditor": "this one",
    "page.other": "another",
    "page.not_named": "not named",
    "page.nothing_counted": "When it was decided, no message to this number was left that a rule still counts.",
    "page.receipt": "The receipt",
    "page.receipt_explained": (
        "The service signs a receipt with its answer, and the gateway keeps its own copy. It says:"
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
        "The log only grows. Once a record is in it, whatever is changed changes the log's root, and is found."
    ),
    "page.log_name": "Origin",
    "page.log_key": "Key of the log",
    "page.compare_log_key": "Compare it with the one that the operator publishes elsewhere.",
    "page.log_position": "This decision",
    "page.counted_from_zero": "counted from 0",
    "page.log_size": "Entries in the log",
    "page.log_root": "Root (hexadecimal)",
    "page.witnesses": "Witnesses",
    "page.witnessed_on": "saw it on",
    "page.no_witness": "no witness has signed this checkpoint",
    "page.checkpoint": "The checkpoint, as it was signed",
    "page.result": "Result of the verification",
    "page.check": "Check",
    "page.check_subject": "What was looked at",
    "page.check_result": "What was found",
    "page.how_to_check": "How to check it yourself",
    "page.evidence_is_the_file": (
        "This page only explains the case file; the evidence is the file. To check it takes no network, and no "
        "trust in this page or in whoever made it:"
    ),
    "page.log_key_source": (
        "KEY is the log's key. Take it from a source that you trust (such as /.well-known/duecare of the "
        "service, or a copy that was kept), not from the case file. The steps, the standards they follow, and "
        "how to do without this program: docs/how-to-check-a-case-file.md."
    ),
    "page.limits": "What this does not prove",
    "page.limit_signature": (
        "A signature proves that the holder of a key made a statement, not that it is true: whether the debt "
        "exists, or the recipient did consent, is to be established otherwise. Whose key it is, the operator "
        "registered."
    ),
    "page.limit_replay": (
        "That the decision can be made again proves that it follows from what is in the file, not that nothing "
        "else was on file; a decision names the statements that it rests on."
    ),
    "page.limit_delivery": (
        "It holds the text that was asked about and the answer that was given. It does not prove that the text "
        "which was delivered is this one, nor that any was: compare the SHA-256 of what went out with "
        "text_sha256 in the case file, or see the deliveries that the gateway signed, reconciled with the log."
    ),
    "page.limit_rows": (
        "Of facts that came with a file the creditor signed the digest of the file only; the rows shown are the "
        "service's record."
    ),
    "page.limit_own_record": (
        "What was counted, the halt of everything, and the times are the service's own record; counted are the "
        "messages that it allowed, not contacts that bypassed it."
    ),
    "page.limit_witness": (
        "A witness's signature proves that it saw this state of the log at that time, in agreement with what it "
        "saw before; whether it is independent of the operator is to be established otherwise."
    ),
    "page.limit_no_witness": (
        "No witness has signed this checkpoint: this file alone does not exclude that the operator shows "
        "different logs to different people. Compare it with checkpoints that others hold, and with the receipts "
        "that the gateway has kept."
    ),
    "page.limit_rules": (
        "The rules were put together from public texts, and each says how far its source was read; those marked "
        "as own choice are not law. This page is no legal advice, and does not say whether sending was lawful."
    ),
    "page.footer": "Made by duecare from the case file. No script, and nothing from elsewhere.",
    "page.title": "Case report on one decision",
    "page.running_failed": "NOT VERIFIED",
    "page.entry": "entry {place} of the log",
    "page.proof_unreadable": "proof cannot be read",
}
