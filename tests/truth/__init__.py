"""Is what is shown true? Displayed states, times and lines against observers that know nothing of wsgiviz."""
