"""What every page knows of its reader's browser."""

from issues.list_views import DENSITY_COOKIE

THEMES = (
    ("system", "As the system says"),
    ("light", "Light"),
    ("dark", "Dark"),
    ("contrast", "High contrast"),
)
THEME_COOKIE = "theme"
SHORTCUTS_COOKIE = "shortcuts"


def browser(request):
    """What the browser asked for: `theme`, "system" for anything unknown, `shortcuts`, "on" or "off", and
    `density`, "compact" or "cosy".
    """
    theme = request.COOKIES.get(THEME_COOKIE)
    return {
        "theme": theme if theme in dict(THEMES) else "system",
        "shortcuts": "off" if request.COOKIES.get(SHORTCUTS_COOKIE) == "off" else "on",
        "density": "cosy" if request.COOKIES.get(DENSITY_COOKIE) == "cosy" else "compact",
    }
