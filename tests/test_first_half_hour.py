"""The first half hour, as the README tells it: every step through the pages, in its order."""

import re
from io import StringIO

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from issues.models import Channel, Issue, Level, Space
from tests.admin_forms import add
from tests.issues.test_attachment import PNG
from tests.test_pages import text_of

README = (settings.BASE_DIR / "README.md").read_text()
PASSWORD = "correct horse battery"


def posted(client, route, /, *args, **data):
    response = client.post(reverse(route, args=args), data, follow=True)
    assert response.status_code == 200, response.content
    return response


@pytest.mark.django_db
def test_the_first_half_hour(settings, tmp_path):
    settings.DEBUG, settings.MEDIA_ROOT = True, tmp_path
    out = StringIO()
    call_command("demo", stdout=out)
    email, password = re.search(r"Sign in +(\S+) +(\S+)", out.getvalue()).groups()
    jane = Client()

    home = posted(jane, "login", username=email, password=password)
    assert "Administration" in text_of(home) and "Tokens" in text_of(home) and "People" in text_of(home)

    ops = Space.objects.get(key="OPS")
    add(jane, Level, space=ops.pk, key="urgent", name="Drop everything", severity="critical", rank="1")
    add(jane, Channel, space=ops.pk, name="War room")
    level, channel = Level.objects.get(key="urgent"), Channel.objects.get(name="War room")

    link = text_of(posted(jane, "person-invite", space="OPS", email="nora@example.com", role="member"))
    secret = re.search(r"/invitations/([\w-]{30,})/", link)[1]
    nora = Client()
    assert "Operations" in text_of(nora.get(reverse("invitation", args=[secret]), follow=True))
    posted(nora, "invitation-accept", name="Nora", new_password1=PASSWORD, new_password2=PASSWORD)
    assert "Nora" in text_of(jane.get(reverse("people"), {"space": "OPS"}))

    picture = SimpleUploadedFile("screen.png", PNG)
    text = "Seen by **everybody**"
    page = posted(nora, "issue-create", space="OPS", title="The shop is down", description=text, file=picture)
    issue = Issue.objects.get(title="The shop is down")
    assert "screen.png" in text_of(page)
    (address,) = re.findall(r'<img src="([^"]+)"', page.content.decode())
    assert nora.get(address)["Content-Type"] == "image/png"
    page = posted(nora, "issue-update", issue.key, level=level.uuid, of="channels", channels=channel.uuid)
    assert "Drop everything" in text_of(page) and "War room" in text_of(page)

    history = text_of(jane.get(reverse("history-list"), {"space": "OPS"}))
    assert f"{issue.key} Nora set Level none → Drop everything" in history
    assert "Jane Lindqvist made the level Drop everything" in history
    journal = text_of(jane.get(reverse("issue-history", args=[issue.key])))
    assert "Nora opened this issue" in journal and "Nora added the channel War room" in journal

    page = posted(nora, "settings-tokens", name="Robot", scope="write", space="OPS", expires="90").content
    token = re.search(r'value="(trk_[\w-]+)"', page.decode())[1]
    robot = Client(headers={"authorization": f"Bearer {token}"})
    assert robot.get("/api/issues/").json()["results"][0]["title"] == "The shop is down"


def test_the_readme_names_the_steps_as_the_pages_do():
    section = README.split("## The first half hour")[1].split("## ")[0]

    named = set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", section))

    assert named == {
        "Administration", "People", "Invite somebody", "New", "Preview", "Files", "Save", "History",
        "Tokens", "Channels",
    }  # fmt: skip
