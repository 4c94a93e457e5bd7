"""What happened in a month, in a shop's operations and on its data platform."""

from tracker.demo.stories import checkout, data, platform

STORIES = checkout.STORIES + platform.STORIES + data.STORIES
