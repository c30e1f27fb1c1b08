"""The commands behind `candid`, a module each. They are imported only when they are asked for."""
