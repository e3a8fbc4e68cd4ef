"""Domain events: what happened, declared beside its cause, and the one way by which a fact goes up.

A noun declares its events (`declarations`) in a module of its own, its app's `ready` makes them known (`registry`) and
its verbs publish them in the transaction of the cause (`publishing`). What follows is in the declaration: a notice and
its emails, a webhook, both or neither. A room above that must act on an event of a room below subscribes to it
(`subscribers`). Everything that lists events is made from the declarations: the page of notice settings, emails, the
API's document, the page for developers, the admin's filters, the forms of endpoints. `checks` names what is incomplete.

How words reach rooms below without an import upward: `notices.kinds` and `webhooks.event_types` each define what they
need to know of a kind or type, and keep a table of them; `registry` fills both tables as declarations come in.

A new event is one declaration and one call of `publish`; no migration, since no column lists names.
"""
