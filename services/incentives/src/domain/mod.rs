//! What is decided here, as pure functions over loaded state: no clock, no store, no wire format.
