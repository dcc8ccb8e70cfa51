//! Rules at their limits and one beyond, on the messages of the contracts and on made-up ones.

mod contracts;
mod properties;
mod rules;
mod support;
mod unsupported;
