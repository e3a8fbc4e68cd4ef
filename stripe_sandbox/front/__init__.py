"""The sandbox's HTTP front: routes, parameters, refusals, lists, and the control API."""
