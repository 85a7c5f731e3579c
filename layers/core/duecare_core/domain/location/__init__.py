"""Where a recipient may be: telephone numbers, jurisdictions, time zones and local time."""
