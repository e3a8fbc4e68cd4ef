"""The addresses of people's and organizations' pages. Templates link to them by name."""

from django.urls import URLPattern, path

from organizations.views import api_keys, home, invitations, members, settings, teams

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("language/", home.choose_language, name="set_language"),
    path("invitations/", invitations.accept, name="accept_invitation"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("o/<slug:slug>/members/", members.members, name="members"),
    path("o/<slug:slug>/members/<str:person>/", members.member, name="member"),
    path("o/<slug:slug>/members/<str:person>/role/", members.change_role, name="member_role"),
    path("o/<slug:slug>/members/<str:person>/team/", members.move, name="member_team"),
    path("o/<slug:slug>/members/<str:person>/remove/", members.remove, name="member_remove"),
    path("o/<slug:slug>/leave/", members.leave, name="leave"),
    path("o/<slug:slug>/invitations/", invitations.invite, name="invite"),
    path("o/<slug:slug>/invitations/<str:invitation>/again/", invitations.invite_again, name="invitation_again"),
    path("o/<slug:slug>/invitations/<str:invitation>/revoke/", invitations.revoke, name="invitation_revoke"),
    path("o/<slug:slug>/teams/", teams.teams, name="teams"),
    path("o/<slug:slug>/teams/create/", teams.create, name="team_create"),
    path("o/<slug:slug>/teams/<str:team>/", teams.team, name="team"),
    path("o/<slug:slug>/teams/<str:team>/rename/", teams.rename, name="team_rename"),
    path("o/<slug:slug>/teams/<str:team>/close/", teams.close, name="team_close"),
    path("o/<slug:slug>/keys/", api_keys.api_keys, name="api_keys"),
    path("o/<slug:slug>/keys/create/", api_keys.create, name="api_key_create"),
    path("o/<slug:slug>/keys/<str:key>/revoke/", api_keys.revoke, name="api_key_revoke"),
    path("o/<slug:slug>/settings/", settings.settings, name="settings"),
]
