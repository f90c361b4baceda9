"""The probe: runs inside the observed servers and writes what happens into their rings.

Standard library and the server itself only. It keeps every promise of PEP 3333 and the ASGI specification
towards app and server, and its own faults are counted drops, never errors of its host.
"""
