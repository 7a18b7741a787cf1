"""What an operator may set for realtime sessions."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RealtimeSettings(BaseModel):
    """Times and sizes of WebSocket sessions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connect_seconds: float = Field(
        default=10.0, gt=0, description="Longest wait for one backend's answer to the handshake"
    )
    idle_seconds: float = Field(
        default=900.0, gt=0, description="A session in which nobody says anything ends after this"
    )
    session_seconds: float = Field(
        default=7200.0, gt=0, description="Longest session; Azure's own limit is shorter"
    )
    ping_seconds: float = Field(
        default=20.0, gt=0, description="How often a backend is asked whether it is still there"
    )
    pong_seconds: float = Field(
        default=60.0,
        gt=0,
        description="A backend that does not answer a ping for so long is gone; that may also be "
        "because its client does not read",
    )
    message_bytes: int = Field(
        default=16 << 20, gt=0, description="Longest message of a backend; longer ones end it"
    )
    settle_seconds: float = Field(
        default=2.0,
        ge=0,
        description="When a client leaves in the middle of a response, that is cancelled and so "
        "long waited for, to learn what it used",
    )
    close_seconds: float = Field(
        default=5.0, gt=0, description="Longest wait for a backend to say goodbye"
    )
