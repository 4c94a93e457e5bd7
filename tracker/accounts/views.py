"""The page for signing in."""

from math import ceil

from django.contrib.auth import views

from tracker.accounts.forms import LoginForm
from tracker.accounts.throttling import LoginThrottle
from tracker.errors import error_response


class LoginView(views.LoginView):
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def post(self, request, *args, **kwargs):
        throttle = LoginThrottle()
        if throttle.allow_request(request, self):
            return super().post(request, *args, **kwargs)
        seconds = ceil(throttle.wait() or 60)
        response = error_response(
            request, 429, f"Too many attempts to sign in. Try again in {seconds} seconds."
        )
        response["Retry-After"] = str(seconds)
        return response

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)
