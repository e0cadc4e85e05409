"""Jobs and their times: one long-lived process that runs them, or units for those who let their system do it."""
