"""Signing in and out, people, and one's own settings."""

from django.contrib.auth.views import LogoutView, PasswordResetDoneView
from django.urls import path

from tracker.accounts import people, profile, views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password-reset/", views.password_reset, name="password_reset"),
    path("password-reset/done/", PasswordResetDoneView.as_view(), name="password_reset_done"),
    path(
        "password-reset/<str:uidb64>/<str:token>/",
        views.PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path("invitations/accept/", views.invitation_accept, name="invitation-accept"),
    path("invitations/<str:secret>/", views.invitation, name="invitation"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.person_invite, name="person-invite"),
    path("people/invitations/<str:id>/withdraw/", people.invitation_withdraw, name="invitation-withdraw"),
    path("people/<str:id>/role/", people.person_role, name="person-role"),
    path("people/<str:id>/remove/", people.person_remove, name="person-remove"),
    path("people/<str:id>/restore/", people.person_restore, name="person-restore"),
    path("people/<str:id>/link/", people.person_link, name="person-link"),
    path("people/<str:id>/deactivate/", people.person_deactivate, name="person-deactivate"),
    path("settings/", profile.profile, name="settings-profile"),
    path("settings/password/", profile.password, name="settings-password"),
    path("settings/tokens/", profile.tokens, name="settings-tokens"),
    path("settings/tokens/<str:id>/revoke/", profile.token_revoke, name="token-revoke"),
]
