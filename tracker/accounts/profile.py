"""The settings of the person who is signed in: profile, password, tokens."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext, gettext_noop
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from issues.language import speaking
from issues.lookups import as_uuid
from tracker.accounts.context import SWITCHES, THEME_COOKIE, browser
from tracker.accounts.forms import PasswordChangeForm, ProfileForm, TokenForm
from tracker.accounts.links import absolute
from tracker.accounts.models import ApiToken, User
from tracker.accounts.people import secret_page
from tracker.accounts.throttling import PasswordThrottle
from tracker.accounts.views import ATTEMPTS, too_many

YEAR = 365 * 24 * 60 * 60
# Live tokens come first; who made more than this sees the rest in the history of the space.
SHOWN = 200


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request):
    """Name, handle, time zone, and what this browser shows and listens to."""
    # A row of its own: the page shows the name of `request.user` as it stands, whatever is typed.
    user = User.objects.get(pk=request.user.pk)
    shown = browser(request) | {"language": request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")}
    form = ProfileForm(user, shown, request.POST if request.method == "POST" else None)
    if form.is_bound and form.save():
        language = form.cleaned_data["language"]
        # In the language of the page that shows it.
        with speaking(language or get_language()):
            messages.success(request, gettext("Your profile is saved."))
        response = redirect("settings-profile")
        keep_cookie(response, settings.LANGUAGE_COOKIE_NAME, language, "")
        keep_cookie(response, THEME_COOKIE, form.cleaned_data["theme"], "system")
        for name in SWITCHES:
            keep_cookie(response, name, "on" if form.cleaned_data[name] else "off", "on")
        return response
    context = {"form": form, "email": user.email}
    return render(request, "accounts/profile.html", context, status=422 if form.is_bound else 200)


def keep_cookie(response, name, value, default):
    """Say it to the browser: the next page is right from its first paint."""
    if value == default:
        response.delete_cookie(name, samesite="Lax")
    else:
        response.set_cookie(name, value, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def password(request):
    """A new password: other sessions end, this one goes on."""
    form = PasswordChangeForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_bound:
        if refused := too_many(request, PasswordThrottle(), ATTEMPTS):
            return refused
        if form.is_valid():
            form.save()
            update_session_auth_hash(request, form.user)
            messages.success(request, gettext("Your password is changed. Other browsers are signed out."))
            return redirect("settings-password")
    return render(request, "accounts/password.html", {"form": form}, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request):
    """One's tokens; a new one's secret is on the page that answers, and nowhere after."""
    form = TokenForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_bound and (issued := form.save()):
        token, secret = issued
        context = {"token": token, "secret": secret, "address": absolute("/api/issues/")}
        return secret_page(request, "accounts/token_made.html", context)
    now = timezone.now()
    rows = list(
        request.user.tokens.select_related("space").order_by(
            F("is_active").desc(), F("created_at").desc(), "-id"
        )[:SHOWN]
    )
    for token in rows:
        token.state = state(token, now)
    context = {"form": form, "tokens": rows, "has_spaces": bool(request.user.space_roles())}
    return render(request, "accounts/tokens.html", context, status=422 if form.is_bound else 200)


def state(token, now):
    if not token.is_active:
        return gettext_noop("revoked")
    return gettext_noop("expired") if token.expires_at and token.expires_at <= now else gettext_noop("live")


@login_required
@require_POST
def token_revoke(request, id):
    token = ApiToken.objects.filter(user=request.user, uuid=as_uuid(id)).first()
    if token is None:
        raise Http404
    token.is_active = False
    token.save(update_fields=["is_active"])
    messages.success(request, gettext("{} is revoked.").format(token.name))
    return redirect("settings-tokens")
