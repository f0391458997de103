"""Stories from an operator's days, each end to end against the sandbox. Those that are told by what
somebody sees and clicks lie in tests/browser:

| story | told in |
|---|---|
| Monday 8:00 | test_monday_at_eight.py |
| the wrong text | test_the_wrong_text.py; in 5,000: browser/test_five_thousand_reminders.py |
| a number banned at noon | test_the_banned_number.py |
| an hour offline | test_the_hour_offline.py |
| the file twice | test_the_file_twice.py |
| on time | test_on_time.py |
| the first minutes | test_make_run.py, browser/test_first_message.py |
| the month's report | browser/test_the_months_report.py |
| the auditor's question | browser/test_the_auditors_question.py |
"""
