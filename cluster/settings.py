"""All settings, read once from the environment (`MATINEE_*`), frozen; every path is absolute from here on.

Nothing else in Matinee reads the environment. Services get their settings bound, so a replica on another node runs with the same.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import socket
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cluster.errors import Misconfigured
from cluster.events import PLAYBACK

Port = Annotated[int, Field(ge=1, le=65535)]

EMAIL_PATTERN: Final = r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}$"
EMAIL_MAX: Final = 254
PASSWORD_MIN: Final = 10
PASSWORD_MAX: Final = 128
"""What signs in, the operator of these settings included."""

MIN_RUNG_HEIGHT: Final = 90
MAX_RUNG_HEIGHT: Final = 2160
RungHeight = Annotated[int, Field(ge=MIN_RUNG_HEIGHT, le=MAX_RUNG_HEIGHT, multiple_of=2)]

_LADDER: Final = TypeAdapter(tuple[RungHeight, ...])
_ORIGIN: Final = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d+)?/?", re.ASCII)
_BROKERS: Final = re.compile(r"kafka://[^/?\s]+(/[^/?\s]*)?(\?\S*)?", re.ASCII)
_NODES: Final = re.compile(r"cassandra://[^/?\s]+/[^/?\s]+(\?\S*)?", re.ASCII)
_CREDENTIALS: Final = re.compile(r"(?<=//)[^/?@:]*:.*@")
_BUCKET: Final = re.compile(r"//[A-Za-z0-9][A-Za-z0-9._-]+(/.*)?", re.ASCII)


class Settings(BaseSettings):
    """The settings of one instance."""

    model_config = SettingsConfigDict(env_prefix="MATINEE_", frozen=True, extra="ignore", validate_default=True)

    data: Path = Field(default=Path("matinee-data"), description="Where everything of a laptop's instance is kept.")
    store: str = Field(
        default_factory=lambda given: f"sqlite:{given['data'] / 'store'}",
        description="sqlite:DIR or cassandra://host:9042/keyspace (cluster/durable/cassandra/address.py); by default under MATINEE_DATA.",
    )
    log: str = Field(
        default_factory=lambda given: f"sqlite:{given['data'] / 'log'}",
        description="sqlite:DIR or kafka://host:9092,host:9092/prefix (cluster/durable/kafka/address.py); by default under MATINEE_DATA.",
    )
    objects: str = Field(
        default_factory=lambda given: f"file:{given['data'] / 'objects'}",
        description="file:DIR or s3://bucket/prefix; by default under MATINEE_DATA.",
    )
    edge_cache: Path = Field(
        default_factory=lambda given: given["data"] / "edge-cache", description="The edge's disk cache; by default under MATINEE_DATA."
    )
    edge_cache_bytes: int = Field(default=20 * 2**30, ge=2**20, description="The most that the edge's cache holds.")

    host: str = Field(default="127.0.0.1", description="The address that the API and the edge listen on.")
    port: Port = Field(default=8000, description="The port of the API and the site.")
    edge_port: Port = Field(default=8090, description="The port of the edge.")
    dashboard_port: Port = Field(default=8265, description="The port of the Ray dashboard (loopback only).")
    metrics_port: Port = Field(default=9101, description="HAProxy's metrics (listens on all addresses).")
    stats_port: Port = Field(default=8404, description="HAProxy's statistics (listens on all addresses).")
    public_url: str = Field(default="", description="Where clients reach the API; by default http://host:port.")
    edge_url: str = Field(
        default="",
        description="Where clients reach this edge; by default http://<public host>:edge_port.",
    )

    secret: SecretStr | None = Field(default=None, description="Encrypts keys and signs paths; a laptop makes its own at first start.")
    operator_email: str = Field(default="operator@matinee.local", description="The first operator's sign-in.")
    operator_password: SecretStr | None = Field(default=None, description="The first operator's password; made at first start if unset.")

    access_token_s: int = Field(default=600, ge=5, le=600, description="How long an access token lives.")
    refresh_token_s: int = Field(default=30 * 86400, ge=60, description="How long a device may stay away.")
    stream_limit: int = Field(default=2, ge=1, le=20, description="Simultaneous streams of an account.")
    heartbeat_interval_s: float = Field(default=10.0, ge=0.5, le=60, description="How often a player says that it plays.")
    lease_s: float = Field(default=30.0, ge=1, le=600, description="How long a stream lives without a heartbeat.")
    session_shards: int = Field(default=2, ge=1, le=64, description="Actors that hold the playback sessions.")
    processor_instances: int = Field(default=1, ge=1, le=16, description="Actors of each log processor; they share its topic's partitions.")
    plays_kept_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="How long the log keeps what was watched, for models to learn from (Kafka: when its topic is made).",
    )
    training: Literal["off", "hourly", "nightly"] = Field(
        default="off",
        description="When a model is trained on what was watched, and promoted by the gate: at full hours, or at 3 at night (UTC).",
    )
    explored_share: float = Field(
        default=0.02,
        ge=0,
        le=0.05,
        description="The share of places in rows of picks and genres that show what nobody chose, and of days on which a profile's rows "
        "stand in an order by chance, so that logs can judge models; 0: none.",
    )
    collect_after_s: float = Field(default=86400.0, ge=0, description="How long deleted, superseded and abandoned media is kept.")
    upload_limit_bytes: int = Field(default=200 * 2**30, ge=1, description="The largest upload.")
    encoders: int = Field(default=0, ge=0, le=1024, description="Encoders at once; 0: as many as cores.")
    ladder: Annotated[tuple[RungHeight, ...], NoDecode] = Field(
        default=(), description="Renditions as heights, for example 360,720; by default all up to the source's."
    )
    preset: str = Field(default="veryfast", description="x264's preset.")

    @field_validator("data", "edge_cache")
    @classmethod
    def _absolute_path(cls, value: Path) -> Path:
        return _absolute(value)

    @field_validator("store")
    @classmethod
    def _store_url(cls, value: str) -> str:
        if _NODES.fullmatch(value):
            return value
        return _folder_url(value, "sqlite") or _refuse("must be sqlite:DIR or cassandra://host,host:9042/keyspace")

    @field_validator("log")
    @classmethod
    def _log_url(cls, value: str) -> str:
        if _BROKERS.fullmatch(value):
            return value
        return _folder_url(value, "sqlite") or _refuse("must be sqlite:DIR or kafka://host:9092,host:9092")

    @field_validator("objects")
    @classmethod
    def _objects_url(cls, value: str) -> str:
        if _BUCKET.fullmatch(value.removeprefix("s3:")) and value.startswith("s3:"):
            return value
        return _folder_url(value, "file") or _refuse("must be file:DIR or s3://bucket/prefix")

    @field_validator("host")
    @classmethod
    def _address(cls, value: str) -> str:
        ipaddress.ip_address("127.0.0.1" if value == "localhost" else value)
        return "127.0.0.1" if value == "localhost" else value

    @field_validator("public_url", "edge_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        if value and (not _ORIGIN.fullmatch(value) or urlsplit(value).port == 0):  # one above 65535 urlsplit refuses itself
            raise ValueError("must be http://host or https://host, with a port from 1 to 65535 or none, and nothing after it")
        return value.rstrip("/")

    @field_validator("operator_email")
    @classmethod
    def _email(cls, value: str) -> str:
        value = value.strip()
        if len(value) > EMAIL_MAX or not re.fullmatch(EMAIL_PATTERN, value):
            raise ValueError("must be an e-mail address, as name@example.org")
        return value

    @field_validator("operator_password")
    @classmethod
    def _password(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not PASSWORD_MIN <= len(value.get_secret_value()) <= PASSWORD_MAX:
            raise ValueError(f"must have {PASSWORD_MIN} to {PASSWORD_MAX} characters")
        return value

    @field_validator("ladder", mode="before")
    @classmethod
    def _heights(cls, value: Any) -> Any:
        try:
            return _LADDER.validate_python(value.split(",") if isinstance(value, str) else value)
        except ValidationError as error:
            raise ValueError(f"must be even heights from {MIN_RUNG_HEIGHT} to {MAX_RUNG_HEIGHT}, as 360,720") from error

    @field_validator("preset")
    @classmethod
    def _preset(cls, value: str) -> str:
        allowed = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _unset(cls, values: Any) -> Any:
        return {key: value for key, value in values.items() if value not in ("", None)}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.lease_s <= self.heartbeat_interval_s:
            heartbeat = f"MATINEE_HEARTBEAT_INTERVAL_S={self.heartbeat_interval_s:g}"
            raise ValueError(f"MATINEE_LEASE_S={self.lease_s:g}: must be longer than {heartbeat}")
        owners: dict[int, str] = {}
        for name in ("port", "edge_port", "dashboard_port", "metrics_port", "stats_port"):
            port = getattr(self, name)
            if port in owners:
                raise ValueError(f"MATINEE_{name.upper()}={port}: is MATINEE_{owners[port].upper()} too; each needs a port of its own")
            owners[port] = name
        return self

    @property
    def site_url(self) -> str:
        """Where a client reaches the API and the site."""
        return self.public_url or f"http://{_reachable(self.host)}:{self.port}"

    @property
    def kept_s(self) -> dict[str, float]:
        """How long the log keeps topics for which a setting says it, in seconds by their names."""
        return {PLAYBACK.name: self.plays_kept_days * 86400.0}

    @property
    def own_edge_url(self) -> str:
        """Where a client reaches the edge of this machine: MATINEE_EDGE_URL, else the host of the public URL, else this machine's."""
        if self.edge_url:
            return self.edge_url
        public = urlsplit(self.public_url).hostname
        host = (f"[{public}]" if ":" in public else public) if public else _reachable(self.host)
        return f"http://{host}:{self.edge_port}"

    def secret_bytes(self) -> bytes:
        """Return the installation's secret: MATINEE_SECRET, or the file under `data` that only its owner reads, made at first use.

        Raises:
            Misconfigured: MATINEE_SECRET is shorter than 16 characters, or the file cannot be made or read.
        """
        if self.secret is not None:
            value = os.fsencode(self.secret.get_secret_value())  # the bytes that the environment holds, whatever they are
            if len(value) < 16:
                raise Misconfigured("MATINEE_SECRET is too short: at least 16 characters")
            return value
        path = self.data / "secret"
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                # Written aside and linked into place: two that start together, processes or threads, agree on one secret.
                mine = self.data / f"secret.{os.getpid()}.{secrets.token_hex(4)}"
                mine.touch(mode=0o600)
                with mine.open("w") as file:
                    file.write(secrets.token_hex(32))
                    file.flush()
                    os.fsync(file.fileno())
                try:
                    os.link(mine, path)
                except FileExistsError:
                    pass
                finally:
                    mine.unlink()
            kept = path.read_bytes().strip()
        except OSError as error:
            raise Misconfigured(f"{path} cannot be made or read: {error.strerror}") from error
        if len(kept) < 16:
            raise Misconfigured(f"{path} is damaged: restore it, or set MATINEE_SECRET")
        return kept


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except (RuntimeError, OSError) as error:  # no such user, or this process stands in a folder that is gone
        raise ValueError(f"must be a path that leads somewhere: {error}") from error


