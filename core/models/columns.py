"""Kinds of columns, and how constraints are named."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING

BigInt = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB, "postgresql")
NEVER_REUSED: dict[str, Any] = {"sqlite_autoincrement": True}


def one_of(column: str, values: Any) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def key() -> Any:
    return Field(default=None, sa_column=Column(BigInt, primary_key=True))


def instant(*, null: bool = True) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=null))


def text_of(*, null: bool = True, unique: bool = False, default: str | None = None) -> Any:
    server = text(f"'{default}'") if default is not None else None
    column = Column(Text, nullable=null, unique=unique, server_default=server)
    return Field(default=default, sa_column=column)


def small(default: int = 0) -> Any:
    column = Column(SmallInteger, nullable=False, server_default=text(str(default)))
    return Field(default=default, sa_column=column)


def big(target: str | None = None, *, null: bool = True, index: bool = False) -> Any:
    links = [ForeignKey(target)] if target else []
    return Field(default=None, sa_column=Column(BigInt, *links, nullable=null, index=index))


def json_of(*, null: bool = True) -> Any:
    return Field(default=None, sa_column=Column(Json, nullable=null))
