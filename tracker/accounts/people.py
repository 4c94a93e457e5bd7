"""The page of people: who is in a space and as what, and what its admins do about it."""

from itertools import groupby

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Count
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from issues import lookups
from issues.forms import OPEN
from issues.language import inside
from issues.models import Issue, Membership, Space
from issues.policy import allows, may
from tracker.accounts.forms import InvitationForm, RoleForm
from tracker.accounts.links import invitation_link, password_link
from tracker.accounts.models import Invitation

DEACTIVATED = gettext_noop("The account of {} is deactivated.")


@login_required
@require_safe
def people(request):
    """Everybody of one's spaces, or of the one that `?space=` names."""
    return people_page(request)


def people_page(request, status=200, **context):
    """The page; `form` is an InvitationForm that could not be saved, `problem` what else went wrong."""
    spaces = Space.objects.visible_to(request.user).order_by("key")
    key = request.GET.get("space")
    chosen = lookups.find_space(request.user, key) if key else None
    if key and chosen is None:
        raise Http404
    shown = [space for space in spaces if chosen in (None, space)]
    members = members_of(shown, request.user)
    pending = Invitation.objects.holding().filter(space__in=shown).select_related("invited_by")
    pending = by_space(pending.order_by("space", "email", "id"))
    context["sections"] = [
        {
            "space": space,
            "members": [member for member in members.get(space.pk, ()) if member.is_here],
            "gone": [member for member in members.get(space.pk, ()) if not member.is_here],
            "invitations": pending.get(space.pk, ()),
            "may_manage": may(request, "manage_members", space.pk),
        }
        for space in shown
    ]
    managed = [section["space"] for section in context["sections"] if section["may_manage"]]
    if managed:
        context.setdefault("form", InvitationForm(request, initial={"space": managed[0].key}))
    context |= {"roles": Membership.Role.choices, "spaces": spaces, "chosen": chosen}
    return render(request, "accounts/people.html", context, status=status)


def members_of(spaces, asker):
    """{space: its Memberships, by name}, each with what the page shows beside it."""
    rows = Membership.objects.filter(space__in=spaces).select_related("user")
    rows = list(rows.order_by("space", "user"))
    assigned = Issue.objects.visible_to(asker).open().filter(assignee__in=[row.user_id for row in rows])
    assigned = assigned.order_by().values_list("space", "assignee").annotate(Count("pk"))
    counts = {(space, person): count for space, person, count in assigned}
    known = {space.pk: space for space in spaces}
    for row in rows:
        row.space = known[row.space_id]
        row.is_here = row.is_active and row.user.is_active
        row.open_count = counts.get((row.space_id, row.user_id), 0)
        query = urlencode({"space": row.space.key, "assignee": row.user.uuid, "status": OPEN})
        row.open_link = f"{reverse('issue-list')}?{query}"
    return by_space(rows)


def by_space(rows):
    return {space: list(group) for space, group in groupby(rows, lambda row: row.space_id)}


def back_to(space):
    return redirect(f"{reverse('people')}?{urlencode({'space': space.key})}")


def membership_or_404(request, id):
    """A membership that this person manages, with its user and space."""
    rows = Membership.objects.filter(space__in=request.user.space_roles(), uuid=lookups.as_uuid(id))
    membership = rows.select_related("user", "space").first()
    if membership is None:
        raise Http404
    if not may(request, "manage_members", membership.space_id):
        raise PermissionDenied
    return membership


def refused(request, error):
    return people_page(request, 422, problem=" ".join(error.messages))


@login_required
@require_POST
def person_invite(request):
    """Make an invitation and show its link, which nothing can show again."""
    form = InvitationForm(request, request.POST)
    if not form.fields["space"].queryset.exists():
        raise PermissionDenied
    issued = form.save()
    if issued is None:
        return people_page(request, 422, form=form)
    invitation, secret = issued
    context = {"invitation": invitation, "link": invitation_link(secret)}
    return secret_page(request, "accounts/invitation_made.html", context)


