"""Legacy data becomes events: recognise, freeze, translate, append, reconcile, prove."""
