"""The flight recorder: each observed process writes events into its own ring file; a viewer reads them.

Nothing flows back along this path. Standard library only.
"""
