"""Diameter (RFC 6733) with credit control (RFC 8506): bytes and `now` in, commands for the engine and bytes out.

`codec` bytes <-> AVPs; `dictionary` what AVPs are called and how long they are; `conversation` one peer's connection
without a socket; `dialects/` credit-control request -> command, outcome -> answer; `server` the Twisted shell.
"""
