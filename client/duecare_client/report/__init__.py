"""The page about a case file that a judge reads, in Chinese and English."""
