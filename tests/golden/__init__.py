"""Pinned figures of one small digital patient: its plan, its results and a dose map per engine."""
