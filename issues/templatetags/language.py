"""`{% translate "…" %}` as Django has it, but quick where it is of a literal text: a list has hundreds."""

from django import template
from django.templatetags.i18n import TranslateNode, do_translate

from issues.language import say

register = template.Library()


class LiteralNode(TranslateNode):
    """Django goes by way of a variable, of a lazy text, and of whether it has to be escaped."""

    def __init__(self, node, text):
        super().__init__(node.filter_expression, node.noop, node.asvar, node.message_context)
        # Without the mark of a safe text, at which every look costs time.
        self.text = f"{text}"

    def render(self, context):
        return say(self.text)


@register.tag
def translate(parser, token):
    node = do_translate(parser, token)
    expression, text = node.filter_expression, node.filter_expression.var.literal
    is_more = node.noop or node.asvar or node.message_context or expression.filters
    return node if is_more or not isinstance(text, str) or "%" in text else LiteralNode(node, text)
