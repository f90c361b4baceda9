"""wsgiviz: see, on real servers, why WSGI is synchronous."""

__version__ = "0.1.0"
