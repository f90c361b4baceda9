"""What the viewer sees: rings of the observed processes, and the kernel's own figures."""
