"""What bootstrap and the demo put into a database: spaces, people, and a month of a team's issues."""
