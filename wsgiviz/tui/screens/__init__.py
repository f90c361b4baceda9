"""The screens. The live one is always there; the others are loaded when they are asked for."""
