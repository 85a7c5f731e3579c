"""The decision logic as pure functions and values. Each group uses only those above it:

fields, validation   small types with their limits; from JSON to values
location             telephone numbers, jurisdictions, time zones
text                 reads a text: sender, amounts, opt-out, disclosure, forbidden phrases
rules                the rule pack: quiet hours, frequency caps, reply words, retention
facts                parties, statements, and how statements merge into facts
portfolio            uploaded files: manifest and rows
decision             `decide`, its reasons and findings
reconciliation       deliveries against decisions
"""
