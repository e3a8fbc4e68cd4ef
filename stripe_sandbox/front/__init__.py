"""The sandbox's HTTP front: routes, parameters, errors, lists, and the control API."""
