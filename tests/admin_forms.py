"""The administration as a browser sees it: what a page's form would send, and sending it changed."""

from html.parser import HTMLParser

from django.urls import reverse


class FormReader(HTMLParser):
    """Collects what the form of this id would post."""

    def __init__(self, wanted):
        super().__init__()
        self.wanted, self.is_inside, self.select, self.area = wanted, False, None, None
        self.found = {}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.is_inside = attrs.get("id") == self.wanted
        name = attrs.get("name")
        if not self.is_inside or "disabled" in attrs:
            return
        if tag == "input" and name and attrs.get("type") != "submit":
            if attrs.get("type") != "checkbox" or "checked" in attrs:
                self.found[name] = attrs.get("value", "on")
        elif tag == "select" and name:
            self.select, self.found[name] = name, ""
        elif tag == "option" and self.select and "selected" in attrs:
            self.found[self.select] = attrs.get("value", "")
        elif tag == "textarea" and name:
            self.area, self.found[name] = name, ""

    def handle_endtag(self, tag):
        if tag == "select":
            self.select = None
        elif tag == "textarea":
            self.area = None
        elif tag == "form":
            self.is_inside = False

    def handle_data(self, data):
        if self.area:
            self.found[self.area] += data.removeprefix("\n")


def form_of(response, form):
    """{name: value} that this form of the page would post."""
    reader = FormReader(form)
    reader.feed(response.content.decode())
    return {
        name: value
        for name, value in reader.found.items()
        if "__prefix__" not in name and name not in ("csrfmiddlewaretoken", "_selected_action", "action")
    }


def admin_url(model, page="changelist", *args):
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{page}", args=args)


def row_url(row, page="change"):
    return admin_url(type(row), page, row.pk)


def submit(client, row, **values):
    """Open a row's page, change these values in its form, and send it; None leaves a value out."""
    url = row_url(row)
    data = form_of(client.get(url), f"{row._meta.model_name}_form") | values
    return client.post(url, {name: value for name, value in data.items() if value is not None})


def add(client, model, **values):
    """Fill in the page for a new row, and send it."""
    url = admin_url(model, "add")
    data = form_of(client.get(url), f"{model._meta.model_name}_form") | values
    return client.post(url, {name: value for name, value in data.items() if value is not None})


def edit_list(client, row, **values):
    """Open the list of a model, change a row's values in it, and send it."""
    url = admin_url(type(row))
    data = form_of(client.get(url), "changelist-form")
    prefix = next(name for name, value in data.items() if name.endswith("-id") and value == str(row.pk))[:-2]
    data |= {prefix + name: value for name, value in values.items()} | {"_save": "Save"}
    return client.post(url, {name: value for name, value in data.items() if value is not None})


def act(client, action, *rows, model=None):
    """Choose an action for these rows in their list."""
    keys = [getattr(row, "pk", row) for row in rows]
    url = admin_url(model or type(rows[0]))
    return client.post(url, {"action": action, "index": "0", "_selected_action": keys}, follow=True)


def errors_of(response):
    """{field: [messages]} of the forms that the page shows again."""
    context = response.context
    if context.get("adminform"):
        forms = [context["adminform"].form]
        for formset in context["inline_admin_formsets"]:
            forms += formset.formset.forms
    else:
        forms = context["cl"].formset.forms
    return {form.add_prefix(name): list(errors) for form in forms for name, errors in form.errors.items()}
