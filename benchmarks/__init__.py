"""Measurements: our work beside the raw limit of this machine, in one run, because absolute times move."""
