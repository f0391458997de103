"""What holds in the whole house, by command."""

from core import house_rules
from tests.manage.command import refused, said


def test_a_setting_is_shown_changed_and_brought_back(sqlite: str) -> None:
    assert said("settings", "set", "stop_words", "stop, genug") == "stop_words is STOP, GENUG.\n"
    assert house_rules.stop_words() == {"stop", "genug"}
    lines = {line.split()[0]: line for line in said("settings").splitlines()}
    assert said("settings", "list") == said("settings")
    assert "by cli:" in lines["stop_words"] and lines["session_hours"].split()[1:] == [
        "12",
        "default",
    ]
    told = said("settings", "reset", "stop_words")
    assert told.startswith("stop_words is STOP, ") and told.endswith(", its default.\n")


def test_what_is_wrong_with_a_setting_is_told(sqlite: str) -> None:
    assert refused("settings", "set", "retry_delays", "soon").startswith("retry_delays: «soon» is")
    assert "no setting «secret_key»" in refused("settings", "set", "secret_key", "x")
    assert "no setting «x»" in refused("settings", "reset", "x")
