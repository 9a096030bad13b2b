"""A webhook bot in Django: `uvicorn examples.webhooks.django_app:app`."""

from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from examples.webhooks.bot import bot


async def home(_request: HttpRequest) -> HttpResponse:
    """Serve the rest of the app."""
    return HttpResponse(b"the app")


@csrf_exempt
async def cliq(request: HttpRequest) -> HttpResponse:
    """Hand an event to the bot."""
    if request.method in ("GET", "HEAD"):
        return HttpResponse()
    answer = await bot.receive(request.body, request.META.get("HTTP_X_CLIQ_SIGNATURE"))
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


urlpatterns = [path("", home), path("cliq", cliq)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
django = get_asgi_application()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Open and close the bot with the server: Django leaves its lifespan to others."""
    await (bot if scope["type"] == "lifespan" else django)(scope, receive, send)
