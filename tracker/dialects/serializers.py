"""What the serializers of every door share."""

from rest_framework import serializers

from issues import issue_rows
from issues.limits import TITLE
from issues.models import Level
from issues.models.sets import SETS
from issues.serializers import ExactCharField, twin
from tracker.dialects.vocabulary import LEVELS, changed


class WordField(ExactCharField):
    """One of a door's Words, as the value that it means."""

    def __init__(self, words, **kwargs):
        self.words = words
        super().__init__(**kwargs)

    def to_internal_value(self, data):
        word = super().to_internal_value(data)
        if word not in self.words.meant:
            raise serializers.ValidationError(f"One of {', '.join(self.words.meant)}.", "invalid_choice")
        return self.words.meant[word]


class TitleField(ExactCharField):
    """One line that says something."""

    def __init__(self, **kwargs):
        super().__init__(**{"max_length": TITLE} | kwargs)

    def to_internal_value(self, data):
        title = super().to_internal_value(data)
        if not title.strip():
            self.fail("blank")
        if "\n" in title or "\r" in title:
            raise serializers.ValidationError("A title is one line.")
        return title


class DoorSerializer(serializers.Serializer):
    """Writes a row, mostly an issue, in the words of a door. What it does not know it leaves alone.

    It has no read-only fields. With an instance, what only repeats what is `shown` of it is left alone as
    well; `names` are the keys of the native document that this is made of, `title_name` is the product's word
    for an issue's title, `description_format` how its clients write a description. What is no issue says by
    itself what is `shown_now`.
    """

    names = ()
    title_name = description_format = None

    def get_fields(self):
        return {name: twin(field) for name, field in self._declared_fields.items()}

    def shown(self, document):
        """{name that is written: value that the door shows} of an issue's native document."""
        raise NotImplementedError

    def shown_now(self):
        return self.shown(issue_rows.document_of(self.instance, self.names))

    def to_internal_value(self, data):
        if self.instance is not None and isinstance(data, dict):
            data = changed(data, self.shown_now())
        values = super().to_internal_value(data)
        if "description" in values and self.description_format:
            values["description_format"] = self.description_format
        return values

    def update(self, row, values):
        named = self.named(row, values)
        for name, value in values.items():
            setattr(row, name, value)
        row.save(update_fields=named)
        return row

    def named(self, row, values):
        """The columns that the client spelled out, be it what stood there before.

        A title that is said again along with another description follows that no more.
        """
        columns = {name for name in values if name not in SETS}
        return columns | {"title"} if self.title_name in self.initial_data else columns


def level_of(severity):
    """The system's level of this severity; none for None."""
    return severity and Level.objects.get(space=None, key=LEVELS[severity])


def whole_seconds(moment):
    """A time as documents of issues have it, as RFC 3339 in UTC without fractions."""
    if isinstance(moment, str):
        return f"{moment[:19]}Z"
    # Not strftime, which leaves out the zeros of a year before 1000.
    return moment and f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"
