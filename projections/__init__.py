"""Events to read models: one module per read model, and the engine that feeds, rebuilds and proves them."""
