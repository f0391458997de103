"""The engine's tables, what the database itself forbids, and the search index."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core import clock
from core.db import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

# As core/states.py had it when this schema was made; a test compares them.
TRANSITIONS = (
    ("pending", "processing"),
    ("pending", "cancelled"),
    ("pending", "failed"),
    ("pending", "sent"),
    ("processing", "sent"),
    ("processing", "failed"),
    ("processing", "pending"),
    ("sent", "failed"),
    ("failed", "pending"),
    ("failed", "sent"),
    ("cancelled", "pending"),
)


def upgrade() -> None:
    _tables()
    _refuse_unnamed_transitions()
    for table in ("message_event", "audit_event"):
        _keep_append_only(table)
    _index_search()
    installation = sa.table("installation", sa.column("id"), sa.column("created_at", UtcDateTime()))
    op.bulk_insert(installation, [{"id": uuid4().hex[:12], "created_at": clock.wall()}])


def _on_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _refuse_unnamed_transitions() -> None:
    pairs = ", ".join(f"('{old}', '{new}')" for old, new in TRANSITIONS)
    illegal = f"OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (VALUES {pairs})"
    _trigger("message_transition", "UPDATE OF status", "message", "illegal transition", illegal)


def _keep_append_only(table: str) -> None:
    for verb in ("UPDATE", "DELETE"):
        _trigger(f"{table}_no_{verb.lower()}", verb, table, f"{table} is append-only")


def _trigger(name: str, when: str, table: str, message: str, condition: str = "") -> None:
    if _on_postgres():
        # PostgreSQL allows no subquery in WHEN: VALUES becomes a plain list.
        plain = condition.replace("NOT IN (VALUES ", "NOT IN (")
        guard = f"WHEN ({plain})" if plain else ""
        op.execute(
            f"CREATE FUNCTION refuse_{name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{message}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH ROW {guard} "
            f"EXECUTE FUNCTION refuse_{name}()"
        )
        return
    guard = f"WHEN {condition}" if condition else ""
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH ROW {guard} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def _index_search() -> None:
    """Trigrams: find a number or a word by any fragment of three characters or more."""
    if _on_postgres():
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        op.execute("CREATE INDEX ix_content_search ON content USING gin (search gin_trgm_ops)")
        return
    op.execute(
        "CREATE VIRTUAL TABLE content_search USING fts5("
        "search, content='content', content_rowid='message_id', tokenize='trigram')"
    )
    gone = (
        "INSERT INTO content_search(content_search, rowid, search) "
        "VALUES ('delete', OLD.message_id, OLD.search);"
    )
    here = "INSERT INTO content_search(rowid, search) VALUES (NEW.message_id, NEW.search);"
    for verb, body in (("INSERT", here), ("DELETE", gone), ("UPDATE OF search", gone + here)):
        name = f"content_search_{verb.split()[0].lower()}"
        op.execute(f"CREATE TRIGGER {name} AFTER {verb} ON content BEGIN {body} END")


def _tables() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("before", Json, nullable=True),
        sa.Column("after", Json, nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at", "id"], unique=False)
    op.create_table(
        "business",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("waba_id", sa.Text(), nullable=True),
        sa.Column("portfolio_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("token_since", UtcDateTime(), nullable=False),
        sa.Column("app_secret", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_business")),
        sa.UniqueConstraint("waba_id", name=op.f("uq_business_waba_id")),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("guard_since", UtcDateTime(), nullable=True),
        sa.Column("guard_reason", sa.Text(), nullable=True),
        sa.Column("stopped_since", UtcDateTime(), nullable=True),
        sa.Column("stopped_by", sa.Text(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "setting",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", Json, nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_setting")),
    )
    op.create_table(
        "user",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.Column(
            "failed_sign_ins", sa.SmallInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("next_sign_in_at", UtcDateTime(), nullable=True),
        sa.Column("last_seen_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name=op.f("ck_user_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("name", name=op.f("uq_user_name")),
    )
    op.create_table(
        "webhook_event",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("applied_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_webhook_event_unapplied",
        "webhook_event",
        ["id"],
        unique=False,
        sqlite_where=sa.text("applied_at IS NULL"),
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.create_table(
        "worker",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=True),
        sa.Column("boot_id", sa.Text(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=False),
        sa.Column("last_scan_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("kind IN ('loop', 'gateway')", name=op.f("ck_worker_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "account",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("business_id", BigInt, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone_number_id", sa.Text(), nullable=False),
        sa.Column("display_phone", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("zone", sa.Text(), server_default=sa.text("'UTC'"), nullable=False),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("state_by", sa.Text(), nullable=True),
        sa.Column("state_since", UtcDateTime(), nullable=True),
        sa.Column("state_code", sa.Integer(), nullable=True),
        sa.Column("auto_resumes", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quiet_from", sa.Text(), nullable=True),
        sa.Column("quiet_to", sa.Text(), nullable=True),
        sa.Column("late_policy", sa.Text(), server_default=sa.text("'send'"), nullable=False),
        sa.Column("late_after", sa.Integer(), nullable=True),
        sa.Column("quality", sa.Text(), nullable=True),
        sa.Column("throughput", sa.Text(), nullable=True),
        sa.Column("messaging_limit", sa.Text(), nullable=True),
        sa.Column("test_number", sa.Text(), nullable=True),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "late_policy IN ('send', 'skip', 'hold')", name=op.f("ck_account_late_policy")
        ),
        sa.CheckConstraint(
            "state IN ('active', 'paused', 'retired')", name=op.f("ck_account_state")
        ),
        sa.CheckConstraint("rate IS NULL OR rate > 0", name=op.f("ck_account_rate")),
        sa.ForeignKeyConstraint(
            ["business_id"], ["business.id"], name=op.f("fk_account_business_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
        sa.UniqueConstraint("phone_number_id", name=op.f("uq_account_phone_number_id")),
    )
    op.create_index(op.f("ix_account_business_id"), "account", ["business_id"], unique=False)
    op.create_table(
        "session",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("user_id", BigInt, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_session_user_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_user_id"), "session", ["user_id"], unique=False)
    op.create_table(
        "template",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("business_id", BigInt, nullable=False),
        sa.Column("meta_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=True),
        sa.Column("parameter_format", sa.Text(), nullable=True),
        sa.Column("components", Json, nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("rejected_reason", sa.Text(), nullable=True),
        sa.Column("hold", sa.Text(), nullable=True),
        sa.Column("hold_since", UtcDateTime(), nullable=True),
        sa.Column("synced_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["business_id"], ["business.id"], name=op.f("fk_template_business_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template")),
        sa.UniqueConstraint(
            "business_id", "name", "language", name=op.f("uq_template_business_id_name_language")
        ),
    )
    op.create_table(
        "batch",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("account_id", BigInt, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'loading'"), nullable=False),
        sa.Column("source_sha256", sa.Text(), nullable=True),
        sa.Column("file_id", BigInt, nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('loading', 'held', 'released', 'paused', 'cancelled', 'finished')",
            name=op.f("ck_batch_state"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_batch_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index(op.f("ix_batch_account_id"), "batch", ["account_id"], unique=False)
    op.create_table(
        "opt_out",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), server_default=sa.text("'everything'"), nullable=False),
        sa.Column("account_id", BigInt, nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.CheckConstraint("scope IN ('everything', 'marketing')", name=op.f("ck_opt_out_scope")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_opt_out_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opt_out")),
    )
    op.create_index("ix_opt_out_number", "opt_out", ["number"], unique=False)
    op.create_table(
        "pace",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("next_slot_at", UtcDateTime(), nullable=False),
        sa.Column("rate_now", sa.Float(), nullable=True),
        sa.Column("slowed_at", UtcDateTime(), nullable=True),
        sa.Column("resume_at", UtcDateTime(), nullable=True),
        sa.Column("ready_since", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_pace_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_pace")),
    )
    op.create_table(
        "recipient",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("pair_tat", UtcDateTime(), nullable=True),
        sa.Column("pair_step", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_inbound_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_recipient_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_recipient")),
    )
    op.create_table(
        "message",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default=sa.text("'text'"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("scheduled_at", UtcDateTime(), nullable=False),
        sa.Column("zone", sa.Text(), server_default=sa.text("'UTC'"), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=True),
        sa.Column("late_policy", sa.Text(), nullable=True),
        sa.Column("hold", sa.Text(), nullable=True),
        sa.Column("retry_count", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_retries", sa.SmallInteger(), server_default=sa.text("3"), nullable=False),
        sa.Column("attempt_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("meta_message_id", sa.Text(), nullable=True),
        sa.Column("delivery", sa.Text(), nullable=True),
        sa.Column("delivery_at", UtcDateTime(), nullable=True),
        sa.Column("batch_id", BigInt, nullable=True),
        sa.Column("template_id", BigInt, nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("worker_id", BigInt, nullable=True),
        sa.Column("unconfirmed_since", UtcDateTime(), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.Column("deleted_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "deleted_at IS NULL OR status NOT IN ('pending', 'processing')",
            name=op.f("ck_message_deleted"),
        ),
        sa.CheckConstraint(
            "delivery IN ('accepted', 'sent', 'delivered', 'read')",
            name=op.f("ck_message_delivery"),
        ),
        sa.CheckConstraint("kind IN ('text', 'template')", name=op.f("ck_message_kind")),
        sa.CheckConstraint(
            "late_policy IN ('send', 'skip', 'hold')", name=op.f("ck_message_late_policy")
        ),
        sa.CheckConstraint(
            "status <> 'processing' OR worker_id IS NOT NULL OR unconfirmed_since IS NOT NULL",
            name=op.f("ck_message_unconfirmed"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'sent', 'failed', 'cancelled')",
            name=op.f("ck_message_status"),
        ),
        sa.CheckConstraint(
            "worker_id IS NULL OR status = 'processing'", name=op.f("ck_message_worker")
        ),
        sa.CheckConstraint("max_retries BETWEEN 0 AND 5", name=op.f("ck_message_max_retries")),
        sa.CheckConstraint("priority BETWEEN 0 AND 2", name=op.f("ck_message_priority")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_message_account_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_message_batch_id")),
        sa.ForeignKeyConstraint(
            ["template_id"], ["template.id"], name=op.f("fk_message_template_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_message_claim",
        "message",
        ["account_id", "priority", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'pending' AND hold IS NULL"),
        postgresql_where=sa.text("status = 'pending' AND hold IS NULL"),
    )
    op.create_index("ix_message_list", "message", ["status", "due_at", "id"], unique=False)
    op.create_index(
        "uq_message_in_flight",
        "message",
        ["account_id", "recipient"],
        unique=True,
        sqlite_where=sa.text("status = 'processing' AND worker_id IS NOT NULL"),
        postgresql_where=sa.text("status = 'processing' AND worker_id IS NOT NULL"),
    )
    op.create_index(
        "uq_message_reference",
        "message",
        ["account_id", "reference"],
        unique=True,
        sqlite_where=sa.text(
            "reference IS NOT NULL AND status <> 'cancelled' AND deleted_at IS NULL"
        ),
        postgresql_where=sa.text(
            "reference IS NOT NULL AND status <> 'cancelled' AND deleted_at IS NULL"
        ),
    )
    op.create_table(
        "operation",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("filter", Json, nullable=True),
        sa.Column("arguments", Json, nullable=True),
        sa.Column("cursor", Json, nullable=True),
        sa.Column("counted", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("batch_id", BigInt, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("worker_id", BigInt, nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'finished', 'cancelled', 'failed', 'undone')",
            name=op.f("ck_operation_state"),
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_operation_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "attempt",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("message_id", BigInt, nullable=False),
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("worker_id", BigInt, nullable=False),
        sa.Column("slot_at", UtcDateTime(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("posted_at", UtcDateTime(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("error_subcode", sa.Integer(), nullable=True),
        sa.Column("error_text", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("meta_message_id", sa.Text(), nullable=True),
        sa.Column("delivery", sa.Text(), nullable=True),
        sa.Column("proved_at", UtcDateTime(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("payload_sha256", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_attempt_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempt_message_id", "attempt", ["message_id", "id"], unique=False)
    op.create_index("ix_attempt_meta_message_id", "attempt", ["meta_message_id"], unique=False)
    op.create_index(
        "ix_attempt_open",
        "attempt",
        ["worker_id"],
        unique=False,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "content",
        sa.Column("message_id", BigInt, nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("parameters", Json, nullable=True),
        sa.Column("template_sha256", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("search", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_content_message_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_content")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_content_idempotency_key")),
    )
    op.create_table(
        "file",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", BigInt, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("operation_id", BigInt, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operation.id"], name=op.f("fk_file_operation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
    )
    op.create_table(
        "message_event",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("message_id", BigInt, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("before", Json, nullable=True),
        sa.Column("after", Json, nullable=True),
        sa.Column("operation_id", BigInt, nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_event_message_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_event")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_message_event_message_id", "message_event", ["message_id", "id"], unique=False
    )
    op.create_index(
        "ix_message_event_operation_id",
        "message_event",
        ["operation_id"],
        unique=False,
        sqlite_where=sa.text("operation_id IS NOT NULL"),
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    op.create_table(
        "file_chunk",
        sa.Column("file_id", BigInt, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_file_chunk_file_id")),
        sa.PrimaryKeyConstraint("file_id", "number", name=op.f("pk_file_chunk")),
    )
