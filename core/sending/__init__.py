"""The send loop: claim, pace, post, settle, reap. Rules and reasons: docs/send-loop.md."""
