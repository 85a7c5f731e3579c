"""The English names and results of the checks of a case file."""

from __future__ import annotations

CHECKS: dict[str, str] = {
    # The name of each check, and what it looks at. any: of a check without sentences of its own
    "check.form": "Form of the file",
    "check.form.subject": "Whether the file is in canonical form, with nothing added or left out.",
    "check.log": "Signature of the log",
    "check.log.subject": (
        "Whether the checkpoint is signed by the log. Witnesses that only the file names are not counted."
    ),
    "check.record": "Record of the decision",
    "check.record.subject": "Whether the log holds exactly this record.",
    "check.engine": "The engine",
    "check.engine.subject": "Whether the release that decided is in the log.",
    "check.receipt": "Receipt",
    "check.receipt.subject": (
        "Whether the receipt is signed by a key of the service that is in the log, and says what the record says."
    ),
    "check.inputs": "Number, text and time",
    "check.inputs.subject": "Whether number, text and time match the digests in the record.",
    "check.parties": "Registrations",
    "check.parties.subject": (
        "Whether the log holds exactly these registrations, and whether they were in force at the decision."
    ),
    "check.statements": "Statements",
    "check.statements.subject": (
        "Whether each is about this number and this creditor, was signed by a party that may state it, with a key "
        "registered then, and logged."
    ),
    "check.rows": "Rows of files",
    "check.rows.subject": (
        "Whether the creditor signed each row of a file with its file; otherwise, which facts only the file "
        "itself shows."
    ),
    "check.starts": "Recipient's START",
    "check.starts.subject": "Whether each START answers a message that was allowed to this number.",
    "check.chains": "What the recipient did",
    "check.chains.subject": (
        "Whether all that the service had accepted by then about the recipient's own acts is here, in the "
        "order of acceptance, with nothing missing, added or moved."
    ),
    "check.rules": "Rules",
    "check.rules.subject": (
        "Whether the rules are those that the record names, and are shipped by duecare or only stricter than those."
    ),
    "check.place": "The recipient's place",
    "check.place.subject": "Whether this machine's tables give the same places and clocks for this number.",
    "check.replay": "The recomputed decision",
    "check.replay.subject": "Whether the same material and rules give the same decision with the same reasons.",
    "check.statement": "The acknowledged statement",
    "check.statement.subject": "Whether the statement that the service acknowledged was there when it decided.",
    "check.witness": "Witness",
    "check.witness.subject": "Whether the witness that the reader named signed the checkpoint.",
    "check.portfolio": "The portfolio file",
    "check.portfolio.subject": (
        "Whether this is the file that the creditor signed, and whether its rows say what the case file says."
    ),
    "check.any.passed": "This check passed.",
    "check.any.failed": "This check failed.",
    "check.any.other_engine": (
        "This release cannot make this check: another release made the decision. That is no sign of tampering."
    ),
    "check.form.failed": "The file is not a case file in its canonical form.",
    "check.log.failed": "The checkpoint has no valid signature of the log.",
    "check.record.failed": "The log is not shown to hold this record.",
    "check.engine.failed": "The engine is not that of the record, or is not shown to be in the log.",
    "check.receipt.failed": "The receipt differs from the record, or no logged key of the service signed it.",
    "check.inputs.failed": "Number, text, time or other inputs differ from the record.",
    "check.parties.failed": "The registrations differ from the log, or were not in force at the decision.",
    "check.statements.failed": (
        "A statement is not about this case, is not validly signed, or is not shown to be in the log."
    ),
    "check.rows.failed": "A row differs from the file that its creditor signed.",
    "check.starts.failed": "A START does not count.",
    "check.chains.failed": "The chains of what the recipient did have something missing, added, moved or different.",
    "check.rules.failed": (
        "The rules are not those of the record, or are neither shipped by duecare nor stricter than those."
    ),
    "check.place.failed": "The recipient's place or clocks differ from this machine's tables.",
    "check.replay.failed": "The decision was not made again with the same result.",
    "check.statement.passed": "The acknowledged statement: see the program's own words.",
    "check.statement.failed": (
        "The acknowledged statement was not there, or that is not known: see the program's own words."
    ),
    "check.witness.passed": "The named witness signed the checkpoint.",
    "check.witness.failed": "There is no valid signature of the named witness.",
    "check.portfolio.passed": "This is the file that the creditor signed, and its rows agree.",
    "check.portfolio.failed": "The file does not agree with the case file, or was not compared.",
    "passed.form": "one JSON object in its canonical form, with the members of a case file",
    "passed.log": "{origin} signed its {size} entries",
    "passed.log_witnesses": "the file names {count} witnesses, which are not counted",
    "passed.record": "the record is entry {index} of the log",
    "passed.engine": "{name}, released in entry {index} of the log",
    "passed.receipt": "signed by the service's key {kid}, which is in the log, and says what the record says",
    "passed.inputs": "number, text and time are those that the record commits to",
    "passed.parties": "{count} registrations, each in the log, those of the decision in force at its time",
    "passed.statements": (
        "{count} of {total} about this message, signed by the party that answers for it, and in the log"
    ),
    "passed.statements_rows": (
        "{count} facts are rows of files, whose digest their creditor signed, and not the row alone"
    ),
    "passed.rows": "{count} rows of files, each signed by its creditor with its file",
    "passed.rows_unsigned": (
        "{count} facts are rows of files whose creditor signed the file's digest and not the row alone, or "
        "are left out of a file: only the file shows them (--portfolio)"
    ),
    "passed.starts": "{count} that count, each in reply to a message that was allowed",
    "passed.chains": "every statement up to the heads that the record names: {places}",
    "passed.chain_place": "{seq} in that of {of}",
    "passed.chains_none": (
        "the record names none: nothing was accepted by then, or the decision says nothing about the recipient"
    ),
    "passed.chains_voided": "the operator voided {count} of them, stated by {parties}, which do not count",
    "passed.chains_withheld": (
        "{count} are withheld from the reader of this file, so what they say is not checked here: the file "
        "that the creditor or an auditor fetches shows them"
    ),
    "passed.chains_erased": "{count} were erased, so nobody can check what they said",
    "passed.none": "none",
    "passed.rules": (
        "version {version}, {count} rows, as the record names them: the rules that duecare ships as {shipped}"
    ),
    "passed.rules_tightened": (
        "version {version}, {count} rows, as the record names them: the rules that duecare ships as "
        "{shipped}, tightened by the operator"
    ),
    "passed.place": "the recipient's place and clocks are those of this machine's number tables and time zones too",
    "passed.replay": "made again from the inputs, the statements and the rules it is the same, to every reason",
    "failed.log_key": "the file names another log's key than the one that is trusted",
    "failed.log_origin": "the checkpoint is of another log",
    "failed.checkpoint": "not looked for in the log, whose checkpoint is not good",
    "failed.inputs": "the inputs are not those that the record commits to",
    "failed.number": "the telephone number is not the one that was asked about",
    "failed.text": "the text is not the one that was asked about",
    "failed.time": "the time is not the record's",
    "failed.receipt": "the receipt says something else than the record",
    "failed.receipt_key": "the receipt is signed by a key that is not in the file",
    "failed.registrations": "not checked against the registrations, which are not good",
    "failed.statements": "the statements are not those that the record names, each once and in its order",
    "failed.rules": "the rules are not those that the record names",
    "failed.replay": "not made again, because of what is wrong above",
    "failed.replay_differs": "made again it differs in {members}",
    "failed.portfolio": "not compared, because a check above failed",
}
