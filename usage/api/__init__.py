"""The API that product servers call: JSON over HTTP, strict in what it takes, problem documents where it refuses.

`calls` describes every call once, for the routes and for the OpenAPI document. Decisions belong in `usage.metering`;
here requests become its arguments and its answers become JSON.
"""
