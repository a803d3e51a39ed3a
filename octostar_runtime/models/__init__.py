"""Values that cross threads and processes: frozen dataclasses and enums, no behaviour beyond derived facts."""
