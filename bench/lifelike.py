"""An Outbox that has worked for a month: messages by the million, with all that came of them.

Of the messages eight in ten are of the past days, one was due today, one is still to leave, a tenth
of these within the hour. Everything is put straight into the tables, by few statements.
"""

import json
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlmodel import Session

from bench import filling
from core import clock, db, shapes
from core.trends import RANGES

ZONE = "Asia/Jakarta"  # in which the operators' day begins
DAYS = 30
ACCOUNTS, RATE = 4, 80.0
BLOCKS = 100  # of messages; each second one is a batch
WEBHOOKS, IN_ONE = 20_000, 200  # statuses of the latest attempts, and how many Meta sends at once
LABELS = ("reminder", "confirmation", "results", "billing")
BODY = [{"type": "BODY", "text": "Dear {{1}}, your order is ready. Reply STOP to stop."}]


def fill(engine: Engine, count: int) -> list[int]:
    """So many messages of four accounts; returns the accounts."""
    fast = db.make_engine(engine.url.render_as_string(hide_password=False))
    filling.without_foreign_keys(fast)
    account_ids = list(filling.accounts(fast, ACCOUNTS, rate=RATE))
    with Session(fast) as session:
        session.connection(execution_options={"write": True})
        made = _Filled(session, count, account_ids[0])
        made.everything()
        session.commit()
    filling.settle_statistics(fast)
    fast.dispose()
    return account_ids


