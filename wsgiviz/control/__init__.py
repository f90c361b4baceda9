"""Control: what a person wants becomes commands to processes, and both become events of the log."""
