"""Drawing without knowing the runtime: each function takes values and puts one thing on the page."""
