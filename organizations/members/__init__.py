"""Who belongs to an organization: memberships, invitations and teams."""
