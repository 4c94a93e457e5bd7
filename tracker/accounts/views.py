"""The ways in: signing in, a forgotten password, an invitation."""

import logging
from dataclasses import replace
from functools import wraps
from math import ceil

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, views
from django.core.mail import send_mail
from django.db import IntegrityError
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from issues.actor import acting_as, current_actor
from issues.lookups import as_uuid
from tracker.accounts.forms import JoinForm, LoginForm, PasswordResetForm, SetPasswordForm
from tracker.accounts.links import password_link
from tracker.accounts.models import Invitation, User, digest_of
from tracker.accounts.throttling import LinkThrottle, LoginThrottle, MailThrottle, ResetThrottle
from tracker.errors import error_response

logger = logging.getLogger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
# What the session keeps of an invitation between its link and its page: the digest, which opens nothing.
INVITATION = "invitation"
# What is said to whoever does something too often.
ATTEMPTS = gettext_noop("Too many attempts. Try again in {} seconds.")
LINKS = gettext_noop("Too many calls with such links. Try again in {} seconds.")
SIGN_INS = gettext_noop("Too many attempts to sign in. Try again in {} seconds.")
WISHES = gettext_noop("Too many wishes for a new password. Try again in {} seconds.")


def too_many(request, throttle, what):
    """The 429 for an address that does something too often, which `what` says, else None."""
    if throttle.allow_request(request, None):
        return None
    seconds = max(ceil(throttle.wait()), 1)
    response = error_response(request, 429, gettext(what).format(seconds))
    response["Retry-After"] = str(seconds)
    return response


def by_link(view):
    """A page that a secret link opens: no cache keeps it, no other site hears of it, nobody tries many."""

    @never_cache
    @wraps(view)
    def wrapper(request, *args, **kwargs):
        return too_many(request, LinkThrottle(), LINKS) or view(request, *args, **kwargs)

    return wrapper


def dead_link(request, is_invitation=False):
    """The same page for a link that is used, expired, withdrawn, or never was one."""
    return unreferred(
        render(request, "accounts/dead_link.html", {"is_invitation": is_invitation}, status=404)
    )


def unreferred(response):
    """`response` whose address goes nowhere.

    Not for a page with a form: browsers would send it with `Origin: null`, as from another site.
    """
    response["Referrer-Policy"] = "no-referrer"
    return response


class LoginView(views.LoginView):
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def post(self, request, *args, **kwargs):
        refused = too_many(request, LoginThrottle(), SIGN_INS)
        return refused or super().post(request, *args, **kwargs)

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)


# A forgotten password.


class ThenMail(HttpResponseRedirect):
    """A redirect that mails a link for a new password, if the address has an account, once it is sent.

    There is no worker for mail yet. Whoever asked has the whole answer before we look whether there is an
    account at all, so neither its text nor its time tells; the thread that answered is kept by a mail
    server for EMAIL_TIMEOUT at most.
    """

    def __init__(self, to, email):
        super().__init__(to)
        self.email = email

    def close(self):
        email, self.email = self.email, None
        try:
            if email:
                mail_password_link(email)
        except Exception:
            # Without the address or the link.
            logger.exception("A mail with a link for a new password could not be sent")
        finally:
            super().close()


def mail_password_link(email):
    user = User.objects.filter(email=email, is_active=True).first()
    if user is not None:
        context = {"link": password_link(user), "base_url": settings.BASE_URL}
        subject = render_to_string("registration/password_reset_subject.txt").strip()
        body = render_to_string("registration/password_reset_email.txt", context)
        send_mail(subject, body, None, [user.email])


@require_http_methods(["GET", "HEAD", "POST"])
def password_reset(request):
    """Ask for a link for a new password; known and unknown addresses get the same answer."""
    form = PasswordResetForm(request.POST if request.method == "POST" else None)
    if form.is_bound:
        for throttle in (ResetThrottle(), MailThrottle()):
            if refused := too_many(request, throttle, WISHES):
                return refused
        if form.is_valid():
            return ThenMail(reverse("password_reset_done"), form.cleaned_data["email"])
    context = {"form": form, "has_mail": settings.HAS_MAIL}
    return render(
        request, "registration/password_reset_form.html", context, status=422 if form.is_bound else 200
    )


@method_decorator(by_link, name="dispatch")
class PasswordResetConfirmView(views.PasswordResetConfirmView):
    """Set a new password by a link; its secret moves into the session at once, out of the address."""

    form_class = SetPasswordForm
    success_url = reverse_lazy("login")

    def dispatch(self, *args, **kwargs):
        response = super().dispatch(*args, **kwargs)
        return response if kwargs["token"] == self.reset_url_token else unreferred(response)

    def get_user(self, uidb64):
        return User.objects.filter(uuid=as_uuid(uidb64), is_active=True).first()

    def form_valid(self, form):
        actor = replace(current_actor(), user=self.user)
        with acting_as(lambda: actor):
            form.save()
        # All sessions of this person end with the old password; whoever else was signed in here ends too.
        logout(self.request)
        messages.success(self.request, gettext("Your new password is set. Sign in with it."))
        return redirect(self.success_url)

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def render_to_response(self, context, **kwargs):
        if not context["validlink"]:
            return dead_link(self.request)
        return super().render_to_response(context, **kwargs)


# An invitation.


@by_link
@require_safe
def invitation(request, secret):
    """The link of an invitation: it leads to the page, and its secret stays behind."""
    found = Invitation.objects.holding().filter(digest=digest_of(secret)).first()
    if found is None:
        return dead_link(request, is_invitation=True)
    request.session[INVITATION] = found.digest
    return unreferred(redirect("invitation-accept"))


@sensitive_post_parameters()
@by_link
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_accept(request):
    """Who invites where; a new person makes an account, one who has one signs in and accepts."""
    rows = Invitation.objects.holding().select_related("space", "invited_by")
    found = rows.filter(digest=request.session.get(INVITATION, "")).first()
    person = found and User.objects.filter(email=found.email).first()
    if found is None or (person is not None and not person.is_active):
        return dead_link(request, is_invitation=True)
    is_new = person is None and not request.user.is_authenticated
    newcomer = User(email=found.email)
    form = JoinForm(newcomer, request.POST if request.method == "POST" else None) if is_new else None
    may_accept = person is not None and request.user == person
    if request.method == "POST" and (may_accept or (is_new and form.is_valid())):
        return enter(request, found, form.fill() if is_new else person)
    status = 200
    if request.method == "POST":
        status = 422 if is_new else 403
    context = {"invitation": found, "person": person, "form": form, "may_accept": may_accept}
    return render(request, "accounts/invitation.html", context, status=status)


def enter(request, invitation, person):
    """Accept for `person` and go in; what did not hold in the last moment looks as if it never had."""
    try:
        if not invitation.accept(person):
            return dead_link(request, is_invitation=True)
    except IntegrityError:
        # Somebody made an account of this address meanwhile; the page says how to go on.
        return redirect("invitation-accept")
    request.session.pop(INVITATION, None)
    if request.user != person:
        login(request, person, BACKEND)
    messages.success(request, gettext("You are in {} now.").format(invitation.space.name))
    return redirect("issue-list")
