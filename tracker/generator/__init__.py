"""A realistic, deterministic data set of any size, to measure with: `manage.py generate_issues`."""
