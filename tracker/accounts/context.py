"""What every page knows of its reader's browser."""

from django.conf import settings
from django.utils.translation import gettext_lazy

from issues.list_views import DENSITY_COOKIE

LANGUAGES = (("", gettext_lazy("As the browser prefers")), *settings.LANGUAGES)

THEMES = (
    ("system", gettext_lazy("As the system says")),
    ("light", gettext_lazy("Light")),
    ("dark", gettext_lazy("Dark")),
    ("contrast", gettext_lazy("High contrast")),
)
THEME_COOKIE = "theme"
# What is on until it is switched off.
SWITCHES = ("shortcuts", "advance")


def browser(request):
    """What the browser asked for: `theme`, "system" for anything unknown, each of SWITCHES, "on" or "off",
    and `density`, "compact" or "cosy".
    """
    theme = request.COOKIES.get(THEME_COOKIE)
    return {
        "theme": theme if theme in dict(THEMES) else "system",
        **{name: "off" if request.COOKIES.get(name) == "off" else "on" for name in SWITCHES},
        "density": "cosy" if request.COOKIES.get(DENSITY_COOKIE) == "cosy" else "compact",
    }
