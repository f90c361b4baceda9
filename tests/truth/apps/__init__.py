"""Apps that write down themselves what they do, and when: they know nothing of wsgiviz, and are its witnesses."""
