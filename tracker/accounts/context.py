"""What every page knows of its reader's browser."""

THEMES = (
    ("system", "As the system says"),
    ("light", "Light"),
    ("dark", "Dark"),
    ("contrast", "High contrast"),
)
THEME_COOKIE = "theme"


def theme(request):
    """`theme`: what the browser asked for on its settings page, "system" for anything unknown."""
    value = request.COOKIES.get(THEME_COOKIE)
    return {"theme": value if value in dict(THEMES) else "system"}
