"""Plain functions over values: window arithmetic and what operators are composed of."""
