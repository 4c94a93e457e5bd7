"""One id reads the same at every door."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issues.models.fields import uuid7
from tracker.dialects.ids import hex_of, parse, prefixed, ulid_of

UUIDS = st.uuids()
LEAST, MOST = UUID(int=0), UUID(int=2**128 - 1)


@given(UUIDS)
@example(LEAST)
@example(MOST)
def test_every_form_of_an_id_leads_back_to_it_in_either_case(uuid):
    forms = [str(uuid), hex_of(uuid), ulid_of(uuid)]

    found = {parse(spelled) for form in forms for spelled in (form, form.upper(), form.lower())}

    assert found == {uuid}
    assert parse(prefixed("issue", uuid), "issue") == uuid


@given(UUIDS, UUIDS)
def test_ids_sort_alike_in_every_form(one, other):
    ways = [str, hex_of, ulid_of, lambda uuid: prefixed("issue", uuid)]

    orders = {way(one) < way(other) for way in ways}

    assert orders == {one < other}


def test_the_example_of_a_version_7_uuid_has_this_ulid():
    uuid = UUID("0190a6c4-7b1e-7c3a-9d52-0123456789ab")

    assert ulid_of(uuid) == "01J2KC8YRYFGX9TMG14D2PF2DB"
    assert hex_of(uuid) == "0190a6c47b1e7c3a9d520123456789ab"
    assert prefixed("issue", uuid) == "issue_0190a6c47b1e7c3a9d520123456789ab"


def test_letters_that_look_like_digits_are_read_as_those():
    ulid = "01J2KC8YRYFGX9TMG14D2PF2DB"

    alike = [ulid.replace("0", "O"), ulid.replace("1", "I"), ulid.replace("1", "l").replace("0", "o")]

    assert {parse(text) for text in alike} == {parse(ulid)}


@given(st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefILOU_-", max_size=40))
def test_what_is_read_is_an_id_of_one_of_the_lengths(text):
    found = parse(text)

    assert found is None or len(text) in (26, 32, 36)
    assert found is None or text.upper().translate(str.maketrans("ILO", "110")) in (
        str(found).upper(),
        hex_of(found).upper(),
        ulid_of(found),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "01J2KC8YRYFGX9TMG14D2PF2DU",
        "01J2KC8YRYFGX9TMG14D2PF2D",
        "01J2KC8YRYFGX9TMG14D2PF2DB\n",
        "01J2KC8YRYFGX9TMG14D2PF2D\u0660",
        "0190a6c47b1e7c3a9d520123456789a",
        "{0190a6c4-7b1e-7c3a-9d52-0123456789ab}",
        "issue_0190a6c47b1e7c3a9d520123456789ab",
        42,
        None,
    ],
)
def test_any_other_text_is_no_id(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "0190a6c47b1e7c3a9d520123456789ab",
        "chan_0190a6c47b1e7c3a9d520123456789ab",
        "issue_0190a6c4-7b1e-7c3a-9d52-0123456789ab",
        "issue_01J2KC8YRYFGX9TMG14D2PF2DB",
        "issue_0190a6c47b1e7c3a",
        "issue_issue_0190a6c47b1e7c3a9d520123456789ab",
    ],
)
def test_behind_a_prefix_stand_32_hex_and_the_prefix_must_be_the_right_one(text):
    assert parse(text, "issue") is None


def test_a_prefixed_id_is_read_in_either_case():
    uuid = uuid7()

    assert parse(f"issue_{uuid.hex.upper()}", "issue") == uuid
