"""The console: screens that operators open in a browser.

``screens`` draw, ``queries`` turn the frozen snapshot into rows (no streamlit), ``components`` draw without knowing
the runtime, ``actions`` is the only place that changes anything, ``mount`` puts the console into another app.
"""