def _folder_url(value: str, scheme: str) -> str | None:
    found, _, folder = value.partition(":")
    return f"{scheme}:{_absolute(Path(folder.removeprefix('//')))}" if folder and found == scheme else None


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)


def _reachable(host: str) -> str:
    """Return what others call an address that we listen on: of all addresses, the one that leads out of this machine."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return f"[{host}]" if address.version == 6 else host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 (RFC 5737); connecting a datagram socket sends nothing
            return str(probe.getsockname()[0])
        except OSError:  # no network
            return "127.0.0.1"


def without_password(url: str) -> str:
    """Return what may be shown of a URL: `…@` stands for a user and a password."""
    return _CREDENTIALS.sub("…@", url)


def load(**overrides: Any) -> Settings:
    """Read the settings from the environment; overrides (a command's options) win where they are not None.

    Raises:
        Misconfigured: a value is wrong; the sentence says which, why and what is allowed.
    """
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        lines = []
        for item in error.errors():
            if item["type"] == "default_factory_not_called":  # MATINEE_DATA is wrong, and told
                continue
            name = f"MATINEE_{str(item['loc'][0]).upper()}" if item["loc"] else ""
            shown = without_password(repr(item["input"]))
            given = f"={shown}" if name and "secret" not in name.lower() and "password" not in name.lower() else ""
            lines.append(f"{name}{given}: {item['msg'].removeprefix('Value error, ')}".lstrip(": "))
        raise Misconfigured("; ".join(lines)) from error