class _Filled:
    """The statements, each over a series of numbers from which all else is computed."""

    def __init__(self, session: Session, count: int, account_id: int) -> None:
        self.session, self.count, self.account_id = session, count, account_id
        self.on_postgres = db.on_postgres(session)
        self.now = clock.wall()
        day = self.now.astimezone(ZoneInfo(ZONE)).date()
        self.midnight = datetime.combine(day, time(), ZoneInfo(ZONE))

    def everything(self) -> None:
        self._template()
        self._batches()
        if self.on_postgres:  # built at once it takes a fraction of the time
            self._run("DROP INDEX ix_content_search")
        self._messages()
        self._contents()
        if self.on_postgres:
            self._run("CREATE INDEX ix_content_search ON content USING gin (search gin_trgm_ops)")
        self._attempts()
        self._events()
        self._webhooks()
        self._samples()
        self._volumes()

    def _run(self, statement: str, **values: Any) -> None:
        instants = [name for name, value in values.items() if isinstance(value, datetime)]
        self.session.execute(db.sql(statement, *instants), values)

    def _at(self, seconds: str) -> str:
        """An instant from SQL for seconds since 1970."""
        if self.on_postgres:
            return f"to_timestamp({seconds})"
        return f"strftime('%Y-%m-%d %H:%M:%f', {seconds}, 'unixepoch') || '000+00:00'"

    def _series(self, count: int) -> str:
        if self.on_postgres:
            return f"generate_series(CAST(1 AS bigint), {count}) AS s(i)"
        return (
            "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s"
            f" WHERE i < {count}) SELECT i FROM s) AS s"
        )

    def _template(self) -> None:
        category, form = "UTILITY", "POSITIONAL"
        self._run(
            "INSERT INTO template (id, business_id, name, language, category, status,"
            " parameter_format, components, sha256, synced_at) SELECT 1, business_id,"
            " 'order_ready', 'en', :category, 'APPROVED', :form, :body, :sha, :now"
            " FROM account WHERE id = :id",
            category=category,
            form=form,
            body=json.dumps(BODY),
            sha=shapes.digest(category, form, BODY),
            now=self.now,
            id=self.account_id,
        )

    def _batches(self) -> None:
        """Each second block of the messages; the last of them still waits for its release."""
        each, last = self.count // BLOCKS, BLOCKS // 2
        state = (
            f"CASE WHEN i = {last} THEN 'held' WHEN i > {last * 9 // 10} THEN 'released'"
            " ELSE 'finished' END"
        )
        self._run(
            "INSERT INTO batch (id, account_id, name, state, total, after_id, until_id, created_at,"
            " created_by, released_at, finished_at)"
            f" SELECT i, :account + i % {ACCOUNTS}, 'List ' || i || ' of the clinics', {state},"
            f" {each}, (2 * i - 1) * {each}, 2 * i * {each}, :then, 'ana',"
            f" CASE WHEN i < {last} THEN :then END,"
            f" CASE WHEN i <= {last * 9 // 10} THEN :then END FROM {self._series(last)}",
            account=self.account_id,
            then=self.now - timedelta(days=1),
        )

    def _messages(self) -> None:
        people = self.count * 3 // 4
        columns = {
            "id": "i",
            "account_id": f"CASE WHEN batched = 0 THEN {self.account_id} + i % {ACCOUNTS}"
            f" ELSE {self.account_id} + batched % {ACCOUNTS} END",
            "recipient": f"'+62' || (81200000000 + i * 7919 % {people} * {10**8 // people})",
            "kind": "CASE WHEN i % 3 = 0 THEN 'template' ELSE 'text' END",
            "template_id": "CASE WHEN i % 3 = 0 THEN 1 END",
            "status": "status",
            "scheduled_at": self._at("due"),
            "zone": f"'{ZONE}'",
            "due_at": self._at("due"),
            "hold": f"CASE WHEN batched = {BLOCKS // 2} THEN 'batch'"
            " WHEN status = 'pending' AND dice = 7 THEN 'person' END",
            "retry_count": "CASE WHEN status = 'failed' AND dice % 3 = 0 THEN 3 ELSE 0 END",
            "attempt_count": "CASE WHEN status IN ('sent', 'failed') AND dice <> 981 THEN 1"
            " ELSE 0 END",
            "error_class": "CASE WHEN status <> 'failed' THEN NULL WHEN dice = 980 THEN 'unknown'"
            " WHEN dice = 981 THEN 'expired' WHEN dice < 970 THEN 'recipient' ELSE 'permanent' END",
            "error_code": "CASE WHEN status <> 'failed' OR dice IN (980, 981) THEN NULL"
            " WHEN dice < 970 THEN 131026 ELSE 132012 END",
            "error_text": "CASE WHEN status = 'failed' THEN 'Message undeliverable' END",
            "sent_at": f"CASE WHEN status = 'sent' THEN {self._at('due + 0.4')} END",
            "meta_message_id": "CASE WHEN status = 'sent' THEN 'wamid.HBgNNjI4MTIw' || i END",
            "delivery": "CASE WHEN status <> 'sent' THEN NULL WHEN dice < 550 THEN 'read'"
            " WHEN dice < 900 THEN 'delivered' WHEN dice < 940 THEN 'sent' ELSE 'accepted' END",
            "delivery_at": f"CASE WHEN status = 'sent' THEN {self._at('due + 3')} END",
            "batch_id": "CASE WHEN batched > 0 THEN batched END",
            "reference": "CASE WHEN batched > 0 THEN 'R-' || i END",
            "created_at": self._at("due - 90000"),
        }
        names, values = ", ".join(columns), ", ".join(columns.values())
        self._run(f"INSERT INTO message ({names}) SELECT {values} FROM ({self._drawn()}) AS d")
        self._continue("message")

    def _drawn(self) -> str:
        """Each number with its dice, when it is due, how it ended and of which batch it is."""
        past, done = self.count * 8 // 10, self.count * 9 // 10
        midnight, now = self.midnight.timestamp(), self.now.timestamp()
        begins, hour, week = midnight - DAYS * 86_400, 3_600.0, 7 * 86_400.0
        due = (
            f"CASE WHEN i <= {past} THEN {begins} + (i * {DAYS * 86_400.0} / {past})"
            f" WHEN i <= {done} THEN {midnight}"
            f" + (i - {past}) * {now - 5 - midnight} / {done - past}"
            f" WHEN i % 10 = 0 THEN {now} + 60 + (i - {done}) * {hour} / {self.count - done}"
            f" ELSE {now} + {hour} + (i - {done}) * {week} / {self.count - done} END"
        )
        status = (
            f"CASE WHEN i > {done} THEN 'pending' WHEN dice < 955 THEN 'sent'"
            " WHEN dice < 982 THEN 'failed' WHEN dice < 990 THEN 'cancelled' ELSE 'sent' END"
        )
        each = max(1, self.count // BLOCKS)
        rolled = (
            f"SELECT i, i * 7919 % 1000 AS dice, {due} AS due, (i - 1) / {each} AS block"
            f" FROM {self._series(self.count)}"
        )
        batched = f"CASE WHEN block % 2 = 1 AND block < {BLOCKS} THEN (block + 1) / 2 ELSE 0 END"
        return f"SELECT i, dice, due, {status} AS status, {batched} AS batched FROM ({rolled}) AS r"

    def _contents(self) -> None:
        text = "'Order ' || (10000 + id * 31 % 90000) || ' is ready at clinic ' || (id % 40) || '.'"
        template, label = "kind = 'template'", f"id * 13 % {2 * len(LABELS)}"
        labelled = " ".join(f"WHEN {n} THEN '{one}'" for n, one in enumerate(LABELS))
        parameters = """'{"1": "Dewi ' || (id % 1000) || '"}'"""
        as_json = f"CAST({parameters} AS jsonb)" if self.on_postgres else parameters
        self._run(
            "INSERT INTO content (message_id, recipient, text, template, language, parameters,"
            " template_sha256, label, created_by, search)"
            f" SELECT id, recipient, {text}, CASE WHEN {template} THEN 'order_ready' END,"
            f" CASE WHEN {template} THEN 'en' END, CASE WHEN {template} THEN {as_json} END,"
            f" CASE WHEN {template} THEN (SELECT sha256 FROM template WHERE id = 1) END,"
            f" CASE {label} {labelled} END, CASE id % 3 WHEN 0 THEN 'ana' ELSE 'budi' END,"
            f" substr(recipient, 2) || ' ' || {text} FROM message ORDER BY id"
        )

    def _attempts(self) -> None:
        payload = (
            """'{"messaging_product":"whatsapp","recipient_type":"individual","to":"' ||"""
            """ m.recipient || '","biz_opaque_callback_data":"bench:' || m.id ||"""
            """ '","type":"text","text":{"preview_url": false,"body":"' || c.text || '"}}'"""
        )
        outcome = "CASE m.status WHEN 'sent' THEN 'accepted' ELSE m.error_class END"
        self._run(
            "INSERT INTO attempt (message_id, account_id, worker_id, slot_at, claimed_at,"
            " posted_at, answered_at, http_status, outcome, error_code, error_text,"
            " meta_message_id, delivery, proved_at, payload, payload_sha256)"
            " SELECT m.id, m.account_id, 1, m.due_at, m.due_at, m.due_at,"
            " coalesce(m.sent_at, m.due_at), CASE m.status WHEN 'sent' THEN 200 ELSE 400 END,"
            f" {outcome}, m.error_code, m.error_text, m.meta_message_id, m.delivery, m.delivery_at,"
            f" {payload}, '{64 * '0'}' FROM message m JOIN content c ON c.message_id = m.id"
            " WHERE m.attempt_count > 0 ORDER BY m.id"
        )

    def _events(self) -> None:
        """Who scheduled each one."""
        empty = "CAST('{}' AS jsonb)" if self.on_postgres else "'{}'"
        self._run(
            "INSERT INTO message_event (message_id, at, actor, kind, after)"
            f" SELECT id, created_at, 'ana', 'schedule', {empty} FROM message ORDER BY id"
        )

    def _webhooks(self) -> None:
        """What Meta told of the latest attempts, whose pages tell it too."""
        told = self.session.execute(
            db.sql(
                "SELECT id, recipient, wamid FROM (SELECT id, meta_message_id AS wamid, (SELECT"
                " recipient FROM message WHERE id = message_id) AS recipient FROM attempt"
                f" WHERE outcome = 'accepted' ORDER BY id DESC LIMIT {WEBHOOKS}) AS a ORDER BY id"
            )
        ).all()
        sets = [told[n : n + IN_ONE // 2] for n in range(0, len(told), IN_ONE // 2)]
        events = [
            {"id": n, "received_at": self.now, "applied_at": self.now, "body": _body(rows)}
            for n, rows in enumerate(sets, 1)
        ]
        instants = {"received_at": "timestamptz", "applied_at": "timestamptz"}
        db.insert_rows(self.session, "webhook_event", events, id="bigint", body="text", **instants)
        mentions = [
            {"attempt_id": row.id, "webhook_event_id": n}
            for n, rows in enumerate(sets, 1)
            for row in rows
        ]
        keys = {"attempt_id": "bigint", "webhook_event_id": "bigint"}
        db.insert_rows(self.session, "webhook_mention", mentions, **keys)
        self._continue("webhook_event")

    def _samples(self) -> None:
        for one in RANGES.values():
            steps = int(one.length.total_seconds()) // one.step
            now = int(self.now.timestamp()) // one.step * one.step
            json_ = "CAST(:kept AS jsonb)" if self.on_postgres else ":kept"
            self._run(
                "INSERT INTO queue_sample (step, at, account_id, reasons, standings, oldest, sent,"
                f" p50, p95, rate) SELECT {one.step}, {self._at(f'{now} - (i / 4) * {one.step}')},"
                f" :account + i % 4, {json_}, {json_}, i % 7, i % 90 * {one.step} / 60, 0.2, 0.9,"
                f" {RATE} FROM {self._series(4 * steps)}",
                account=self.account_id,
                kept=json.dumps({"scheduled": 7_400, "waiting": 12, "held": 900}),
            )

    def _volumes(self) -> None:
        """Five of this weekday, so that the overview has something to compare today with."""
        day = self.midnight.date()
        rows = [
            {
                "account_id": self.account_id + n,
                "day": (day - timedelta(weeks=week)).isoformat(),
                "label": label,
                "messages": 5_000,
                "first_at": self.midnight - timedelta(weeks=week) + timedelta(hours=7),
                "counted_at": self.now,
            }
            for n in range(ACCOUNTS)
            for week in range(5)
            for label in ("", *LABELS)
        ]
        shape = {"account_id": "bigint", "day": "text", "label": "text", "messages": "integer"}
        shape |= {"first_at": "timestamptz", "counted_at": "timestamptz"}
        db.insert_rows(self.session, "day_volume", rows, **shape)

    def _continue(self, table: str) -> None:
        """Ids that were given by hand are not given again."""
        last = self.session.execute(db.sql(f"SELECT max(id) FROM {table}")).scalar_one()
        db.skip_ids(self.session, table, int(last))


def _body(rows: Any) -> str:
    """A body as Meta writes it, of two statuses for each."""
    statuses = [
        {
            "id": row.wamid,
            "status": told,
            "timestamp": "1790000000",
            "recipient_id": row.recipient.removeprefix("+"),
            "conversation": {"id": "c0ffee", "origin": {"type": "utility"}},
            "pricing": {"billable": True, "pricing_model": "PMP", "category": "utility"},
        }
        for row in rows
        for told in ("sent", "delivered")
    ]
    value = {"messaging_product": "whatsapp", "statuses": statuses}
    change = {"field": "messages", "value": value}
    entry = {"id": "1", "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]})
