"""From a prescription to the activity to order and inject, and the doses that follow."""
