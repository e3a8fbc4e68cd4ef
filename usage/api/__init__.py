"""The API for product servers: JSON over HTTP, strict in what it accepts, with problem documents for errors.

`catalogue` describes every call once, for the routes and for OpenAPI. Decisions belong in `usage.metering`; here
requests become its arguments and its answers become JSON.
"""
