"""The catalogue: what can be shown, which question it answers, and what one request costs."""

from wsgiviz.scenarios.catalogue import catalogue, find, symptoms
from wsgiviz.scenarios.scenario import Choice, Cost, Parameter, Scenario, Value

__all__ = ["Choice", "Cost", "Parameter", "Scenario", "Value", "catalogue", "find", "symptoms"]
