"""The time zones of states and provinces (ISO 3166-2), for countries with several zones.

Written by hand. A region that is not listed has the zones of its country.
"""

from __future__ import annotations

_EASTERN, _CENTRAL, _MOUNTAIN, _PACIFIC = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
_WESTERN_ID, _CENTRAL_ID, _EASTERN_ID = "Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"

# Zones → regions. A state with a zone border inside has both zones; a zone whose clock has agreed with another's since
# 2026 is left out.
_REGIONS: dict[tuple[str, ...], str] = {
    (_EASTERN,): "US-CT US-DC US-DE US-GA US-MA US-MD US-ME US-NC US-NH US-NJ US-NY US-OH US-PA US-RI US-SC US-VA "
    "US-VT US-WV",
    (_EASTERN, _CENTRAL): "US-FL US-IN US-KY US-MI US-TN",
    (_CENTRAL,): "US-AL US-AR US-IA US-IL US-LA US-MN US-MO US-MS US-OK US-WI",
    (_CENTRAL, _MOUNTAIN): "US-KS US-ND US-NE US-SD US-TX",
    (_MOUNTAIN,): "US-CO US-MT US-NM US-UT US-WY",
    (_MOUNTAIN, _PACIFIC): "US-ID US-NV US-OR",
    (_MOUNTAIN, "America/Phoenix"): "US-AZ",
    (_PACIFIC,): "US-CA US-WA",
    ("America/Anchorage", "America/Adak"): "US-AK",
    ("Pacific/Honolulu",): "US-HI",
    ("Pacific/Pago_Pago",): "US-AS",
    ("Pacific/Guam",): "US-GU US-MP",
    ("America/Puerto_Rico",): "US-PR US-VI",
    ("Pacific/Midway", "Pacific/Wake", "Pacific/Honolulu"): "US-UM",
    ("America/Edmonton",): "CA-AB CA-NT",
    ("America/Vancouver", "America/Creston", "America/Edmonton"): "CA-BC",
    ("America/Regina", "America/Edmonton"): "CA-SK",
    ("America/Winnipeg",): "CA-MB",
    ("America/Toronto", "America/Winnipeg", "America/Atikokan"): "CA-ON",
    ("America/Toronto", "America/Halifax", "America/Blanc-Sablon"): "CA-QC",
    ("America/Halifax",): "CA-NB CA-NS CA-PE",
    ("America/St_Johns", "America/Halifax"): "CA-NL",
    ("America/Creston",): "CA-YT",
    ("America/Toronto", "America/Atikokan", "America/Resolute", "America/Cambridge_Bay"): "CA-NU",
    ("Australia/Sydney",): "AU-ACT AU-VIC AU-TAS",
    ("Australia/Sydney", "Australia/Broken_Hill", "Australia/Lord_Howe"): "AU-NSW",
    ("Australia/Brisbane",): "AU-QLD",
    ("Australia/Adelaide",): "AU-SA",
    ("Australia/Darwin",): "AU-NT",
    ("Australia/Perth", "Australia/Eucla"): "AU-WA",
    (_WESTERN_ID,): "ID-AC ID-SU ID-SB ID-RI ID-KR ID-JA ID-BB ID-BE ID-SS ID-LA ID-BT ID-JK ID-JB ID-JT ID-YO ID-JI "
    "ID-KB ID-KT ID-SM ID-JW",
    (_CENTRAL_ID,): "ID-BA ID-NB ID-NT ID-KS ID-KI ID-KU ID-SN ID-SR ID-ST ID-SG ID-GO ID-SA ID-SL ID-NU",
    (_WESTERN_ID, _CENTRAL_ID): "ID-KA",
    (_EASTERN_ID,): "ID-MA ID-MU ID-ML ID-PA ID-PB ID-PD ID-PE ID-PP ID-PS ID-PT",
}
ZONES: dict[str, tuple[str, ...]] = {region: zones for zones, names in _REGIONS.items() for region in names.split()}
