"""What is offered while somebody types of people and issues."""

import re

import pytest
from django.urls import reverse

from issues.markdown import render
from tests.factories import IssueFactory, MembershipFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def offered(client, bob):
    """A function that gives [what would be put in] for a word in OPS."""
    client.force_login(bob)

    def ask(word, space="OPS"):
        response = client.get(reverse("text-complete"), {"space": space, "word": word})
        assert response.status_code == 200
        return re.findall(r'data-text="([^"]*)"', response.content.decode())

    return ask


def test_people_are_found_by_handle_and_by_each_name(offered, ops, alice):
    MembershipFactory(space=ops, user__name="Jane Doe", user__handle="jd")

    assert offered("@jd") == offered("@jan") == offered("@Doe") == ["@jd"]
    assert offered("@owner") == ["@Alice.Owner"]
    assert offered("@") == ["@Alice.Owner", "@Bob.Colleague", "@jd"]
    assert offered("@nobody") == []


def test_what_is_put_in_is_a_mention(offered, ops):
    MembershipFactory(space=ops, user__name="Zoë O'Hara", user__handle="")
    MembershipFactory(space=ops, user__name="Łukasz Żak")

    (text,) = offered("@Łuk")

    assert f'<span class="mention">{text}</span>' in render(f"Ask {text} about it")
    assert offered("@Zo") == []


def test_people_who_left_and_strangers_are_not_offered(offered, ops, charlie):
    MembershipFactory(space=ops, user__name="Former Colleague", is_active=False)

    assert offered("@Former") == offered("@Charlie") == []


def test_issues_are_found_by_number_key_and_words(offered, ops):
    for number in range(12):
        IssueFactory(space=ops, title=f"Import {number} fails")
    IssueFactory(space=ops, title="Customer ids are null")

    assert offered("#1") == offered("OPS-1") == ["OPS-1", "OPS-10", "OPS-11", "OPS-12", "OPS-13"]
    assert offered("#cust") == ["OPS-13"]
    assert offered("#")[0] == offered("OPS-")[0] == "OPS-13"
    assert offered("#999999999999") == offered("#0") == offered("#c") == offered("#zzz") == []


def test_what_is_deleted_or_of_others_is_not_offered(offered, ops, charlie):
    IssueFactory(space=ops, title="Gone").trash()
    IssueFactory(space=charlie.memberships.get().space, title="Secret")

    assert offered("#gone") == offered("#1") == offered("#secret") == offered("DATA-1") == []


@pytest.mark.parametrize("space", ["DATA", "", "nothing"])
def test_a_space_that_is_not_theirs_is_none(client, bob, charlie, space):
    client.force_login(bob)

    response = client.get(reverse("text-complete"), {"space": space, "word": "@"})

    assert response.status_code == 404


@pytest.mark.parametrize(
    "word", ["", "@" * 500, "#'\"%_", "#" + "٣", "-", "OPS", "OPS-x", "OPS-" + "9" * 40, "#<b>"]
)
def test_any_word_has_an_answer(offered, word):
    assert offered(word) in ([], offered("OPS-"))


def test_issues_come_with_a_constant_number_of_statements(offered, ops, django_assert_max_num_queries):
    IssueFactory.create_batch(10, space=ops, title="Import fails")

    with django_assert_max_num_queries(7):
        assert len(offered("#import")) == 8
