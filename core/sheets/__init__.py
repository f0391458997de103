"""Files of messages as people make them: what their cells hold, and what it means."""