def secret_page(request, template, context):
    """A page that shows a secret, this once."""
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def invitation_withdraw(request, id):
    rows = Invitation.objects.filter(space__in=request.user.space_roles(), uuid=lookups.as_uuid(id))
    invitation = rows.select_related("space").first()
    if invitation is None:
        raise Http404
    if not may(request, "manage_members", invitation.space_id):
        raise PermissionDenied
    invitation.withdraw()
    messages.success(request, gettext("The invitation of {} is withdrawn.").format(invitation.email))
    return back_to(invitation.space)


@login_required
@require_POST
def person_role(request, id):
    membership = membership_or_404(request, id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return people_page(request, 422, problem=gettext("Role: {}").format(form.errors["role"][0]))
    membership.role = form.cleaned_data["role"]
    try:
        membership.save(update_fields=["role"])
    except ValidationError as error:
        return refused(request, error)
    role = inside(gettext(membership.get_role_display()))
    messages.success(request, gettext("{person} is {role} now.").format(person=membership.user, role=role))
    return back_to(membership.space)


@login_required
@require_POST
def person_remove(request, id):
    """End a membership, and what could bring it back: the invitations of this address."""
    membership = membership_or_404(request, id)
    membership.is_active = False
    try:
        with transaction.atomic():
            Invitation.withdraw_all(membership.space, membership.user.email)
            membership.save(update_fields=["is_active"])
    except ValidationError as error:
        return refused(request, error)
    messages.success(
        request,
        gettext("{person} is no longer in {space}.").format(
            person=membership.user, space=membership.space.name
        ),
        extra_tags=reverse("person-restore", args=[membership.uuid]),
    )
    return redirect("people") if membership.user == request.user else back_to(membership.space)


@login_required
@require_POST
def person_restore(request, id):
    membership = membership_or_404(request, id)
    if not membership.user.is_active:
        return people_page(request, 422, problem=gettext(DEACTIVATED).format(membership.user))
    membership.is_active = True
    membership.save(update_fields=["is_active"])
    back = gettext("{person} is in {space} again.")
    messages.success(request, back.format(person=membership.user, space=membership.space.name))
    return back_to(membership.space)


def may_let_in(asker, person):
    """Whether `asker` may make a link with which `person` sets a password.

    Whoever has the link can become that person, so an admin makes it only for those who have no rights
    beyond what this admin manages: no superuser, no staff, nobody of a space of others.
    """
    if not (person.is_active and person.email):
        return False
    if asker.is_superuser:
        return True
    spaces = person.memberships.filter(is_active=True).values_list("space", flat=True)
    managed = all(allows(asker, "manage_members", space) for space in spaces)
    return managed and not (person.is_superuser or person.is_staff)


@login_required
@require_POST
def person_link(request, id):
    """Make a link for a new password, on record, and show it this once."""
    membership = membership_or_404(request, id)
    if not (membership.is_active and may_let_in(request.user, membership.user)):
        reason = gettext("Only a superuser can make a link for {}, or they ask for one by e-mail.")
        reason = reason.format(membership.user)
        return people_page(request, 403, problem=reason)
    membership.user.record("password_link_made")
    context = {"membership": membership, "link": password_link(membership.user)}
    return secret_page(request, "accounts/password_link.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def person_deactivate(request, id):
    """End a whole account; for superusers, and not for their own."""
    membership = membership_or_404(request, id)
    person = membership.user
    if not request.user.is_superuser or person == request.user:
        raise PermissionDenied
    problem = None
    if request.method == "POST":
        try:
            person.deactivate()
        except ValidationError as error:
            problem = " ".join(error.messages)
        else:
            messages.success(request, gettext(DEACTIVATED).format(person))
            return back_to(membership.space)
    context = {"membership": membership, "person": person, "problem": problem}
    return render(request, "accounts/deactivate.html", context, status=422 if problem else 200)
