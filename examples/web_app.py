"""A web app that sends an alert in a request, or says when to try again if the quota is spent.

    uvicorn web_app:app --workers 4

Copy it wherever you like, and run it there. The workers share one quota, since its file is the
machine's. On several machines, set CLIQ_QUOTA=redis://host:6379/0.
"""

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from cliq_async import (
    BadRequestError,
    CliqClient,
    OutcomeUnknownError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    ValidationError,
)

BOT = "supportbot"
PATIENCE_S = 2.0


class Alert(BaseModel):
    """An alert and its recipients."""

    text: str
    to: list[str]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Open one client for all requests of a worker."""
    async with CliqClient.from_env(timeout_s=10.0, max_wait_s=PATIENCE_S) as client:
        app.state.cliq = client
        yield


app = FastAPI(lifespan=lifespan)


def cliq(request: Request) -> CliqClient:
    """Return the worker's client."""
    client: CliqClient = request.app.state.cliq
    return client


@app.post("/alerts", status_code=202)
async def alert(alert: Alert, cliq: Annotated[CliqClient, Depends(cliq)]) -> dict[str, str]:
    """Send an alert now, or not at all."""
    await cliq.messages.send(BOT, alert.text, user_ids=alert.to)
    return {"status": "sent"}


@app.exception_handler(ValidationError)
@app.exception_handler(BadRequestError)
async def refuse(_request: Request, error: ValidationError | BadRequestError) -> JSONResponse:
    """Answer 422: the text breaks a limit, or Cliq does not accept it; nothing was sent."""
    return JSONResponse({"status": f"not sent: {error}"}, 422)


@app.exception_handler(QuotaWaitError)
@app.exception_handler(ThrottledError)
async def come_back(_request: Request, error: QuotaWaitError | ThrottledError) -> JSONResponse:
    """Answer 503: nothing was sent, and the caller may try again at `Retry-After`."""
    left_s = (error.retry_at - datetime.now(UTC)).total_seconds()
    headers = {"Retry-After": str(max(1, math.ceil(left_s)))}
    return JSONResponse({"status": "not sent, too many alerts"}, 503, headers)


@app.exception_handler(OutcomeUnknownError)
@app.exception_handler(ServerError)
async def unknown(_request: Request, _error: OutcomeUnknownError | ServerError) -> JSONResponse:
    """Answer 504: the alert may have been sent, so a second try can send it twice."""
    return JSONResponse({"status": "perhaps sent, not confirmed"}, 504)
